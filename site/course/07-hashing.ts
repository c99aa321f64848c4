/** Lesson 7: hashing and clusters: the tokens choose who meets. */
import { inputChoice } from './controls.ts';
import type { Lesson } from './lesson.ts';

export const hashing: Lesson = {
  name: 'hashing',
  title: 'Hashing and clusters',
  minutes: 20,
  lead: 'A large weight needs a key that is near the query. So find near vectors first, by hashing or by clusters, and compute only those pairs.',
  idea: [
    'The patterns so far were drawn before a single token was read. But a weight is large only where $q\\cdot k$ is large, and so, among keys of one length, where the two vectors point in similar directions. To find the large weights is to find *near neighbours*, and there are fast ways to find them without comparing all pairs.',
    '## Hashing',
    'An ordinary hash function puts equal things into one bucket and scatters the rest. A *locality-sensitive* hash puts *near* things into one bucket, likely, and far ones apart. For directions it is simple: draw a few random directions, and let the hash of $x$ be the one that $x$ is nearest to, counting the opposites as well. The smaller the angle between two vectors, the more often they are nearest to the same one.',
    '[Reformer](variants/reformer.html) (Kitaev et al. 2020) gives each token one vector for query and key, hashes it, and *sorts* the tokens by bucket. Now tokens of a bucket lie side by side, and a window over the sorted tokens does the rest: cut them into chunks, let each chunk meet itself and the chunk before (and the one after, if not causal). One round of hashing misses pairs that a border cuts apart. So it takes several rounds with other directions, and joins them in one softmax, as in lesson 4.',
    '## Clusters',
    'Clusters are buckets that fit the data. The [Routing Transformer](variants/routing.html) keeps centres that move with training, and lets tokens of one cluster meet. [Clustered attention](variants/clustered.html) (Vyas et al. 2020) clusters the *queries*: near queries have nearly the same weights, so compute one row for each cluster, with its mean, and give that row to all of its members. Then correct the few keys that weigh most for each query itself.',
    '[Cluster-Former](variants/cluster-former.html) sorts tokens by cluster in some of its layers, and has a window over the sorted ones. [Sinkhorn attention](variants/sinkhorn.html) learns to sort: a small network says which block of keys each block of queries gets.',
  ],
  picture: {
    draw: 'collisions',
    controls: [
      { kind: 'slider', name: 'buckets', label: 'Buckets', stops: [2, 4, 8, 16, 32], start: 8 },
      { kind: 'slider', name: 'rounds', label: 'Rounds', stops: [1, 2, 4, 8, 16], start: 4 },
      {
        kind: 'slider',
        name: 'angle',
        label: 'Angle',
        stops: [10, 20, 30, 40, 50, 60, 75, 90, 120],
        start: 30,
        unit: '°',
      },
    ],
    says: 'Two vectors of 16 numbers at an angle, 400 draws of random directions. More buckets part far vectors better, and near ones too. More rounds bring near ones together again, and far ones as well. A good choice is steep where you want the border to be.',
  },
  more: [
    {
      title: 'On tokens',
      text: [
        'Drawn tokens of 16 kinds, where each attends to its own kind, wherever it stands. Nothing lies near the diagonal, so windows are of no use here. Reformer has one vector for query and key, and so it computes another matrix than full attention does; clustered attention approximates full attention’s own.',
      ],
      picture: {
        draw: 'beside',
        needs: 'minilm-qkv.safetensors',
        given: () => ({
          options: JSON.stringify({ reformer: { chunkLength: 8 }, clustered: { topKeys: 4 }, routing: { window: 8 } }),
          length: 64,
        }),
        controls: [
          {
            kind: 'choice',
            name: 'variant',
            label: 'Variant',
            options: [
              ['clustered', 'clustered: C clusters of queries'],
              ['reformer', 'reformer: rounds of hashing'],
              ['routing', 'routing: w tokens of each cluster'],
            ],
          },
          inputChoice('clustered', 'words', 'peaked'),
          { kind: 'slider', name: 'budget', label: 'Clusters, rounds, or tokens', stops: [2, 4, 8, 16], start: 4 },
          { kind: 'slider', name: 'seed', label: 'Another draw', stops: [0, 1, 2, 3], start: 0 },
        ],
        says: 'With enough clusters, clustered attention finds the kinds. With 64 tokens and four clusters or more, its clustering costs more than it saves: the share of operations is above 100 %. What it saves comes with the length.',
      },
    },
  ],
  equations: [
    {
      label: 'The hash (Kitaev et al. 2020, §2)',
      tex: 'h(x)=\\arg\\max\\,[xR;\\,-xR]',
      says: 'The columns of $R$ are random directions. The index of the largest of $xR$ and $-xR$ is the bucket.',
      code: { file: 'site/course/snippets/bucket.ts', from: 'export function bucketOf', to: 'return best;' },
    },
    {
      label: 'Sorted, cut into chunks, joined (eqs. 4, 11 to 16)',
      tex: 'o_i=\\sum_{r}e^{z_i^{(r)}-z_i}\\,o_i^{(r)}',
      says: 'Each round $r$ has its own buckets and its own chunks. $z$ is the logarithm of a round’s sum: the join of lesson 4. A pair that meets in several rounds counts once in all.',
      code: { file: 'src/variants/reformer.ts', from: '// Shared QK', to: 'return memory.leave(attention' },
    },
    {
      label: 'Centroids of queries (Vyas et al. 2020, eqs. 3 to 5)',
      tex: 'Q^c_j=\\frac{\\sum_i S_{ij}Q_i}{\\sum_i S_{ij}}\\qquad \\hat V^c=\\mathrm{softmax}\\Big(\\tfrac{Q^cK^\\top}{\\sqrt d}\\Big)V',
      says: '$S_{ij}$ is 1 where query $i$ is in cluster $j$. Full attention of $C$ centroids in place of $L$ queries.',
      code: { file: 'src/variants/clustered.ts', from: '// Q^c_j = ', to: 'if (options.topKeys === 0)' },
    },
  ],
  givesUp: {
    text: [
      '*Certainty.* Near vectors can land in two buckets, and then their pair is lost, whatever its weight. *Smoothness.* A small change of a query can move it into another bucket, so the output jumps, and the choice of a bucket has no gradient. *Order.* Sorting takes time, and later tokens move the borders of chunks, so a causal run of Reformer is not fully causal. And a hash suits vectors that *have* near neighbours. Where attention is spread evenly, there is nothing to find.',
    ],
    picture: {
      draw: 'sweep',
      needs: 'minilm-qkv.safetensors',
      given: () => ({
        sweeps: JSON.stringify([
          {
            variant: 'clustered',
            name: 'clustered, 4 to 32 clusters',
            option: 'numClusters',
            values: [4, 8, 16, 32],
            fixed: { topKeys: 8 },
          },
          {
            variant: 'reformer',
            name: 'reformer, 1 to 8 rounds',
            option: 'numHashes',
            values: [1, 2, 4, 8],
            fixed: { chunkLength: 8 },
          },
        ]),
      }),
      controls: [
        inputChoice('clustered', 'words', 'gaussian'),
        { kind: 'slider', name: 'length', label: 'Tokens', stops: [128, 256], start: 256 },
      ],
      says: 'On clustered tokens, more clusters and more rounds find more. On even ones, Reformer is far off at first, because a mean over few keys is noisier than one over all. Part of Reformer’s error on words is not an error of hashing: MiniLM was trained with separate keys, and Reformer does not use them.',
    },
  },
  questions: [
    {
      ask: 'One round finds a near pair with probability 0.6. How many rounds until it is found in 99 of 100 cases?',
      answer: ['A pair is missed by all of $n$ rounds with probability $0.4^n$. $0.4^5\\approx 0.01$, so about five.'],
    },
    {
      ask: 'Why does Reformer give query and key the same vector?',
      answer: [
        'So that “near” means the same for both. If queries and keys lie in different parts of the space, as in most trained models, no query is near any key, and hashing both by the same directions puts them into different buckets. MiniLM’s numbers in the picture show it.',
      ],
    },
    {
      ask: 'Why sort? One could keep a list for each bucket.',
      answer: [
        'Buckets have different sizes. One large bucket would be a small square again, and lists of different lengths are slow in blocks. After sorting, chunks of equal size cover everything, at the price that a large bucket is cut and a small one shares its chunk.',
      ],
    },
  ],
  takeaways: [
    'Large weights belong to near vectors. Hashing and clustering find them without comparing all pairs.',
    'Random directions make a hash whose collisions depend on the angle. Rounds trade misses for work.',
    'Sort, then take a window: buckets become runs.',
    'Clustered attention shares a row among near queries, and corrects the largest weights.',
    'The choice of partners has no gradient.',
  ],
  exercises: ['lsh-buckets', 'sort-unsort'],
  variants: ['reformer', 'clustered', 'routing', 'cluster-former', 'sinkhorn'],
  sources: [
    {
      authors: 'Andoni et al.',
      year: 2015,
      title: 'Practical and Optimal LSH for Angular Distance',
      arxiv: '1509.02897',
    },
  ],
};
