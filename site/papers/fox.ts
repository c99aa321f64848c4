/** What Lin et al. 2025 say: a forget gate for full attention. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const fox: PaperNotes = {
  variant: 'fox',
  title: 'Forgetting Transformer',
  idea: 'Full attention in which every token decides how much of what lies before it fades.',
  symbols: [
    { tex: 'f_t', option: null, means: 'the forget gate of token $t$, between 0 and 1, for each head' },
    { tex: 'D_{ij}', option: null, means: 'what the gates between key $j$ and query $i$ add to their score' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“Forgetting Attention”',
      tex: tex`D_{ij} = \sum_{l=j+1}^{i} \log f_l \;\;(j \le i), \qquad O = \operatorname{softmax}\left(\frac{QK^T}{\sqrt d} + D\right) V`,
      says: 'A weight is multiplied by all gates between its key and its query. Their logarithms are running sums, so $D_{ij} = G_i - G_j$ costs one number for each token. Gates of 1 give full causal attention, equal gates give ALiBi.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`\tfrac12 L^2 \cdot 2d`,
        says: 'Scores and weighted values of all pairs of a token and one before it.',
      },
      { tex: 'L', says: 'The running sum of the logarithms: one addition for each token.' },
      {
        tex: tex`O(L^2 \cdot d)`,
        says: 'As full attention. Memory stays linear, because the sums enter the tiles as they are.',
      },
    ],
  },
  givesUp: 'No cost is saved. It gives up an even view of the past.',
  goodFor:
    'Models of text that should do without positions: the gates tell the order. The paper reports better results than rotary positions on long texts, and on texts longer than those of training.',
  badFor: 'Saving time or memory. Reading in both directions, for which it is not defined.',
};
