/** What Qin et al. 2024 say: a gated recurrence whose forget gate is its key. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const hgrn2: PaperNotes = {
  variant: 'hgrn2',
  title: 'HGRN2',
  idea: 'What a channel forgets makes room for as much that is new; outer products make the state a matrix.',
  symbols: [
    { tex: 'f_t', option: null, means: 'the forget gate, for each channel' },
    { tex: 'i_t', option: null, means: 'the input: the values' },
    { tex: 'o_t', option: null, means: 'the output gate: the queries' },
    { tex: tex`\gamma`, option: 'lowerBound', means: 'the least that a channel keeps; upper layers have more' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`h_t \in \mathbb{R}^d \;\to\; h_t \in \mathbb{R}^{d \times d}`,
      says: 'The state is expanded by outer products, which takes no more parameters.',
    },
    {
      label: 'eq. 3',
      tex: tex`h_t = \operatorname{Diag}(f_t)\,h_{t-1} + (1 - f_t)\,i_t^T, \qquad y_t = h_t^T o_t`,
      says: 'Read as linear attention, $1 - f$ is the key and the output gate is the query.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      { tex: tex`O(L \cdot d^2)`, says: 'As gated linear attention, of which it is a case.' },
    ],
  },
  givesUp: 'Comparing tokens, and keys of their own.',
  goodFor: 'Long texts at a constant price for each token.',
  badFor: 'Looking up single facts.',
};
