/** What Roy et al. 2020 say: k-means decides which tokens meet. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const routing: PaperNotes = {
  variant: 'routing',
  title: 'Routing Transformer',
  idea: 'Centroids that training moves cut the space of tokens into clusters, and a token attends within its cluster.',
  symbols: [
    { tex: 'k', option: 'numClusters', means: 'clusters of a head' },
    { tex: 'w', option: 'window', means: 'tokens that a cluster takes' },
    { tex: tex`\mu`, option: null, means: 'the centroids, which no gradient trains' },
    { tex: tex`\lambda`, option: 'decay', means: 'how much of a centroid stays when it is moved' },
    { tex: 'd', option: null, means: 'width of a query in one head' },
  ],
  equations: [
    {
      label: '§4.1',
      tex: tex`\|q - \mu\|^2 = \text{const} - 2\,\mu \cdot q, \qquad \mu \leftarrow \lambda\,\mu + (1 - \lambda) \cdot \text{mean of its tokens}, \qquad k = \sqrt n`,
      says: tex`Layer normalisation puts all tokens on a sphere, where the largest product is the nearest centroid. Tokens that are near one centroid are near each other, so their weights are large. With $k = \sqrt n$ clusters the two costs, finding and attending, balance. Centroids follow their tokens by a moving average.`,
    },
    {
      label: 'Algorithm 1',
      tex: tex`\begin{gathered} Q \leftarrow \operatorname{LayerNorm}(Q), \quad K \leftarrow Q, \quad Q_{\mathrm{idx}} \leftarrow \operatorname{sort}(\operatorname{top-}w(\mu\,Q^T)) \\ X \leftarrow \operatorname{scatter}\left(\operatorname{softmax}\left(\operatorname{ltr}(Q'K'^T)\right) V'\right) \end{gathered}`,
      says: tex`Each centroid takes the $w$ tokens that are nearest to it, in their order; within these, attention is full and causal where asked ($\operatorname{ltr}$). So all clusters have one size, a token may be in several, and one in none gets zeros.`,
    },
    {
      label: '§5',
      tex: tex`\text{half of the heads: local attention in blocks of } 256`,
      says: 'In the paper half of the heads of a layer attend to their surroundings, because clusters alone miss what is simply near. Here the option `localHeads` says how many do.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`L \cdot k \cdot d`, says: 'Each token is multiplied with each centroid.' },
      { tex: tex`k \cdot w^2 \cdot d`, says: tex`Within each of $k$ clusters, $w$ tokens meet each other.` },
      {
        tex: tex`L k d + k \left(\tfrac Lk\right)^2 d \;=\; O(L \cdot \sqrt L \cdot d) \quad \text{for}\; k = \sqrt L,\ w = L/k`,
        says: 'Fewer clusters would be cheaper to find and dearer to attend in.',
      },
    ],
  },
  givesUp:
    'Keys of their own, since a token is query and key at once. It gives up pairs that share no cluster, and strict causality: a later token may take the place of an earlier one.',
  goodFor: 'Long texts in which what belongs together stands far apart, in models that are trained with it.',
  badFor:
    'Replacing full attention in a trained model, whose queries and keys differ. Generation, where clusters change as the text grows.',
};
