/** What Xiong et al. 2021 say: a few landmarks rebuild the attention matrix. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const nystromformer: PaperNotes = {
  variant: 'nystromformer',
  title: 'Nyströmformer',
  idea: tex`Let $m$ landmarks, each the mean of a segment, stand between queries and keys, and rebuild the attention matrix from three small ones.`,
  symbols: [
    { tex: 'n', option: null, means: 'tokens in the sequence, $L$ elsewhere on this site' },
    { tex: 'd_q', option: null, means: 'width of a query and of a key in one head, $d$ elsewhere on this site' },
    { tex: 'm', option: 'landmarks', means: 'landmarks: the budget' },
    {
      tex: tex`\tilde{Q}, \tilde{K}`,
      option: null,
      means: 'the landmarks: means of the queries and of the keys in each of $m$ segments, over real tokens only',
    },
    {
      tex: 'A_S',
      option: null,
      means: tex`the softmax matrix of landmark queries and landmark keys, $m \times m$; the code calls it $\tilde{A}$, which in the paper’s Algorithm 1 is its pseudo-inverse already`,
    },
    {
      tex: 'Z_j',
      option: 'pinvIterations',
      means: tex`the estimate of the pseudo-inverse $A_S^+$ after $j$ steps; the option says after how many to stop`,
    },
  ],
  equations: [
    {
      label: 'eq. 13',
      tex: tex`\hat{S} = \underbrace{\operatorname{softmax}\left(\frac{Q\tilde{K}^T}{\sqrt{d_q}}\right)}_{\tilde{F}:\; n \times m} \; \underbrace{\left(\operatorname{softmax}\left(\frac{\tilde{Q}\tilde{K}^T}{\sqrt{d_q}}\right)\right)^{+}}_{A_S^+:\; m \times m} \; \underbrace{\operatorname{softmax}\left(\frac{\tilde{Q}K^T}{\sqrt{d_q}}\right)}_{\tilde{B}:\; m \times n}`,
      says: tex`How tokens look at landmarks, corrected for how landmarks look at each other, times how landmarks look at tokens. Multiplied with $V$ from the right, no step makes an $n \times n$ matrix.`,
    },
    {
      label: 'Lemma 1',
      tex: tex`\|A_S A_S^+ - A_S Z_0\| < 1 \;\Longrightarrow\; Z_j \to A_S^+, \qquad Z_0 = \frac{A_S^T}{\|A_S\|_1\,\|A_S\|_\infty}`,
      says: tex`From such a start, the steps of eq. 14 lead to the pseudo-inverse, and the error shrinks with its third power at each. The two norms are the largest sum of a column and of a row. Here each matrix is divided by norms of its own.`,
    },
    {
      label: 'eq. 14',
      tex: tex`Z_{j+1} = \tfrac{1}{4} Z_j \left(13 I - A_S Z_j \left(15 I - A_S Z_j \left(7 I - A_S Z_j\right)\right)\right)`,
      says: 'One step towards the pseudo-inverse. It needs matrix products only, four of them, so it is fast and gradients pass through it. The paper takes about six steps, which is the default here.',
    },
    {
      label: 'eq. 16',
      tex: tex`\tilde{q}_j = \frac{1}{l} \sum_{i = (j-1)\,l + 1}^{j\,l} q_i, \qquad \tilde{k}_j = \frac{1}{l} \sum_{i = (j-1)\,l + 1}^{j\,l} k_i, \qquad l = \frac{n}{m}`,
      says: tex`A landmark is the mean of a segment of $l$ tokens. Here it is the mean of the real tokens among them, and where $m$ does not divide $n$, segments differ by one token.`,
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d`,
        says: 'To find the landmarks, each query and each key is added once to the mean of its segment.',
      },
      {
        tex: tex`\underbrace{m^2 \cdot d}_{A_S} + \underbrace{4 \cdot m^3 \text{ a step}}_{A_S^+}`,
        says: 'The scores between landmarks and their pseudo-inverse, in multiply-adds. The length $L$ does not come in.',
      },
      {
        tex: tex`\underbrace{2 \cdot L \cdot m \cdot d}_{\tilde{B} V}`,
        says: tex`Each of $m$ landmark queries has a score with $L$ keys and adds up $L$ values, $d$ multiply-adds for each. The rows of $\tilde{B}$ are used as they are made, and never held.`,
      },
      {
        tex: tex`\underbrace{m^2 \cdot d}_{A_S^+ (\tilde{B} V)} + \underbrace{2 \cdot L \cdot m \cdot d}_{\tilde{F} (A_S^+ \tilde{B} V)}`,
        says: 'The pseudo-inverse mixes the $m$ rows. Then each of the $L$ queries has a score with $m$ landmark keys and adds up $m$ mixed rows.',
      },
      {
        tex: tex`4 L m d + 2 L d + 2 m^2 d + 4 m^3 \cdot \text{steps} = O(L \cdot m \cdot d + m^3)`,
        says: tex`For a fixed number of landmarks and a fixed width $d$ only $O(L \cdot m)$ grows with the length. A convolution of the values, if there is one, adds $L \cdot d$ times its width.`,
      },
    ],
  },
  givesUp: tex`Causality, because landmarks are means over the whole sequence, and later segments hold later tokens. Weights that are never negative, though those of a query still add up to about 1. And sharp patterns: a landmark is as blurred as its segment is long.`,
  goodFor: tex`Models that read a whole text at once. Landmarks are means, so without the convolution there is nothing to train. The paper trains and fine-tunes it to results like those of BERT. In our comparison it is much nearer to full attention in a layer that looks far than in one that looks near by, and its lead in time grows with the length.`,
  badFor: tex`Generating text, and queries other than the keys’ own tokens. Layers that look at close neighbours. Short sequences, on which the $m^3$ of the pseudo-inverse weighs most. More steps for the pseudo-inverse are not always better: on real queries and keys, 20 in place of 6 made the error much larger.`,
};
