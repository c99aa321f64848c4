/** What Tay et al. 2020 say: a network sorts blocks of keys, softly. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const sinkhorn: PaperNotes = {
  variant: 'sinkhorn',
  title: 'Sinkhorn Transformer',
  idea: 'A small network learns in which order blocks of keys should stand. Each block then attends to itself and to the block that was sorted to it.',
  symbols: [
    { tex: 'B', option: 'blockLength', means: 'tokens of a block' },
    { tex: 'N', option: null, means: 'blocks, $L/B$' },
    { tex: 'k', option: 'iterations', means: 'normalisations of rows and columns' },
    { tex: tex`\tau`, option: 'temperature', means: 'how hard the sorting is; small is hard' },
    { tex: 'n', option: 'sortCut', means: 'blocks that all queries meet, with SortCut' },
    { tex: 'S', option: null, means: 'the soft permutation of blocks' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“sorting network”',
      tex: tex`X'_i = \sum_{j \in \text{block } i} X_j, \qquad R_i = \sigma\left(W_B\,\sigma(W_P X'_i + b_P) + b_B\right)`,
      says: tex`A network of two layers reads the sum of a block and scores for every place whether the block belongs there. $\sigma$ is ReLU.`,
    },
    {
      label: '“Sinkhorn normalization”',
      tex: tex`S^0 = \exp\left((R + \varepsilon)/\tau\right), \qquad S^k = F_c(F_r(S^{k-1}))`,
      says: tex`Rows and columns are divided by their sums in turn. In the limit both sum to 1: a soft permutation, through which gradients pass. The noise $\varepsilon$ lets training try others.`,
    },
    {
      label: '“Sparse Sinkhorn Attention”',
      tex: tex`\psi_S(K) = S\,B(K), \qquad Y = \operatorname{softmax}\left(\frac{Q\,[K, \psi_S(K)]^T}{\sqrt d}\right) [V, \psi_S(V)]`,
      says: 'Within blocks: each query meets the keys of its block and those that were sorted to it.',
    },
    {
      label: '“SortCut”',
      tex: tex`Y = \operatorname{softmax}\left(\frac{Q\,\psi_S(K)_{[:n]}^T}{\sqrt d}\right) \psi_S(V)_{[:n]}`,
      says: 'Only the first $n$ sorted blocks, for all queries: what the network sorts to the front is read, and the rest is cut off.',
    },
    {
      label: '“Causal Sinkhorn Balancing”',
      tex: tex`X'_i = \sum_{j \le iB} X_j, \qquad S_{ij} = 0 \;\text{ for } j \ge i`,
      says: 'For generation a block is sorted from those that are complete before it, and sums leave out what lies ahead.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`2 \cdot L \cdot 2B \cdot d`, says: 'Each query meets $B$ keys of its block and $B$ sorted ones.' },
      {
        tex: tex`2 \cdot N^2 \cdot B \cdot d`,
        says: 'To mix $N$ blocks of $B$ rows into $N$ places, for keys and for values.',
      },
      {
        tex: tex`O(L \cdot \sqrt L \cdot d) \quad \text{for}\; B = \sqrt L`,
        says: 'With $N = L/B$ the two parts balance there. SortCut with a few blocks is linear.',
      },
    ],
  },
  givesUp:
    'Single far tokens: a sorted key is a mixture of those at its place in all blocks, until the permutation is hard. Untrained, the order says nothing.',
  goodFor: 'Long texts read by models that are trained with it. SortCut suits classification.',
  badFor: 'Replacing full attention in a trained model.',
};
