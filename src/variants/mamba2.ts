/**
 * Mamba-2: a state space model that is linear attention with a decay chosen by the token.
 *
 * Problem: a selective state space model (Mamba) needs a scan of its own that matrix units cannot help with. Idea (Dao & Gu
 * 2024, §5 and §7): make A a number for each head. Then the model is attention with a mask of decays, and chunks of it are
 * products of matrices (state space duality):
 *
 *     h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t x_tᵀ,   y_t = h_tᵀ C_t + D x_t                                (§2.1, eq. 2)
 *     y = (L ∘ C Bᵀ) (Δ x),   L_ts = exp(A Σ_{s<r≤t} Δ_r)                                    (§3.2, eq. 6; §5.1)
 *
 * The names are those of state spaces: C are queries, B keys, x values; the state has headDim × valueDim numbers, N × P there.
 * A = −exp(A_log) < 0, and Δ > 0 is a step in time: large, it forgets and writes much; small, it lets a token pass by. The
 * paper's A_t and B_t are exp(Δ_t A) and Δ_t B_t here: Δ and the skip D are those of Mamba (§2.1, remark 1; arXiv:2312.00752).
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up the softmax, and exact
 * recall of a past that is longer than the state is wide: this is another function.
 *
 * Departs from the paper: every head has B and C of its own (eq. 17; there all heads share them, eq. 20, or heads of a group).
 * The short convolution before, the gate and the norm after (§7.1, fig. 6) belong to a layer; the convolution has no bias.
 * The gate of outputs starts at 1.
 */
import { add, exp, expandDims, multiply, negate, reshape, scan, zeroMasked } from '../core/ops/index.ts';
import { elements, empty, filled } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { scanFlops } from './flops.ts';
import type { Gate, GatedInputs } from './inputs.ts';
import type { OptionsOf } from './options.ts';
import type { DeclaredParameters } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries: C, keys: B, values: x, keyMask, gates: { delta } }: GatedInputs<'delta'>,
  _options: Mamba2Options,
  { A_log, D }: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, N] = C.shape;
  const memory = new Memory(state, length);

  // h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t x_tᵀ,   y_t = h_tᵀ C_t + D x_t, A = −exp(A_log)                      (§2.1, eq. 2)
  const logDecay = multiply(delta, negate(exp(reshape(A_log, [heads, 1]))));
  const before = memory.get('h', [batch, heads, N, x.shape[3]]);
  const written = multiply(expandDims(delta, 3), x);
  const { output, state: h } = scan(C, B, written, { logDecay, keyMask, state: before });
  memory.set('h', h);
  return memory.leave(add(output, multiply(reshape(D, [heads, 1, 1]), zeroMasked(x, keyMask))));
}

/** Δ, a number of each token and head. */
export const deltaGate = {
  symbol: 'Δ',
  activation: 'softplus',
  // Δ between 0.001 and 0.1, drawn evenly over its logarithm (the released model): softplus(log(e^Δ − 1)) = Δ.
  bias: ({ random }) => Math.log(Math.expm1(0.001 * 100 ** random.uniform())),
  absent: 0.01,
  description: 'the step in time of a token: how much is forgotten and written',
} as const satisfies Gate;

/** The learned numbers of each head. */
export const stateSpace = {
  /** A = −exp(A_log), from −1 to −16 (the released model). */
  A_log: {
    learned: true,
    decays: false,
    shape: (_options, { heads }) => [heads],
    start({ extents, dtype, random }) {
      const tensor = empty(extents, dtype);
      random.fillUniform(elements(tensor), 1, 16);
      const all = elements(tensor);
      for (let h = 0; h < all.length; h++) all[h] = Math.log(all[h]);
      return tensor;
    },
  },
  /** The skip of x around the state. */
  D: {
    learned: true,
    decays: false,
    shape: (_options, { heads }) => [heads],
    start: ({ extents, dtype }) => filled(extents, 1, dtype),
  },
} satisfies DeclaredParameters;

const options = {};

/** Options of `mamba2`: only `causal`, which is implied. */
export interface Mamba2Options extends OptionsOf<typeof options> {}

/** A state space model with a scalar decay for each token and head, chosen by the token (Dao & Gu 2024). */
export const mamba2 = defineVariant({
  name: 'mamba2',
  paper: {
    authors: 'Dao & Gu',
    year: 2024,
    title: 'Transformers are SSMs: Generalized Models and Efficient Algorithms Through Structured State Space Duality',
    arxiv: '2405.21060',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      delta: deltaGate,
    },
  },
  parameters: stateSpace,
  layer: {
    shortConvolution: 4,
    silu: ['queries', 'keys', 'values'],
    outputNorm: 'layer',
    outputGate: { activation: 'silu', first: true },
  },
  budget: null,
  attend,
  cost: (shape) => ({
    // Δ x and D x, beside the scan.
    flops: scanFlops(shape) + 3 * shape.batch * shape.heads * shape.keyLength * shape.headDim,
  }),
});
