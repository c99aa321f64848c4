/** What Qin et al. 2024 say: linear attention with a decay, taken in blocks. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const lightning: PaperNotes = {
  variant: 'lightning',
  title: 'Lightning attention',
  idea: 'Each head fades at a fixed rate; inside a block pairs meet directly, and the rest comes from a sum.',
  symbols: [
    { tex: tex`\lambda_h`, option: null, means: 'the rate of head $h$' },
    { tex: 'l/L', option: 'depth', means: 'how high the layer lies: upper ones fade less' },
    { tex: 'kv_t', option: null, means: 'the state' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`o_t = \text{within the block} + \text{from the state}`,
      says: 'The method: two parts, each done in the way that suits it.',
    },
    {
      label: '§3.2',
      tex: tex`O_{\text{intra}} = \left[(Q K^T) \odot M\right] V, \qquad O_{\text{inter}} = \Lambda\,Q\,(KV)`,
      says: 'Inside a block all pairs, and between blocks a product with the state.',
    },
    {
      label: 'Algorithm 1',
      tex: tex`KV \leftarrow \lambda^B\,KV + (\lambda^B \Lambda^{-1} K)^T V`,
      says: 'The forward pass, block by block.',
    },
    {
      label: 'eq. 4',
      tex: tex`kv_t = \lambda\,kv_{t-1} + k_t v_t^T, \qquad o_t = q_t^T kv_t`,
      says: 'As a recurrence.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      { tex: tex`O(L \cdot d^2)`, says: 'Linear in the length for any size of block.' },
    ],
  },
  givesUp: 'The softmax, and choice: what is forgotten does not depend on the token.',
  goodFor: 'Long texts at a constant price for each token.',
  badFor: 'Recall of what is far: it has faded, whatever it was.',
};
