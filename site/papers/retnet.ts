/** What Sun et al. 2023 say: linear attention with rotations and a fixed decay. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const retnet: PaperNotes = {
  variant: 'retnet',
  title: 'RetNet',
  idea: 'The past fades by a fixed rate for each head, and one formula is a sum over pairs, a recurrence, or chunks of both.',
  symbols: [
    { tex: tex`\gamma_h`, option: null, means: 'the rate of head $h$' },
    { tex: tex`\Theta`, option: 'rotation', means: 'turns pairs of channels by angles that grow with the position' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§2.1',
      tex: tex`\text{parallel} = \text{recurrent} = \text{chunkwise}`,
      says: 'Retention has three forms that compute the same.',
    },
    {
      label: 'eq. 5',
      tex: tex`Q = (X W_Q) \odot \Theta, \quad K = (X W_K) \odot \bar\Theta, \quad \operatorname{Retention}(X) = \left(Q K^T \odot D\right) V, \quad D_{nm} = \gamma^{n-m} \;(n \ge m)`,
      says: 'For training: all pairs at once, each with its decay.',
    },
    {
      label: 'eq. 6',
      tex: tex`S_n = \gamma\,S_{n-1} + K_n^T V_n, \qquad \operatorname{Retention}(X_n) = Q_n S_n`,
      says: 'For generation: a state that fades.',
    },
    {
      label: '§2.2',
      tex: tex`\gamma_h = 1 - 2^{-5-h}`,
      says: 'Several heads, each with a scale of time of its own, and the normalisation of scores.',
    },
    {
      label: 'eq. 8',
      tex: tex`\text{head}_h = \operatorname{Retention}(X, \gamma_h), \qquad Y = \operatorname{GroupNorm}(\dots), \qquad \left(\operatorname{swish}(X W_G) \odot Y\right) W_O`,
      says: 'The layer: heads with their rates, a norm of each head, and a gate.',
    },
    {
      label: 'eq. 15',
      tex: tex`\theta_i = 10000^{-2i/d}`,
      says: 'Of Su et al. 2021: the rates at which pairs of columns turn.',
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
        says: 'Chunks compute pairs inside and a state between them. Nothing grows with the square of the length.',
      },
    ],
  },
  givesUp: 'The softmax, and choice: what is forgotten does not depend on the token.',
  goodFor: 'Training in parallel and generating at a constant price.',
  badFor: 'Recall: everything fades at the same rate, whatever it is.',
};
