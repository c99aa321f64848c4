/** What Parmar et al. 2018 say about attention within blocks and the stretch before them. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const localAttention: PaperNotes = {
  variant: 'local-attention',
  title: 'Local attention',
  idea: 'The text is cut into chunks, and a token attends to its own chunk and to the chunks next to it.',
  symbols: [
    { tex: 'L', option: null, means: 'tokens in the sequence' },
    { tex: 'm', option: 'chunkLength', means: 'tokens of a chunk; it stands for both $l_q$ and $l_m$ of the paper' },
    { tex: 'l_q', option: null, means: 'queries in a block, which share one set of keys; here $m$' },
    { tex: 'l_m', option: null, means: 'keys before the block that its queries meet too; here $m$' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.3',
      tex: tex`\mathrm{softmax}\!\left( \frac{W_q q\, (M W_k)^T}{\sqrt d} \right) M W_v, \qquad
        M = \left( x_{s - l_m}, \dots, x_{s + l_q - 1} \right)`,
      says:
        'Attention is that of §3.2; new is that all queries $q$ of the block that starts at $s$ attend to one ' +
        'memory $M$: the block itself and $l_m$ positions before it. In a causal run what comes after the query is hidden. Where the option is off, $M$ ' +
        'also has the chunk after, which is our addition: the paper generates images and only looks back.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`3m \ \text{keys a query}`,
        says:
          'The chunk before, its own, and the one after. In a causal run a query meets all of the chunk before and ' +
          'its own up to itself: from $m + 1$ to $2m$ keys, $\\tfrac12(3m + 1)$ in the mean.',
      },
      {
        tex: tex`3m\,L - 2m^2 \ \text{pairs}`,
        says: 'All queries together. The first chunk has none before it and the last none after.',
      },
      {
        tex: tex`2d + 2d = 4d \ \text{operations a pair}`,
        says:
          '$d$ multiply-adds for the product of query and key, and $d$ for the weighted value; a multiply-add is two ' +
          'operations. `cost()` adds 5 for the exponential.',
      },
      {
        tex: tex`4d \cdot 3m\,L \quad \text{instead of} \quad 4d\,L \cdot L`,
        says: 'Together, without the ends: one factor $L$ has become $3m$.',
      },
      {
        tex: tex`O(L \cdot m)`,
        says:
          'Twice the text is twice the work, and so is twice the chunk. Memory is $O(L)$: an output and one more ' +
          'number a query, nothing else.',
      },
    ],
  },
  givesUp:
    'Every pair further apart than neighbouring chunks. Tokens also see unequal numbers of others: the first token of ' +
    'a chunk looks back $m$ tokens, the last one $2m - 1$. Longformer’s window slides instead. On the allowed pairs ' +
    'the result is exact.',
  goodFor:
    'A simple and fast layer when what matters is near by: each query has one run of keys, and nothing is gathered or ' +
    'joined. It pairs well with a layer that sees far: Reformer models alternate it with hashing. For generation its ' +
    'state is two chunks, however long the text.',
  badFor:
    'Tasks that need a far token within one layer: there is no global token, and information moves one chunk per ' +
    'layer. Tasks in which it matters that tokens at the start of a chunk see less than those at its end.',
};
