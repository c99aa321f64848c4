/** What Ma et al. 2021 say: a short sequence packs the long one, and is read by it. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const luna: PaperNotes = {
  variant: 'luna',
  title: 'Luna',
  idea: 'A few rows read the text, and the text reads these rows.',
  symbols: [
    { tex: 'l', option: 'packLength', means: 'rows of the short sequence' },
    { tex: 'P', option: null, means: 'the short sequence: a parameter, but where a layer below hands it on' },
    { tex: tex`\omega`, option: 'activation', means: 'a positive function in place of the softmax, if causal' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`Y_P = \operatorname{Attn}(P, X), \qquad Y_X = \operatorname{Attn}(X, Y_P)`,
      says: 'Pack and unpack: two attentions, each linear in the length, in place of one that is quadratic.',
    },
    {
      label: 'Figure 1',
      tex: tex`P' = \mathrm{norm}(P + Y_P)`,
      says: "The next layer has $P'$ as its $P$: what is packed goes up beside the tokens. Causally each layer has a $P$ of its own.",
    },
    {
      label: '§3.4',
      tex: tex`f(X, Y, Z)_t = \frac1t\, X_t \sum_{j=1}^{t} Y_j^T Z_j`,
      says: 'Causally no softmax over the sequence is possible. The pack uses a positive activation, and both products become means of the tokens so far.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot l \cdot d`, says: 'Pack: each row reads all tokens.' },
      { tex: tex`2 \cdot L \cdot l \cdot d`, says: 'Unpack: each token reads all rows.' },
      { tex: tex`O(L \cdot l \cdot d)`, says: 'Linear in the length.' },
    ],
  },
  givesUp: 'The weight of a single pair: a token reads one of a few mixtures.',
  goodFor: 'Long texts, in models that are trained with it.',
  badFor: 'Replacing full attention in a trained model: an untrained pack reads at random.',
};
