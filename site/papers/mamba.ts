/** What Gu and Dao 2023 say: a state space model that chooses what it takes in. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const mamba: PaperNotes = {
  variant: 'mamba',
  title: 'Mamba',
  idea: 'A recurrence in which each channel decides at every token how much to forget and how much to write.',
  symbols: [
    { tex: tex`\Delta_t`, option: null, means: 'a step in time: large forgets and writes, small lets a token pass by' },
    { tex: 'A', option: null, means: 'learned rates of decay, one for each number of a state' },
    { tex: tex`B_t,\ C_t`, option: null, means: 'what is written and read: keys and queries' },
    { tex: 'D', option: null, means: 'learned: how much of a token goes past the state' },
    { tex: 'N', option: null, means: 'numbers of a state; the width of a head here' },
  ],
  equations: [
    {
      label: '§2',
      tex: tex`h'(t) = A\,h(t) + B\,x(t), \qquad y(t) = C\,h(t)`,
      says: 'State space models: a linear system in time, cut into steps.',
    },
    {
      label: 'eq. 2',
      tex: tex`h_t = \bar A\,h_{t-1} + \bar B\,x_t, \qquad y_t = C\,h_t`,
      says: 'Cut into steps it is a recurrence.',
    },
    {
      label: 'eq. 4',
      tex: tex`\bar A = \exp(\Delta A), \qquad \bar B = (\Delta A)^{-1}\left(\exp(\Delta A) - I\right) \Delta B`,
      says: tex`Zero-order hold. The code, as the released one, takes $\Delta B$ for $\bar B$.`,
    },
    {
      label: '§3.2',
      tex: tex`B, C, \Delta \;\text{depend on}\; x_t`,
      says: 'Selection: what is written, read and forgotten depends on the token.',
    },
    {
      label: 'Algorithm 2',
      tex: tex`\Delta = \operatorname{softplus}(\text{parameter} + s_\Delta(x)), \qquad y = \operatorname{SSM}(\bar A, \bar B, C)(x)`,
      says: 'A selective state space model, S6. It is no convolution any more, so it is computed by a scan.',
    },
    {
      label: '§3.4',
      tex: tex`x = \operatorname{SiLU}(\operatorname{conv}(W_x u)), \qquad B, C, \Delta \;\text{from}\; x`,
      says: 'The block: one branch goes through a convolution and a SiLU, and what comes out chooses what is written and read.',
    },
    {
      label: 'Figure 3',
      tex: tex`y = W_o \left(\operatorname{SSM}(x) \odot \operatorname{SiLU}(W_z u)\right)`,
      says: 'The other branch of the block gates the output.',
    },
    {
      label: '§3.5.2',
      tex: tex`\Delta \to 0: \text{keep}, \qquad \Delta \to \infty: \text{take the token}`,
      says: 'What the step means.',
    },
    {
      label: '§3.6',
      tex: 'A_n = -(n + 1)',
      says: 'How rates start, and the rank of the projection that makes the step.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`L \cdot d \cdot N`,
        says: 'Each of $d$ channels updates $N$ numbers of its state at every token, and reads them.',
      },
      {
        tex: tex`O(L \cdot d^2)`,
        says: 'With $N = d$. A token of a generation costs the same, however long the text is.',
      },
    ],
  },
  givesUp: 'The softmax, and exact recall of a past longer than the state is wide.',
  goodFor: 'Long sequences of which most can be left out.',
  badFor: 'Looking up what was said once, long ago.',
};
