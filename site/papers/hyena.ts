/** What Poli et al. 2023 say: long convolutions and gates take turns. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const hyena: PaperNotes = {
  variant: 'hyena',
  title: 'Hyena',
  idea: 'A convolution as long as the text lets all tokens meet, and products with the token let content decide.',
  symbols: [
    { tex: 'L', option: 'filterLength', means: 'places of a filter' },
    { tex: 'K', option: 'bands', means: 'frequencies in the features of time' },
    { tex: tex`\omega`, option: 'sineFrequency', means: 'how fast the sines of the network turn' },
    { tex: 'h^n', option: null, means: 'the filters, made by a small network' },
    { tex: 'x^n', option: null, means: 'projections of the token: gates' },
    { tex: 'd', option: null, means: 'width of a head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`y = x^2 \cdot (h^2 * (x^1 \cdot (h^1 * v)))`,
      says: 'The operator of order 2: two rounds of a convolution and a gate do for queries, keys and values what attention does.',
    },
    {
      label: '§3.1',
      tex: tex`z^1 = v, \qquad z^{n+1}_t = x^n_t\,(h^n * z^n)_t, \qquad y = z^{N+1}`,
      says: 'Its definition for any order. Order 2 is the usual one.',
    },
    {
      label: '§3.3',
      tex: tex`h_t = \operatorname{Window}(t) \cdot (\operatorname{FFN} \circ \operatorname{PositionalEncoding})(t)`,
      says: 'A filter has no entries of its own: a small network with sines makes them from the time, and a decaying window bounds them. Its parameters do not grow with the length.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \log L`,
        says: 'A convolution with a filter as long as the text, by Fourier transforms, for each column.',
      },
      { tex: tex`L \cdot d`, says: 'Gates.' },
      { tex: tex`O(L \log L \cdot d)`, says: 'For all columns and both rounds.' },
    ],
  },
  givesUp: 'Comparison: tokens are weighed by their distance and by two gates. It gives up a short state.',
  goodFor: 'Very long sequences, such as those of genes or sound.',
  badFor:
    'Recall: in the study of Arora et al. 2023 (arXiv:2312.04927) such convolutions recall far less than attention.',
};
