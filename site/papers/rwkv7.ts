/** What Peng et al. 2025 say: what is removed, what is written and how fast are three things. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const rwkv7: PaperNotes = {
  variant: 'rwkv7',
  title: 'RWKV-7',
  idea: 'A recurrence whose channels fade at rates of their own, and which removes under one key and writes under another.',
  symbols: [
    { tex: 'w_t', option: null, means: 'the share of each channel that is kept' },
    { tex: 'a_t', option: null, means: 'the in-context learning rate of each channel' },
    {
      tex: tex`\xi,\ \alpha,\ \rho`,
      option: null,
      means:
        'learned, for each channel: what makes removal keys, how far writing follows the rate, and how much of a token goes past the state',
    },
    { tex: 'r_t', option: null, means: 'the receptance: queries' },
    { tex: 'd', option: null, means: 'width of a head' },
  ],
  equations: [
    {
      label: '§4.1',
      tex: tex`\text{time mixing}`,
      says: 'The section on what takes the place of attention.',
    },
    {
      label: 'eq. 6',
      tex: tex`\kappa_t = k_t \odot \xi`,
      says: 'The removal key, before it is normalised.',
    },
    {
      label: 'eq. 7',
      tex: tex`\tilde k_t = k_t \odot \operatorname{lerp}(1, a_t, \alpha)`,
      says: 'The replacement key: how much is written may differ from how much is removed.',
    },
    {
      label: 'eq. 12',
      tex: tex`w_t = \exp\left(-e^{-0.5}\,\operatorname{sigmoid}(d_t)\right)`,
      says: 'The decay. It never falls below 0.545, which keeps training stable.',
    },
    {
      label: 'eq. 15',
      tex: tex`\hat\kappa_t = \kappa_t / \|\kappa_t\|_2`,
      says: 'Removal keys have norm 1 in each head.',
    },
    {
      label: 'eq. 17',
      tex: tex`S_t = S_{t-1}\left(\operatorname{diag}(w_t) - \hat\kappa_t^T (a_t \odot \hat\kappa_t)\right) + v_t^T\,\tilde k_t`,
      says: 'The state evolves: it fades, loses what stands under the removal key, and gains the new value. The paper calls the state wkv.',
    },
    {
      label: 'eq. 20',
      tex: tex`u_t = \left(r_t \cdot (\rho \odot \tilde k_t)^T\right) v_t`,
      says: 'The bonus: a token also counts for itself without passing through the state.',
    },
    {
      label: 'eq. 21',
      tex: tex`p_t = \operatorname{LayerNorm}\left(r_t\,S_t^T\right) + u_t`,
      says: 'What is read, normalised, and the bonus. Here the norm is left to the layer.',
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
        says: 'A transition is a diagonal and one outer product, so the price is that of a delta rule.',
      },
    ],
  },
  givesUp: 'Exact recall of a past longer than the state is wide.',
  goodFor: 'Keeping track of a state: the paper shows that it recognises all regular languages.',
  badFor: 'Looking up more facts than the state has room for.',
};
