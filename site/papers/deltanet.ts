/** What Schlag et al. 2021 and Yang et al. 2024 say: replace what a key holds, do not add to it. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const deltaNet: PaperNotes = {
  variant: 'deltanet',
  title: 'DeltaNet',
  idea: 'A memory of fixed size that first looks up what a key returns and then writes only the difference.',
  symbols: [
    { tex: 'S_t', option: null, means: 'the state, a matrix' },
    { tex: tex`\beta_t`, option: null, means: 'how much of the old value gives way to the new one' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§4.2',
      tex: tex`\bar v_t = S_{t-1} k_t, \qquad S_t = S_{t-1} + \beta_t\,(v_t - \bar v_t)\,k_t^T`,
      says: 'Of Schlag et al. 2021: the delta rule. Sums alone pile up what is stored under similar keys.',
    },
    {
      label: '§2.2',
      tex: tex`S_t = S_{t-1}\left(I - \beta_t k_t k_t^T\right) + \beta_t v_t k_t^T`,
      says: tex`Of Yang et al. 2024, the same rewritten: a step of gradient descent on $\tfrac12 \|S k_t - v_t\|^2$.`,
    },
    {
      label: '§3.2',
      tex: tex`\prod_t \left(I - \beta_t k_t k_t^T\right) = I - \sum_t w_t k_t^T`,
      says: 'The WY form: a product of such factors is a sum, so chunks of tokens are taken together.',
    },
    {
      label: '§3.3',
      tex: tex`q, k \leftarrow \frac{\operatorname{SiLU}(\cdot)}{\|\operatorname{SiLU}(\cdot)\|_2}`,
      says: tex`Keys of norm 1 make $I - \beta k k^T$ a contraction.`,
    },
    {
      label: '§3.4',
      tex: tex`\text{short convolutions, then the delta rule, then a norm}`,
      says: 'The layer around it.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      { tex: tex`O(L \cdot d^2)`, says: 'Whatever the length, a token costs the same, and the state keeps its size.' },
    ],
  },
  givesUp: 'Exact recall of more than a state can hold. It forgets only what it writes over.',
  goodFor: 'Recall with a small state: what a key held is replaced, not piled upon.',
  badFor: 'Texts whose past should fade by itself.',
};
