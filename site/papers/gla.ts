/** What Yang et al. 2024 say: the token chooses a decay for each channel. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const gla: PaperNotes = {
  variant: 'gla',
  title: 'Gated linear attention',
  idea: 'A recurrence in which each channel of the keys fades at a rate that the token chooses.',
  symbols: [
    { tex: tex`\alpha_t`, option: null, means: 'the share of each channel that is kept' },
    { tex: tex`\tau`, option: null, means: 'holds the shares near 1' },
    { tex: 'S_t', option: null, means: 'the state' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§4.1',
      tex: tex`G_t \in (0, 1)^{d \times d} \;\to\; \operatorname{Diag}(\alpha_t)`,
      says: 'A gate for each number of the state is too much; one for each row is enough, and allows chunks.',
    },
    {
      label: 'eq. 3',
      tex: tex`S_t = \operatorname{Diag}(\alpha_t)\,S_{t-1} + k_t v_t^T, \qquad o_t = S_t^T q_t`,
      says: 'The recurrence.',
    },
    {
      label: '§4.3',
      tex: tex`\frac{b_t}{b_s} = \exp\left(\sum_{s < r \le t} \log \alpha_r\right)`,
      says: 'Inside a chunk pairs meet directly. Only differences of the sums of logarithms are exponentiated, since the sums alone would overflow.',
    },
    {
      label: '§4.4',
      tex: tex`\alpha_t = \operatorname{sigmoid}\left(x_t W_\alpha^1 W_\alpha^2 + b_\alpha\right)^{1/\tau}, \qquad \tau = 16`,
      says: 'How the shares are made, and the layer around it.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      { tex: tex`O(L \cdot d^2)`, says: 'A token of a generation costs the same, however long the text is.' },
    ],
  },
  givesUp: 'The softmax, and exact recall of a past longer than the state is wide.',
  goodFor: 'Long texts in which some kinds of content should last and others fade.',
  badFor: 'Looking up many single facts.',
};
