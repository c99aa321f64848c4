/** What Lu et al. 2025 say: queries choose blocks of keys, as tokens choose experts. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const moba: PaperNotes = {
  variant: 'moba',
  title: 'Mixture of block attention',
  idea: 'The past is cut into blocks. Each query picks the few blocks whose mean key suits it best, and reads them in full.',
  symbols: [
    { tex: 'B', option: 'blockSize', means: 'tokens of a block' },
    { tex: 'k', option: 'topK', means: 'blocks that a query takes, its own among them' },
    { tex: 'I_i', option: null, means: 'the tokens of block $i$' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§2.2',
      tex: tex`I = \bigcup_{g_i = 1} I_i`,
      says: 'A gate without parameters chooses blocks, as a mixture of experts chooses experts.',
    },
    {
      label: 'eq. 2',
      tex: tex`\operatorname{MoBA}(q, K, V) = \operatorname{softmax}\left(\frac{q\,K[I]^T}{\sqrt d}\right) V[I]`,
      says: 'Attention over the chosen keys alone.',
    },
    {
      label: 'eq. 4',
      tex: tex`I = \{\, j : j \in I_i,\ g_i = 1 \,\}`,
      says: 'The chosen keys: those of all chosen blocks.',
    },
    {
      label: 'eq. 5',
      tex: tex`g_i = \begin{cases} 1 & s_i \in \operatorname{top-}k \\ 0 & \text{else} \end{cases}`,
      says: 'A query takes the $k$ blocks with the best scores, none of them in the future, and always its own.',
    },
    {
      label: 'eq. 6',
      tex: tex`s_i = \left\langle q,\ \operatorname{mean}(K[I_i]) \right\rangle`,
      says: 'The score of a block is the product of the query with the mean of its keys.',
    },
    {
      label: '§3.1',
      tex: tex`B = 512, \qquad k = 3`,
      says: 'For texts of 8,192 tokens in the experiments. The defaults here scale with the length.',
    },
    {
      label: '§3.2',
      tex: tex`\text{last layers: full attention}`,
      says: 'Some models keep full attention in their last layers, and some trainings end with it. A model here can mix variants by layer.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`L \cdot \frac LB \cdot d`, says: 'Each query is compared with the means of the blocks before it.' },
      { tex: tex`2 \cdot L \cdot k \cdot B \cdot d`, says: 'It meets $k$ blocks of $B$ keys.' },
      {
        tex: tex`O(L \cdot (k B + L/B) \cdot d)`,
        says: 'The means make a quadratic part, smaller by the size of a block.',
      },
    ],
  },
  givesUp: 'Keys in blocks whose mean does not point to them. The choice passes no gradient.',
  goodFor:
    'Turning a trained causal model to long texts: it has no parameters of its own, and with all blocks it is full attention.',
  badFor: 'Finding one token among many unlike it, which a mean hides.',
};
