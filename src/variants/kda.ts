/**
 * Kimi Delta Attention: Gated DeltaNet with a decay for each channel of the keys.
 *
 * Problem: with one decay for a whole head, a memory cannot keep one kind of content and forget another. Idea (Kimi Team
 * 2025, §3): give each row of the state a decay of its own, as in gated linear attention, and keep the delta rule:
 *
 *     S_t = (I − β_t k_t k_tᵀ) Diag(α_t) S_{t−1} + β_t k_t v_tᵀ,   o_t = S_tᵀ q_t                   (eq. 1)
 *
 * with α_t in (0, 1] for each of the d channels, β_t in (0, 1), and queries and keys of norm 1. With α the same for all channels
 * it is Gated DeltaNet; with α = 1, DeltaNet.
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up exact recall of a past
 * that is longer than the state is wide: this is another function than softmax attention.
 *
 * Departs from the paper: a layer makes α as the sigmoid of a projection of full rank. The paper's has rank d (§4), and its
 * function is exp(−exp(A) softplus(·)) in the released code. The gate of outputs has full rank too (there, rank d, eq. 10).
 * Outputs are divided by √d, as in the released layer, which normalises them.
 */
import { normalizeRows, scale, scan } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { betaGate, type DeltaRuleOptions, deltaRuleOptions } from './delta-rule.ts';
import { scanFlops } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates: { logDecay, beta } }: GatedInputs<'logDecay' | 'beta'>,
  _options: KdaOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // S_t = (I − β_t k_t k_tᵀ) Diag(α_t) S_{t−1} + β_t k_t v_tᵀ,   o_t = S_tᵀ q_t                                  (eq. 1)
  const q = scale(normalizeRows(queries), 1 / Math.sqrt(d));
  const before = memory.get('S', [batch, heads, d, values.shape[3]]);
  const { output, state: S } = scan(q, normalizeRows(keys), values, { logDecay, beta, keyMask, state: before });
  memory.set('S', S);
  return memory.leave(output);
}

/** Options of `kda`: whether eigenvalues may be negative, and `causal`, which is implied. */
export interface KdaOptions extends DeltaRuleOptions {}

/** A recurrence with a decay for each channel and the delta rule (Kimi Team 2025). */
export const kda = defineVariant({
  name: 'kda',
  paper: {
    authors: 'Kimi Team',
    year: 2025,
    title: 'Kimi Linear: An Expressive, Efficient Attention Architecture',
    arxiv: '2510.26692',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options: deltaRuleOptions,
  inputs: {
    gates: {
      logDecay: {
        symbol: 'log α',
        activation: 'logSigmoid',
        width: (_options, { headDim }) => headDim,
        // α starts near 0.98.
        bias: 4,
        absent: 0,
        description: 'logarithm of the share of each channel that is kept',
      },
      beta: betaGate,
    },
  },
  layer: {
    shortConvolution: 4,
    silu: ['queries', 'keys', 'values'],
    outputNorm: 'head',
    outputGate: { activation: 'sigmoid' },
  },
  budget: null,
  attend,
  cost: (shape) => ({ flops: scanFlops(shape, { deltaRule: true }) }),
});
