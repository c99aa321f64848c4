/** What Zhang et al. 2021 say: a window, then a wider one over pooled tokens. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const poolingformer: PaperNotes = {
  variant: 'poolingformer',
  title: 'Poolingformer',
  idea: 'A narrow window reads every neighbour. A wide one reads summaries of several neighbours each.',
  symbols: [
    { tex: 'w_1', option: 'window', means: 'tokens on each side in the first window' },
    { tex: 'w_2', option: 'wideWindow', means: 'tokens on each side in the second' },
    { tex: tex`\kappa`, option: 'poolWidth', means: 'tokens that are pooled into one' },
    { tex: tex`\xi`, option: 'poolStride', means: 'tokens from one pooled key to the next' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“first level”',
      tex: tex`y_i = \operatorname{softmax}\left(\frac{q_i\,K_{N(i, w_1)}^T}{\sqrt d}\right) V_{N(i, w_1)}, \qquad N(i, w) = \{i - w, \dots, i + w\}`,
      says: 'A sliding window over single tokens.',
    },
    {
      label: '“second level”',
      tex: tex`z_i = \operatorname{softmax}\left(\frac{q_i\,\bar K_{N(i, w_2)}^T}{\sqrt d}\right) \bar Y_{N(i, w_2)}, \qquad \bar K, \bar Y = \operatorname{Pool}(K, Y; \kappa, \xi), \qquad o_i = y_i + z_i`,
      says: 'A wider window over pooled keys. The pooled values are those that the first level has made, so they have heard of their neighbours already. Pool is a mean, a maximum, or a mixture whose weights the token in the middle decides. Both results are added.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot (2 w_1 + 1) \cdot d`, says: 'The first window.' },
      { tex: tex`\frac{L}{\xi} \cdot \kappa \cdot d`, says: 'Pooling reads each token about once.' },
      {
        tex: tex`2 \cdot L \cdot \frac{2 w_2 + 1}{\xi} \cdot d`,
        says: 'The second window has fewer keys by the stride.',
      },
      {
        tex: tex`O(L \cdot (w_1 + w_2/\xi) \cdot d)`,
        says: 'Together: a reach of the second window for a fraction of its price.',
      },
    ],
  },
  givesUp: 'Single far tokens, and all that lie beyond both windows.',
  goodFor: 'Long documents, in which near words count one by one and farther ones by their gist.',
  badFor: 'Generation: a pooled key holds later tokens.',
};
