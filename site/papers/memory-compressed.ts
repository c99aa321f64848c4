/** What Liu et al. 2018 say: keys and values shortened by a strided convolution. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const memoryCompressed: PaperNotes = {
  variant: 'memory-compressed',
  title: 'Memory-compressed attention',
  idea: 'Each query sees all of the past, in a third as many keys.',
  symbols: [
    { tex: 's', option: 'stride', means: 'tokens from one compressed key to the next' },
    { tex: 'k', option: 'kernelWidth', means: 'tokens that a compressed key is made of' },
    { tex: 'm', option: 'blockLength', means: 'tokens of a block, in a layer with local attention' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§4.2.3',
      tex: tex`\tilde K_g = \sum_{t} K_{(g+1)s - k + t}\,W^K_t, \qquad \tilde V_g = \sum_t V_{(g+1)s - k + t}\,W^V_t, \qquad O = \operatorname{softmax}\left(\frac{Q \tilde K^T}{\sqrt d}\right) \tilde V`,
      says: 'A convolution with a stride makes fewer keys and values; queries stay as they are. Such layers take turns with local attention in blocks of 256 tokens, L-M-L-M-L, so that what a group hides is seen nearby.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot \frac ks \cdot d^2`, says: 'The convolutions of keys and of values.' },
      { tex: tex`2 \cdot L \cdot \frac Ls \cdot d`, says: 'Each query meets $L/s$ keys.' },
      {
        tex: tex`O(L^2/s \cdot d)`,
        says: tex`Quadratic, divided by the stride. A local layer takes $O(L \cdot m \cdot d)$.`,
      },
    ],
  },
  givesUp:
    'Single far tokens, each mixed with its neighbours. Causally also the nearest ones, where a group has not ended.',
  goodFor: 'Summaries of long inputs, for which it was made.',
  badFor: 'Very long texts: it is still quadratic.',
};
