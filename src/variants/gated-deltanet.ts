/**
 * Gated DeltaNet: a memory of fixed size that can clear itself at once and still replace one value by another.
 *
 * Problem: a decay (Mamba-2) forgets everything evenly, a delta rule (DeltaNet) only what it writes over. Idea (Yang et al.
 * 2025, §3.1): do both. With S as in the paper, [valueDim, headDim], and its transpose here:
 *
 *     S_t = S_{t−1} (α_t (I − β_t k_t k_tᵀ)) + β_t v_t k_tᵀ              (eq. 10 of arXiv v3, eq. 8 of v1)
 *     o_t = S_t q_t
 *
 * α_t in (0, 1] is how much is kept, β_t in (0, 1) how much of the old value of k_t gives way to the new one. Queries and
 * keys have norm 1, so that I − β k kᵀ is a contraction. With α = 1 it is DeltaNet.
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up exact recall of a past
 * that is longer than the state is wide: this is another function than softmax attention.
 *
 * Departs from the paper: outputs are divided by √d, as in its released layer, which
 * normalises them afterwards. A layer makes α as the sigmoid of a projection; the paper takes Mamba-2's (§3.4),
 * exp(−exp(A) softplus(·)). Values are as wide as keys (in the released layer, twice as wide). The gate of outputs starts at
 * 1 for every token. In the released layer it is drawn without a bias, so that SiLU gives each token and channel a size and a
 * sign by chance, about 0 in the mean, and what the state returns cannot be read until the gate has settled: on the task of
 * the recipe `mqar`, 500 steps at a weight decay of 0.01 (seed 11), the gate as drawn recalls 23.0%, one that starts at 0
 * 22.9%, one that starts at 1 93.1%. Where log α starts made no difference there.
 */
import { normalizeRows, scale, scan } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { betaGate, type DeltaRuleOptions, deltaRuleOptions } from './delta-rule.ts';
import { scanFlops } from './flops.ts';
import type { Gate, GatedInputs } from './inputs.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates: { logDecay, beta } }: GatedInputs<'logDecay' | 'beta'>,
  _options: GatedDeltaNetOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // S_tᵀ = (I − β_t k_t k_tᵀ) (α_t S_{t−1}ᵀ) + β_t k_t v_tᵀ, log α and β from outside                         (eq. 10)
  const q = scale(normalizeRows(queries), 1 / Math.sqrt(d));
  const before = memory.get('S', [batch, heads, d, values.shape[3]]);
  const { output, state: S } = scan(q, normalizeRows(keys), values, { logDecay, beta, keyMask, state: before });
  memory.set('S', S);
  return memory.leave(output);
}

/** log α, a number of each token and head. */
export const decayGate = {
  symbol: 'log α',
  activation: 'logSigmoid',
  // α starts near 0.98.
  bias: 4,
  absent: 0,
  description: 'logarithm of the share of the state that is kept',
} as const satisfies Gate;

/** Options of `gatedDeltaNet`: whether eigenvalues may be negative, and `causal`, which is implied. */
export interface GatedDeltaNetOptions extends DeltaRuleOptions {}

/** A recurrence with a scalar decay and the delta rule (Yang et al. 2025): memory that clears and replaces. */
export const gatedDeltaNet = defineVariant({
  name: 'gated-deltanet',
  paper: {
    authors: 'Yang et al.',
    year: 2025,
    title: 'Gated Delta Networks: Improving Mamba2 with Delta Rule',
    arxiv: '2412.06464',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options: deltaRuleOptions,
  inputs: {
    gates: {
      logDecay: decayGate,
      beta: betaGate,
    },
  },
  layer: {
    shortConvolution: 4,
    silu: ['queries', 'keys', 'values'],
    outputNorm: 'head',
    outputGate: { activation: 'silu' },
  },
  budget: null,
  attend,
  cost: (shape) => ({ flops: scanFlops(shape, { deltaRule: true }) }),
});
