/** What Guo et al. 2025 say: a state for each scale of the past. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const logLinear: PaperNotes = {
  variant: 'log-linear',
  title: 'Log-linear attention',
  idea: 'The past is cut into stretches that double in length, each with a state of its own, and every token weighs them.',
  symbols: [
    { tex: 'L', option: 'levels', means: 'levels of stretches' },
    { tex: tex`\lambda_t^{(\ell)}`, option: null, means: tex`the weight that token $t$ gives to level $\ell$` },
    { tex: tex`S_t^{(\ell)}`, option: null, means: 'the state of that level' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3.1',
      tex: tex`[0, t] = B_t^{(0)} \cup B_t^{(1)} \cup \dots, \qquad |B_t^{(\ell)}| \in \{1, 1, 2, 4, 8, \dots\}`,
      says: 'A Fenwick tree cuts the past: near stretches are short, far ones long, and there are as many as the length has digits.',
    },
    {
      label: 'eq. 3',
      tex: tex`o_t = \sum_\ell \lambda_t^{(\ell)}\,\left(S_t^{(\ell)}\right)^T q_t`,
      says: 'A token reads the state of each stretch, and weighs what it reads.',
    },
    {
      label: 'eq. 4',
      tex: tex`O = \left(Q K^T \odot M^{H}\right) V, \qquad M^{H}_{ts} = \lambda_t^{(\ell(t, s))}`,
      says: 'The same over all pairs: a mask that has a number for each level, a hierarchical matrix.',
    },
    {
      label: '§3.3',
      tex: tex`O = \left(Q K^T \odot M^{S} \odot M^{H}\right) V`,
      says: 'On top of Mamba-2 the mask is multiplied with that of the decays; on top of Gated DeltaNet likewise.',
    },
  ],
  cost: {
    steps: [
      { tex: tex`\log_2 L`, says: 'States that a token reads, at most one more.' },
      { tex: tex`L \cdot \log_2 L \cdot d^2`, says: 'Each token is written once to each level and reads each level.' },
      { tex: tex`O(L \log L \cdot d^2)`, says: 'Between linear and quadratic. A state for each level is kept.' },
    ],
  },
  givesUp: 'Exact recall of far stretches, which are longer than a state is wide.',
  goodFor: 'Long texts in which a recurrence forgets too much.',
  badFor: 'Short texts, where it is slower than full attention.',
};
