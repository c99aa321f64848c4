/** What Kimi Team 2025 say: a delta rule with a decay for each channel. */
import type { PaperNotes } from './paper.ts';

const tex = String.raw;

export const kda: PaperNotes = {
  variant: 'kda',
  title: 'Kimi Delta Attention',
  idea: 'Gated DeltaNet in which each channel of the keys fades at its own rate.',
  symbols: [
    { tex: tex`\alpha_t`, option: null, means: 'the share of each channel that is kept' },
    { tex: tex`\beta_t`, option: null, means: 'how much of an old value gives way to the new one' },
    { tex: 'S_t', option: null, means: 'the state, a matrix' },
    { tex: 'd', option: null, means: 'width of a query and of a key in one head' },
  ],
  equations: [
    {
      label: '§3',
      tex: tex`\alpha_t \in \mathbb{R} \;\to\; \alpha_t \in \mathbb{R}^{d}`,
      says: 'Kimi Delta Attention: the decay of a head becomes one for each channel.',
    },
    {
      label: 'eq. 1',
      tex: tex`S_t = \left(I - \beta_t k_t k_t^T\right) \operatorname{Diag}(\alpha_t)\,S_{t-1} + \beta_t k_t v_t^T, \qquad o_t = S_t^T q_t`,
      says: 'The recurrence. Equal shares make it Gated DeltaNet, shares of 1 DeltaNet.',
    },
    {
      label: '§4',
      tex: tex`\text{three layers of it for one of full attention}`,
      says: 'The model, and how a layer makes its gates.',
    },
    {
      label: 'eq. 10',
      tex: tex`\text{output} = W_o\left(\operatorname{sigmoid}(\cdot) \odot \operatorname{RMSNorm}(o_t)\right)`,
      says: 'The gate and the norm of outputs.',
    },
  ],
  cost: {
    steps: [
      {
        tex: tex`2 \cdot L \cdot d^2`,
        says: tex`Every token writes an outer product of $d \times d$ numbers into the state, and reads $d \times d$ numbers of it.`,
      },
      { tex: tex`O(L \cdot d^2)`, says: 'As Gated DeltaNet, with a few more products for the decays of channels.' },
    ],
  },
  givesUp: 'Exact recall of a past longer than the state is wide.',
  goodFor: 'Long texts, together with a few layers of full attention.',
  badFor: 'Looking up more facts than the state has room for, by itself.',
};
