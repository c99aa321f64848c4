/**
 * Mamba: a state space model whose channels each choose, at every token, how much they forget and write.
 *
 * Problem: state space models were the same at every token, so they could not leave out what is of no use. Idea (Gu & Dao
 * 2023, §3.2, algorithm 2): Δ, B and C depend on the token (selection, S6). For each channel of x, with a state of N numbers,
 *
 *     h_t = Ā_t h_{t−1} + B̄_t x_t,   y_t = C_t h_t + D x_t                                              (§2, eq. 2)
 *     Ā_t = exp(Δ_t A)   (§2, eq. 4),   B̄_t = Δ_t B_t                                                 (released code)
 *
 * A = −exp(A_log) < 0 is [channels, N] and diagonal. Δ > 0 is a step in time: near 0, a channel keeps its state and lets the
 * token pass by; large, it forgets and takes the token (§3.5.2). Channels have decays of their own, so chunks of tokens are no
 * products of matrices, as they are in Mamba-2; `selectiveScan` walks each channel.
 *
 * The names are those of state spaces: C are queries, B keys, x values. A head's state is [headDim, N], N = headDim.
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up the softmax, and exact
 * recall of a past that is longer than the state is wide: this is another function.
 *
 * In a layer, x goes through a convolution and SiLU, and B, C and Δ are projections of what comes out, of all heads together
 * (§3.4, fig. 3, and the released code).
 *
 * Departs from the paper: A is held exactly over a step but B by Euler's rule, Δ B in place of (ΔA)⁻¹ (exp(ΔA) − 1) Δ B, as in
 * the released code. B and C belong to a head, where there all channels share them and N = 16; with one head they share them
 * here, too. The convolution has no bias. The gate of outputs starts at 1.
 */
import { expectShape } from '../core/errors.ts';
import { add, exp, multiply, negate, reshape, selectiveScan, zeroMasked } from '../core/ops/index.ts';
import { elements, empty, filled } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { selectiveScanFlops } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { deltaGate } from './mamba2.ts';
import type { OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries: C, keys: B, values: x, keyMask, gates: { delta } }: GatedInputs<'delta'>,
  _options: MambaOptions,
  { A_log, D }: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, N] = C.shape;
  expectShape('values', x.shape, delta.shape, 'because each channel has a step and rates');
  const memory = new Memory(state, length);

  // h_t = exp(Δ_t A) h_{t−1} + Δ_t B_t x_t,   y_t = C_t h_t + D x_t, A = −exp(A_log)                         (§2, eq. 2)
  const before = memory.get('h', [batch, heads, N, N]);
  const A = negate(exp(A_log));
  const { output, state: h } = selectiveScan(C, B, x, { steps: delta, rates: A, keyMask, state: before });
  memory.set('h', h);
  return memory.leave(add(output, multiply(reshape(D, [heads, 1, N]), zeroMasked(x, keyMask))));
}

const options = {};

/** Options of `mamba`: only `causal`, which is implied. */
export interface MambaOptions extends OptionsOf<typeof options> {}

/** A selective state space model with a step for each token and channel (Gu & Dao 2023). */
export const mamba = defineVariant({
  name: 'mamba',
  paper: {
    authors: 'Gu & Dao',
    year: 2023,
    title: 'Mamba: Linear-Time Sequence Modeling with Selective State Spaces',
    arxiv: '2312.00752',
  },
  family: 'recurrence',
  exactness: 'own',
  complexity: 'O(L·d²)',
  averages: false,
  weighsColumns: true,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      delta: {
        ...deltaGate,
        width: (_options, { headDim }) => headDim,
        // R of §3.6.
        rank: (_options, { heads, headDim }) => Math.ceil((heads * headDim) / 16),
        description: 'the step in time of a channel at a token: how much is forgotten and written',
      },
    },
  },
  parameters: {
    /** A = −exp(A_log): −1, −2, … −N for every channel (S4D-Real, §3.6). */
    A_log: {
      learned: true,
      decays: false,
      shape: (_options, { heads, headDim }) => [heads, headDim, headDim],
      start({ extents, dtype }) {
        const tensor = empty(extents, dtype);
        const [all, N] = [elements(tensor), extents[2]];
        for (let n = 0; n < all.length; n++) all[n] = Math.log(1 + (n % N));
        return tensor;
      },
    },
    /** The skip of x around the state. */
    D: {
      learned: true,
      decays: false,
      shape: (_options, { heads, headDim }) => [heads, headDim],
      start: ({ extents, dtype }) => filled(extents, 1, dtype),
    },
  },
  layer: {
    shortConvolution: 4,
    silu: ['values'],
    fromValues: ['queries', 'keys', 'delta'],
    outputGate: { activation: 'silu' },
  },
  budget: null,
  attend,
  cost: (shape) => ({
    // The skip, beside the scan.
    flops: selectiveScanFlops(shape) + 2 * shape.batch * shape.heads * shape.keyLength * shape.headDim,
  }),
});
