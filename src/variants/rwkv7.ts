/**
 * RWKV-7: a memory of fixed size in which each channel decays, and is learned anew, at a rate of its own.
 *
 * Problem: a delta rule takes out of the state just what it writes over, with one rate for all channels. Idea (Peng et al.
 * 2025, §4.1): let what is removed, how fast, and what is written be three things. S is [valueDim, headDim], its transpose here:
 *
 *     S_t = S_{t−1} (diag(w_t) − κ̂_tᵀ (a_t ∘ κ̂_t)) + v_tᵀ k̃_t                           (weighted key value, eq. 17)
 *     κ_t = k_t ∘ ξ,   κ̂_t = κ_t/‖κ_t‖                                               (removal key, eqs. 6 and 15)
 *     k̃_t = k_t ∘ (1 + (a_t − 1) ∘ α)                                                 (replacement key, eq. 7)
 *     y_t = S_t r_t + (r_t · (ρ ∘ k̃_t)) v_t                                      (read and bonus, eqs. 20 and 21)
 *
 * r are the queries. w_t = exp(−e^−½ σ(·)) in (0.545, 1) (eq. 12) and a_t in (0, 1), the in-context learning rate, have a number
 * for each channel.
 *
 * Cost: O(L·d²) time, O(L·d) memory; a token is generated from a state of d × d numbers. It gives up exact recall of a past
 * that is longer than the state is wide: this is another function than softmax attention.
 *
 * Departs from the paper: a layer makes w and a by projections of full rank, not of low rank (with a tanh inside, for w). It
 * has no shift of tokens, no mixing with the first layer's values, and no gate of outputs. Its norm of each head is a root mean
 * square and comes after the bonus (there a layer norm, between reading and bonus, eq. 21). Starts do not depend on the layer:
 * those of w are the topmost's.
 */
import { add, exp, multiply, negate, normalizeRows, reshape, scan, shift, sum, zeroMasked } from '../core/ops/index.ts';
import { filled, type Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { scanFlops } from './flops.ts';
import type { GateColumn, GatedInputs } from './inputs.ts';
import type { OptionsOf } from './options.ts';
import type { DeclaredParameter } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, gates, keyMask }: GatedInputs<'logDecay' | 'a'>,
  _options: Rwkv7Options,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, heads, length, d] = queries.shape;
  const memory = new Memory(state, length);
  // Parameters meet every token: padding must not reach their gradients.
  const given = [queries, keys, values, gates.logDecay, gates.a];
  const [r, k, v, logDecay, a] = given.map((rows) => zeroMasked(rows, keyMask));
  const [xi, alpha, rho] = [parameters.xi, parameters.alpha, parameters.rho].map((x) => reshape(x, [heads, 1, d]));

  // κ̂ = k ∘ ξ/‖k ∘ ξ‖,   k̃ = k ∘ (1 + (a − 1) ∘ α)                                                  (eqs. 6, 7, 15)
  const removal = normalizeRows(multiply(k, xi));
  const replacement = multiply(k, shift(multiply(shift(a, -1), alpha), 1));
  // S_tᵀ = (diag(w) − (a ∘ κ̂)ᵀ κ̂) S_{t−1}ᵀ + k̃ᵀ v (eq. 17): κ̂ reads the state before it decays, which is κ̂/w after.
  const reads = multiply(removal, exp(negate(logDecay)));
  const before = memory.get('S', [batch, heads, d, v.shape[3]]);
  const erasing = { logDecay, reads, erases: multiply(a, removal), keyMask, state: before };
  const { output, state: S } = scan(r, replacement, v, erasing);
  memory.set('S', S);
  // y = S r + (r · (ρ ∘ k̃)) v                                                                           (eqs. 20, 21)
  const bonus = multiply(sum(multiply(r, multiply(rho, replacement)), 3, true), v);
  return memory.leave(add(output, bonus));
}

const options = {};

/** Options of `rwkv7`: only `causal`, which is implied. */
export interface Rwkv7Options extends OptionsOf<typeof options> {}

/** The column of a head from −1 to 1, squared, with its sign. */
const bent = ({ column, width }: GateColumn): number => {
  const x = width === 1 ? 0 : (2 * column) / (width - 1) - 1;
  return x * Math.abs(x);
};

/** The column of all heads from 0 to 1. */
const along = ({ index, all }: GateColumn): number => (all === 1 ? 0.5 : index / (all - 1));

/** A number for each channel of each head, which starts where the released code lets it. */
const perChannel = (start: number): DeclaredParameter<Rwkv7Options> => ({
  learned: true,
  shape: (_options, { heads, headDim }) => [heads, headDim],
  start: ({ extents, dtype }): Tensor => filled(extents, start, dtype),
});

/** A recurrence with a decay and a rate of learning for each channel, and keys of its own for removal (Peng et al. 2025). */
export const rwkv7 = defineVariant({
  name: 'rwkv7',
  paper: {
    authors: 'Peng et al.',
    year: 2025,
    title: 'RWKV-7 "Goose" with Expressive Dynamic State Evolution',
    arxiv: '2503.14456',
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
        symbol: 'log w',
        activation: 'sigmoid',
        times: -Math.exp(-0.5),
        width: (_options, { headDim }) => headDim,
        // w starts from 0.56 to 0.9998 (the released code, in the topmost layer), so that half of the channels keep their state for
        // a hundred tokens. Where all start near 0.97, and tokens change that from the beginning, the recipe mqar recalls 20.8%
        // after 250 of 750 steps (seed 1), and 70.1% so.
        bias: (at) => 6 * along(at) ** 2 - 5.5 + 2.5 * bent(at),
        still: true,
        absent: 0,
        description: 'logarithm of the share of each channel that is kept, at least −e^−½',
      },
      a: {
        symbol: 'a',
        activation: 'sigmoid',
        width: (_options, { headDim }) => headDim,
        // a starts from 0.34 to 0.58 (the released code).
        bias: (at) => 0.4 * along(at) - 0.39 + 0.3 * bent(at),
        still: true,
        absent: 1,
        description: 'how much of a value in the state is replaced, for each channel',
      },
    },
  },
  parameters: {
    /** ξ, which makes removal keys of keys. The same for all channels, it cancels. */
    xi: perChannel(1),
    /** α: how far a key is written by its rate a and not as it is. */
    alpha: perChannel(1.02),
    /** ρ: how much of a token's own value is added to its output beside the state. */
    rho: perChannel(-0.04),
  },
  layer: { outputNorm: 'head' },
  budget: null,
  attend,
  cost: (shape) => ({
    // Removal and replacement keys, the bonus, beside the scan.
    flops: scanFlops(shape, { erases: true }) + 16 * shape.batch * shape.heads * shape.keyLength * shape.headDim,
  }),
});
