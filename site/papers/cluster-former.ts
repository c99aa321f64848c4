/** What Wang et al. 2020 say: sort the tokens by cluster, then slide a window over them. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const clusterFormer: PaperNotes = {
  variant: 'cluster-former',
  title: 'Cluster-Former',
  idea: 'Some layers slide a window over the text, others over the tokens sorted by what they are like.',
  symbols: [
    { tex: 'l', option: 'windowLength', means: 'tokens of a window' },
    { tex: 'm', option: null, means: 'places from one window to the next; the option overlap sets it' },
    { tex: 'p', option: 'numClusters', means: 'clusters, and centroids' },
    { tex: 'C', option: null, means: 'the centroids, which no gradient trains' },
    { tex: tex`\lambda`, option: 'decay', means: 'how much of a centroid stays when it is moved' },
    { tex: 'H', option: null, means: 'hidden states; here the queries of all heads side by side' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '“Sliding-Window Layer”',
      tex: tex`E_k = H[m k : m k + l], \qquad k = 0, 1, \dots`,
      says: 'Windows of $l$ places, $m$ apart, each with full attention inside. A token in two windows gets the mean of what it reads in each.',
    },
    {
      label: '“Cluster-Former Layer”',
      tex: tex`v = \operatorname{argmax}\left(\frac{H C^T}{\|H\|\,\|C\|}\right), \qquad u = \operatorname{argsort}(v), \qquad E_k = H[u[m k : m k + l]]`,
      says: 'Each token finds its nearest centroid, and tokens are sorted by it. The same windows over the sorted places bring tokens together that are alike and stand far apart. Rows are put back afterwards.',
    },
    {
      label: '§4.1',
      tex: tex`\text{every row with mean } 0 \text{ and norm } \sqrt d`,
      says: 'Of Roy et al. 2020: layer normalisation without gain and bias. The Routing Transformer keeps its centroids with the same lines of code.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`L \cdot p \cdot d`, says: 'In a layer that sorts, each token is compared with $p$ centroids.' },
      {
        tex: tex`2 \cdot L \cdot l \cdot d`,
        says: 'Each token meets the $l$ tokens of its window, and twice where windows overlap.',
      },
      { tex: tex`O(L \cdot (l + p) \cdot d)`, says: 'Sorting by cluster takes one pass. Nothing is quadratic.' },
    ],
  },
  givesUp:
    'Pairs that share no window, and weights that move smoothly: a token that changes its cluster meets others at once. It cannot be causal.',
  goodFor: 'Questions about long documents, in which what belongs together is spread over the text.',
  badFor: 'Generation, and replacing full attention in a trained model, whose centroids nobody has fitted.',
};
