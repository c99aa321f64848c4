/** What Vyas et al. 2020 say: near queries attend together, and their best keys are corrected. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const clustered: PaperNotes = {
  variant: 'clustered',
  title: 'Clustered attention',
  idea: 'Queries that are near each other attend once, by their mean. Then each query weighs the few best keys of its cluster anew.',
  symbols: [
    { tex: 'N', option: null, means: 'tokens of the sequence, $L$ elsewhere on this site' },
    { tex: 'C', option: 'numClusters', means: 'clusters of queries' },
    { tex: 'k', option: 'topKeys', means: 'keys of a cluster that each query weighs by itself' },
    { tex: 'B', option: 'bits', means: 'bits of a hash' },
    { tex: 'S_{ij}', option: null, means: 'is 1 where query $i$ is in cluster $j$, and else 0' },
    { tex: 'T_j', option: null, means: 'the top keys of cluster $j$' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.2',
      tex: tex`N \text{ queries} \;\to\; C \text{ centroids}, \qquad C \ll N`,
      says: 'Clustered attention: cluster the queries, attend with the centroids, and give every member the result of its centroid.',
    },
    {
      label: 'eq. 3',
      tex: tex`Q^c_j = \frac{\sum_{i=1}^N S_{ij}\,Q_i}{\sum_{i=1}^N S_{ij}}`,
      says: 'A centroid is the mean of its queries.',
    },
    {
      label: 'eq. 4',
      tex: tex`A^c = \operatorname{softmax}\left(\frac{Q^c K^T}{\sqrt d}\right)`,
      says: tex`Its weights over all keys: $C$ rows in place of $N$.`,
    },
    {
      label: 'eq. 5',
      tex: tex`\hat V^c = A^c\,V`,
      says: 'Its output, which all its members take.',
    },
    {
      label: '§3.2.2',
      tex: tex`h(q) = \left(\operatorname{sign}(p_1 \cdot q), \dots, \operatorname{sign}(p_B \cdot q)\right) \in \{0, 1\}^B`,
      says: tex`Queries are clustered by Lloyd's algorithm on hashes of $B$ bits, which compare in a step, by how many bits differ.`,
    },
    {
      label: '§3.3',
      tex: tex`T_j = \text{the } k \text{ keys with the largest } A^c_{jl}`,
      says: 'Improved clustered attention: where a cluster looks hardest, its queries differ most, so these keys are weighed for each query.',
    },
    {
      label: 'eq. 9',
      tex: tex`\hat m_j = \sum_{l \in T_j} A^c_{jl}`,
      says: 'The part of the weights that the top keys of a cluster have together. It stays.',
    },
    {
      label: 'eq. 10',
      tex: tex`A^t_{il} = \begin{cases} \hat m_j\,\dfrac{\exp(Q_i \cdot K_l/\sqrt d)}{\sum_{r \in T_j} \exp(Q_i \cdot K_r/\sqrt d)} & l \in T_j \\ A^c_{jl} & \text{else} \end{cases}`,
      says: 'Each query shares that part out among the top keys by its own scores. The other keys keep the weights of the centroid, so a row still sums to 1. The paper shows that this is never farther from full attention than clustered attention alone.',
    },
    {
      label: 'eq. 11',
      tex: tex`\hat V_i = \sum_{l \in T_j} A^t_{il} V_l + \sum_{l \notin T_j} A^c_{jl} V_l`,
      says: 'The output in two parts. The second is the same for all members of a cluster, and is computed once.',
    },
    {
      label: '§4',
      tex: tex`k = 32, \qquad B = 63, \qquad 10 \ \text{iterations}`,
      says: 'What the experiments use. The defaults here are the same, as far as the length allows.',
    },
    {
      label: '§4.1',
      tex: tex`C = 100`,
      says: 'Clusters in the experiments on speech; here from 1,600 tokens on.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`N \cdot B \cdot d + N \cdot C \cdot B \cdot \text{iterations}`,
        says: 'Hashing every query, and comparing it with every centroid in each iteration. Comparing bits is cheap.',
      },
      {
        tex: tex`2 \cdot C \cdot N \cdot d`,
        says: 'Scores of the centroids with all keys, and their weighted values.',
      },
      {
        tex: tex`2 \cdot N \cdot k \cdot d`,
        says: 'Scores of each query with the top keys of its cluster, and their values.',
      },
      {
        tex: tex`O(L \cdot (C + k) \cdot d)`,
        says: tex`With $N = L$. As long as $C$ and $k$ do not grow with the length it is linear.`,
      },
    ],
  },
  givesUp:
    'What sets a query apart from its cluster beyond the top keys. Hashes and choices pass no gradient, and a centroid holds later queries, so nothing is causal.',
  goodFor:
    'Replacing full attention in a trained model that reads in both directions: with as many clusters as queries it is full attention, and more clusters bring it nearer.',
  badFor: 'Generation, and texts whose queries are all unlike each other.',
};
