/** What Kitaev et al. 2020 say: attention among the tokens that hash into one bucket. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const reformer: PaperNotes = {
  variant: 'reformer',
  title: 'Reformer',
  idea:
    'Hashing puts tokens into buckets, so that similar tokens mostly share a bucket, and a token attends only to those ' +
    'in its own.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence; the paper also writes $l$' },
    {
      tex: tex`n_{\text{rounds}}`,
      option: 'numHashes',
      means: 'rounds: hashes, each with a sort and an attention of its own',
    },
    { tex: 'm', option: 'chunkLength', means: 'tokens of a chunk of the sorted sequence' },
    { tex: tex`n_{\text{buckets}}`, option: 'numBuckets', means: 'buckets of a round, also $b$; 0 takes $2L/m$' },
    {
      tex: tex`N_{i,j}`,
      option: 'countOnce',
      means: 'rounds in which a pair meets; the option decides if it is divided out',
    },
    {
      tex: tex`\mathcal{P}_i`,
      option: 'acrossBuckets',
      means: 'the tokens that token $i$ may meet: those of its bucket, or with the option all of the chunks around it',
    },
    { tex: 'R', option: null, means: 'random directions, drawn from a seed and not learned' },
    { tex: 'd', option: null, means: 'width of a query in one head, $d_k$ in the paper' },
  ],
  equations: [
    {
      label: '§2',
      tex: tex`k_j = \frac{q_j}{\lVert q_j \rVert}, \qquad
        h(x) = \arg\max \left( [\, xR;\ -xR \,] \right), \qquad R \in \mathbb{R}^{d_k \times b/2}`,
      says:
        'Two ideas. A token is query and key at once, the key being the query with its length divided out. And its ' +
        'bucket is the one of $b$ directions, the columns of $R$ and their opposites, that it points towards most. ' +
        'Vectors that point the same way mostly get the same bucket.',
    },
    {
      label: 'eq. 1',
      tex: tex`\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\!\left( \frac{QK^T}{\sqrt{d_k}} \right) V`,
      says: 'Full attention, from which the paper sets out. The division by $\\sqrt{d_k}$ is kept here, as there.',
    },
    {
      label: 'eq. 4',
      tex: tex`\mathcal{P}_i = \{\, j : h(q_i) = h(k_j) \,\}`,
      says: 'Query $i$ meets the keys in its own bucket. Its own key is there too, as $k_i$ points where $q_i$ does.',
    },
    {
      label: 'eq. 5',
      tex: tex`\widetilde{\mathcal{P}}_i = \left\{ j : \left\lfloor \frac{s_i}{m} \right\rfloor - 1 \le
        \left\lfloor \frac{s_j}{m} \right\rfloor \le \left\lfloor \frac{s_i}{m} \right\rfloor \right\},
        \qquad m = \frac{2L}{n_{\text{buckets}}}`,
      says:
        'Buckets have all sizes, chunks have one. Sorted by bucket, token $i$ stands at place $s_i$; the sorted ' +
        'sequence is cut into chunks of $m$, twice the mean bucket, and a token meets its chunk and the one before. ' +
        'Where attention is not causal it also meets the one after, here.',
    },
    {
      label: '§5',
      tex: tex`m = 128`,
      says:
        'Chunks of 128 tokens, for texts of up to 64K tokens. The default here is 64, which leaves something to save ' +
        'at a few thousand.',
    },
    {
      label: 'Table 2',
      tex: tex`n_{\text{rounds}} = 4`,
      says:
        'How many tokens of a duplicated sequence come out right, by the number of hashes in training and in ' +
        'evaluation. A model trained with four does well with four, which is the default here. Our own table of the ' +
        'same kind is under Training in the README.',
    },
    {
      label: 'Figure 4',
      tex: tex`n_{\text{rounds}} = 8`,
      says: 'Training on images with more and more hashes: with eight the curve almost meets that of full attention.',
    },
    {
      label: 'eq. 11',
      tex: tex`\widetilde{\mathcal{P}}_i^{(r)} = \left\{ j : \left\lfloor \frac{s_i^{(r)}}{m} \right\rfloor - 1 \le
        \left\lfloor \frac{s_j^{(r)}}{m} \right\rfloor \le \left\lfloor \frac{s_i^{(r)}}{m} \right\rfloor \right\}`,
      says: 'Eq. 5 for every round $r$: each has its own directions, so its own buckets, order and chunks.',
    },
    {
      label: 'eq. 14',
      tex: tex`o_i = \sum_{r=1}^{n_{\text{rounds}}}
        \exp\!\left( z(i, \mathcal{P}_i^{(r)}) - z(i, \mathcal{P}_i) \right) o_i^{(r)}`,
      says:
        'The rounds in one softmax. $z$ is the logarithm of a sum of exponentials: that of one round against that of ' +
        'all says how much of the weight the round has seen.',
    },
    {
      label: 'eq. 15',
      tex: tex`o_i^{(r)} = \sum_{j \in \widetilde{\mathcal{P}}_i^{(r)}}
        \exp\!\left( q_i \cdot k_j - m_{i,j}^{(r)} - z(i, \mathcal{P}_i^{(r)}) \right) v_j`,
      says:
        'One round: softmax attention over the keys of the neighbouring chunks, where $m_{i,j}^{(r)}$ hides or ' +
        'weakens a pair. The paper leaves out the division of $q_i \\cdot k_j$ by $\\sqrt d$ to write less; the code ' +
        'has it.',
    },
    {
      label: 'eq. 16',
      tex: tex`N_{i,j} = \left| \left\{ r' : j \in \mathcal{P}_i^{(r')} \right\} \right|, \qquad
        m_{i,j}^{(r)} = \begin{cases}
          \infty & \text{if } j \notin \mathcal{P}_i^{(r)} \\
          10^5 & \text{if } i = j \\
          \log N_{i,j} & \text{otherwise}
        \end{cases}`,
      says:
        'Keys of other buckets are hidden. The token itself, always the best match as $k_i$ points where $q_i$ does, only ' +
        'counts if there is nobody else. And a pair that meets in $N_{i,j}$ rounds gets a part in each, so that it ' +
        'counts once.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot \frac b2 \cdot 2d, \qquad b = \frac{2L}{m}`,
        says:
          'Hashing, in each round: a product with $b/2$ directions for every token. As $b$ grows with the length, ' +
          'this alone would become a square. So from $b > 2m$ on, two hashes of about $\\sqrt b$ buckets each make ' +
          '$b$ together, and it is about $2d\\sqrt b\\,L$.',
      },
      {
        tex: tex`O(L + b)`,
        says:
          'Sorting by bucket. A sort that compares takes $L \\log L$ steps, and from there is the logarithm in the ' +
          'stated cost. But bucket numbers are small integers, so counting them does it in one walk here.',
      },
      {
        tex: tex`3m \cdot L \ \text{pairs}`,
        says:
          'Attention: a token meets its chunk, the one before and the one after; causally only the first two, $2m$. ' +
          'This is how `cost()` counts. With buckets kept apart fewer pairs are left, which the number does not take ' +
          'off.',
      },
      {
        tex: tex`2d + 2d = 4d \ \text{operations a pair}`,
        says:
          '$d$ multiply-adds for the product of query and key, and $d$ for the weighted value; a multiply-add is two ' +
          'operations. `cost()` adds 5 for the exponential.',
      },
      {
        tex: tex`n_{\text{rounds}} \cdot L\, \left( 12\, d\, m + 2\, d\, h + 2\, d \right), \qquad
          h = \begin{cases} L / m & L \le m^2 \\ \sqrt{2L / m} & L > m^2 \end{cases}`,
        says:
          'All rounds together: attending, hashing with $h$ directions (one hash at first, then two), and joining ' +
          'the outputs. Up to $L = \\tfrac12 m^3$ tokens $h$ is at most about $m$, and hashing a sixth of attending; ' +
          'that is 131,072 tokens for chunks of 64.',
      },
      {
        tex: tex`O(L \cdot \log L)`,
        says:
          'As the paper states it, with $n_{\\text{rounds}}$, $m$ and $d$ fixed. In our count attention and sorting ' +
          'are linear and hashing is what grows faster, as $L \\sqrt L$ in the end, though it is a small part at any ' +
          'length measured here. Memory is $O(n_{\\text{rounds}} \\cdot L)$.',
      },
    ],
  },
  givesUp:
    'Separate keys, pairs that meet in no round, and weights that change smoothly with the queries: a bucket changes ' +
    'in jumps and passes no gradient. A causal run is not fully causal: later tokens move the borders of chunks, and ' +
    'so decide which earlier tokens meet.',
  goodFor:
    'Models trained with it from the start, on long sequences in which a token has a few far matches at unknown ' +
    'places. Copying is such a task: our recipe duplication reaches its goal with each of three seeds. More rounds at ' +
    'evaluation reduce errors without more training.',
  badFor:
    'Replacing full attention in a trained model: it ignores the keys that the model learned, and ' +
    '`bench/results/compare.json` has its large error. Short texts, where hashing, sorting and several rounds cost ' +
    'more than all pairs. Few rounds when every token must be right.',
};
