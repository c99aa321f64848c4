/** What Yang et al. 2025 say: forget at once, or replace one value. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const gatedDeltaNet: PaperNotes = {
  variant: 'gated-deltanet',
  title: 'Gated DeltaNet',
  idea: 'A memory that can fade as a whole and still replace what one key holds.',
  symbols: [
    { tex: tex`\alpha_t`, option: null, means: 'how much of the state is kept' },
    { tex: tex`\beta_t`, option: null, means: 'how much of an old value gives way to the new one' },
    { tex: 'S_t', option: null, means: 'the state, a matrix' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`\text{decay} + \text{delta rule}`,
      says: 'A decay forgets everything evenly, a delta rule only what it writes over. Both are needed.',
    },
    {
      label: 'eq. 10',
      tex: tex`S_t = S_{t-1}\left(\alpha_t\left(I - \beta_t k_t k_t^T\right)\right) + \beta_t v_t k_t^T`,
      says: 'The recurrence. With a decay of 1 it is DeltaNet.',
    },
    {
      label: 'eq. 8',
      tex: tex`S_t = S_{t-1}\left(\alpha_t\left(I - \beta_t k_t k_t^T\right)\right) + \beta_t v_t k_t^T`,
      says: 'The number of the same equation in the first version of the paper; the number 8 also stands for it in other texts.',
    },
    {
      label: '§3.4',
      tex: tex`\alpha_t = \exp\left(-\exp(A)\,\operatorname{softplus}(\cdot)\right)`,
      says: 'How the paper makes the decay, and the layer around it.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      { tex: tex`O(L \cdot d^2)`, says: 'As DeltaNet: a decay costs nothing more.' },
    ],
  },
  givesUp: 'Exact recall of a past longer than the state is wide.',
  goodFor: 'Recall with a state of fixed size, in texts whose past should also fade.',
  badFor: 'Looking up more facts than the state has room for.',
};
