/** What Vaswani et al. 2017 say, and the two papers by which it is computed in one pass. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const full: PaperNotes = {
  variant: 'full',
  title: 'Full attention',
  idea:
    'Every token compares its query with the keys of all tokens, and takes more of the values whose keys match ' +
    'better.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence; queries and keys may also differ in number' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head, $d_k$ in the paper' },
    {
      tex: 'M',
      option: 'causal',
      means: 'what is added to the scores: $0$, or $-\\infty$ for a pair that must not meet',
    },
  ],
  equations: [
    {
      label: 'eq. 1',
      tex: tex`\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left(\frac{QK^T}{\sqrt{d_k}}\right) V`,
      says:
        'Each query is compared with all keys. Softmax turns its scores into weights, positive and together 1, and ' +
        'the result is the mean of the values by these weights. Division by $\\sqrt{d_k}$ keeps the scores from ' +
        'growing with the width. To hide a pair, $-\\infty$ is added to its score before softmax.',
    },
    {
      label: 'Algorithm 3',
      tex: tex`\begin{aligned}
        m_j &= \max(m_{j-1},\, x_j) \\
        d_j &= d_{j-1}\, e^{m_{j-1} - m_j} + e^{x_j - m_j}
      \end{aligned}
      \qquad y_i = \frac{e^{x_i - m_V}}{d_V}`,
      says:
        'Of Milakov and Gimelshein 2018: softmax without a first pass for the maximum. Walking over the scores ' +
        '$x_j$, keep the largest so far and the sum of exponentials relative to it. When a larger one comes, the old ' +
        'sum is scaled down. (Their $d$ is this sum and not a width, their $V$ the number of scores.)',
    },
    {
      label: '§2',
      tex: tex`s_i = q \cdot k_i, \qquad \mathrm{attention}(q, K, V) = \frac{\sum_i v_i\, e^{s_i}}{\sum_j e^{s_j}}`,
      says:
        'Of Rabe and Staats 2021: the division can wait until the end. So one walk over the keys does, with two ' +
        'running sums for a query, and the $L$ scores of a row never have to be held together. With the running ' +
        'maximum of Algorithm 3 no exponential overflows.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot L = L^2 \ \text{pairs}`,
        says:
          'Each of the $L$ queries meets each of the $L$ keys. In a causal run a query meets only itself and what is ' +
          'before it, which makes $\\tfrac12 L(L+1)$.',
      },
      {
        tex: tex`2d + 2d = 4d \ \text{operations a pair}`,
        says:
          'The product of query and key takes $d$ multiply-adds, and adding the weighted value to the sum takes $d$ ' +
          'more; a multiply-add is two operations. `cost()` counts 5 more for the exponential and what is around it.',
      },
      {
        tex: tex`L\,(d + 1) \ \text{numbers held}`,
        says:
          'Memory grows only with $L$: a query keeps its output and the logarithm of its sum of exponentials, from ' +
          'which the backward pass computes the weights again.',
      },
      {
        tex: tex`L^2\,(4d + 5) = O(L^2\, d)`,
        says: 'Time grows with the square: twice the text, four times the work.',
      },
    ],
  },
  givesUp: 'Nothing: the result is exact, and all other variants are measured against it. It costs time, not memory.',
  goodFor:
    'Short sequences, models that were trained with it, and answers that must be exact. ' +
    '`bench/results/crossover.json` says from which length the other variants are faster with this library’s kernels.',
  badFor:
    'Long sequences, since time grows with the square of the length. Generation slows down too: each new token meets ' +
    'all earlier tokens, and must keep their keys and values.',
};
