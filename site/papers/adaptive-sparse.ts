/** What Correia et al. 2019 say: each head learns how many of its weights are exactly 0. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const adaptiveSparse: PaperNotes = {
  variant: 'adaptive-sparse',
  title: 'Adaptively sparse attention',
  idea: 'Full attention in which weights that matter little become exactly 0, and each head learns how many.',
  symbols: [
    { tex: tex`\alpha`, option: 'alpha', means: 'how sparse the weights are: 1 is softmax, 2 is sparsemax' },
    { tex: 'a', option: null, means: tex`learned by each head, and makes its $\alpha$` },
    { tex: tex`\tau`, option: null, means: 'the threshold below which a weight is 0; each query has its own' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`\begin{gathered} \operatorname{Att}(Q, K, V) = \pi\left(QK^T/\sqrt d\right) V, \qquad \pi(z)_{ij} = \alpha\text{-entmax}(z_i)_j \\ \alpha\text{-entmax}(z) = \left[(\alpha - 1)\,z - \tau\right]_+^{1/(\alpha - 1)}, \qquad \alpha = 1 + \operatorname{sigmoid}(a) \end{gathered}`,
      says: tex`Scores are those of full attention. Only the function that makes weights of them is another: what lies below the threshold $\tau$ becomes 0, and $\tau$ is such that the rest sums to 1. Between softmax ($\alpha = 1$) and sparsemax ($\alpha = 2$) each head finds its own place, since the weights have a gradient in $\alpha$ as well.`,
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot L \cdot d`,
        says: 'All scores are needed: which weights are 0 is known only when the threshold is.',
      },
      {
        tex: tex`\text{a few} \cdot L \cdot L`,
        says: tex`The threshold of a row is found by Newton's method, a few passes over its scores.`,
      },
      {
        tex: tex`L \cdot L \cdot d = O(L^2 \cdot d)`,
        says: 'The weighted values. Time is that of full attention and a little more; memory stays linear, because a few rows at a time are held.',
      },
    ],
  },
  givesUp: 'The speed: nothing is saved. It gives up the small weights of softmax, and with them their gradients.',
  goodFor:
    'Reading what a head attends to: a weight of 0 has no part in the output at all. In the paper, heads of one model come out sparse, even, or in between, and translation is as good as with softmax.',
  badFor: 'Long texts, because it costs what full attention costs.',
};
