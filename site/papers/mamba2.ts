/** What Dao and Gu 2024 say: a state space model is attention with a mask of decays. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const mamba2: PaperNotes = {
  variant: 'mamba2',
  title: 'Mamba-2',
  idea: 'Mamba with one decay for each head, so that chunks of tokens are products of matrices.',
  symbols: [
    { tex: tex`\Delta_t`, option: null, means: 'a step in time: large forgets and writes, small lets a token pass by' },
    { tex: 'A', option: null, means: 'learned: the rate of a head' },
    { tex: tex`B,\ C,\ x`, option: null, means: 'keys, queries and values' },
    { tex: 'D', option: null, means: 'learned: how much of a token goes past the state' },
    { tex: 'd', option: null, means: 'width of a head' },
  ],
  equations: [
    {
      label: '§2.1',
      tex: tex`A_t = \exp(\Delta_t A), \qquad B_t = \Delta_t B_t`,
      says: 'Structured state space models, and the steps of Mamba.',
    },
    {
      label: 'eq. 2',
      tex: tex`h_t = A_t\,h_{t-1} + B_t\,x_t, \qquad y_t = C_t^T h_t`,
      says: 'The recurrence, with rates that depend on the token.',
    },
    {
      label: '§3.2',
      tex: 'y = M x',
      says: 'Written out for a whole sequence, the recurrence is a matrix that multiplies it.',
    },
    {
      label: 'eq. 6',
      tex: tex`M_{ts} = C_t^T A_t \cdots A_{s+1} B_s`,
      says: 'The entries of that matrix: a semiseparable one.',
    },
    {
      label: '§5',
      tex: tex`\text{state space duality}`,
      says: 'The model as a recurrence, and as attention.',
    },
    {
      label: '§5.1',
      tex: tex`y = \left(L \circ C B^T\right) x, \qquad L_{ts} = a_t \cdots a_{s+1}`,
      says: 'With one number for $A$ the matrix is attention without a softmax, under a mask of decays.',
    },
    {
      label: '§7',
      tex: tex`\text{the Mamba-2 architecture}`,
      says: 'The layer around it.',
    },
    {
      label: '§7.1',
      tex: tex`\text{gate and norm after the model}`,
      says: 'What stands before and after the recurrence in a layer.',
    },
    {
      label: 'Figure 6',
      tex: tex`x, B, C, \Delta \;\text{from one projection}`,
      says: 'The block in a picture: all of them are made from the token in parallel.',
    },
    {
      label: 'eq. 17',
      tex: tex`X, B, C: \; (T, H, \cdot)`,
      says: 'Every head has its own, as here.',
    },
    {
      label: 'eq. 20',
      tex: tex`B, C: \; (T, 1, N)`,
      says: 'All heads share what is written and read, as in the paper.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      {
        tex: tex`O(L \cdot d^2)`,
        says: 'Inside a chunk pairs meet, between chunks a state is handed on: products of matrices throughout.',
      },
    ],
  },
  givesUp:
    'The softmax, and exact recall of a past longer than the state is wide. Within a head, all channels fade together.',
  goodFor: 'Long texts, with training that is mostly products of matrices.',
  badFor: 'Looking up what was said once, long ago.',
};
