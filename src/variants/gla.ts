/**
 * Gated linear attention: a decay for each channel of the keys, chosen by the token.
 *
 * Problem: linear attention never forgets, and a fixed decay (RetNet) forgets the same of everything. Idea (Yang et al.
 * 2024, §4.1): let the token choose for each row of the state how much of it is kept,
 *
 *     S_t = Diag(α_t) S_{t−1} + k_t v_tᵀ,   o_t = S_tᵀ q_t / √d                                  (§4.1, eq. 3)
 *     α_t = sigmoid(x_t W_α¹ W_α² + b_α)^{1/τ},   τ = 16                                               (§4.4)
 *
 * The exponent 1/τ holds α near 1, so that a state lasts. Chunks of tokens meet directly, by differences of the sums of
 * log α: e^{−Σ log α} alone would overflow (§4.3).
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up the softmax, and exact
 * recall of a past that is longer than the state is wide: this is another function.
 *
 * Departs from the paper: outputs are divided by √d, as in the released code; a layer's norm makes that immaterial. A layer's
 * projection to α has full rank (there W_α¹ W_α² of rank 16), and keys are as wide as values (there, half as wide). The norm
 * of each head is a root mean square, as in the released code (in §4.4, a layer norm). The gate of outputs starts at 1 for
 * every token.
 */
import { scale, scan } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { scanFlops } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import type { OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask, gates: { logDecay } }: GatedInputs<'logDecay'>,
  _options: GlaOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);

  // S_t = Diag(α_t) S_{t−1} + k_t v_tᵀ,   o_t = S_tᵀ q_t / √d                                              (§4.1, eq. 3)
  const before = memory.get('S', [batch, heads, d, values.shape[3]]);
  const q = scale(queries, 1 / Math.sqrt(d));
  const { output, state: S } = scan(q, keys, values, { logDecay, keyMask, state: before });
  memory.set('S', S);
  return memory.leave(output);
}

/** τ: the larger, the slower a state is forgotten (§4.4). */
const TEMPERATURE = 16;

const options = {};

/** Options of `gla`: only `causal`, which is implied. */
export interface GlaOptions extends OptionsOf<typeof options> {}

/** Linear attention with a decay for each channel, chosen by the token (Yang et al. 2024). */
export const gla = defineVariant({
  name: 'gla',
  paper: {
    authors: 'Yang et al.',
    year: 2024,
    title: 'Gated Linear Attention Transformers with Hardware-Efficient Training',
    arxiv: '2312.06635',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      logDecay: {
        symbol: 'log α',
        activation: 'logSigmoid',
        times: 1 / TEMPERATURE,
        width: (_options, { headDim }) => headDim,
        absent: 0,
        description: 'logarithm of the share of each channel that is kept',
      },
    },
  },
  layer: { outputNorm: 'head', outputGate: { activation: 'silu' } },
  budget: null,
  attend,
  cost: (shape) => ({ flops: scanFlops(shape) }),
});
