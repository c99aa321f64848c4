/**
 * Luna: a few rows pack the sequence, and every token reads what they packed.
 *
 * Problem: attention between all tokens is quadratic. Idea (Ma et al. 2021, §3.1): put a short sequence P of l rows in between,
 * and take two attentions, each linear in the length, in place of one that is quadratic:
 *
 *     pack     Y_P = Attn(P, X) = A X,                     A = softmax(P (X W_K)ᵀ/√d) ∈ ℝ^{l×L}                   (§3.1)
 *     unpack   Y_X = Attn(X, Y_P) = softmax(Q K̃ᵀ/√d) Ṽ,    K̃ = A K, Ṽ = A V                                       (§3.1)
 *
 * Causally, no softmax over the sequence is possible: the pack takes ω(P Kᵀ/√d), ω positive, and both products become running
 * means over the tokens so far, f(X, Y, Z)_t = (1/t) X_t Σ_{j ≤ t} Y_jᵀ Z_j (§3.4; luna-causal.ts).
 *
 * Cost: O(L·l·d) time and O(L·(l + d)) memory; causally a token is generated from two states of l × d numbers. It gives up the
 * weight of a single pair: a token reads one of l mixtures, of which causally even the mixing changes as the text goes on.
 * Untrained, P is random, and so is what `compare` shows.
 *
 * In a model, each layer hands P on (fig. 1): that of the next is norm(P + Y_P), and P of the lowest alone is a parameter
 * (training/handing.ts). Causally nothing is handed on, as in the authors' decoder: each layer has its own.
 *
 * Departs from the paper: a head packs its own keys and values, P is compared with these keys, and Y_P is Ṽ of all heads; there K̃
 * and Ṽ are projections of Y_P, so that the output is not linear in the values. P of the lowest layer is a parameter of each head,
 * after its projection. A pad counts as no token in the running means.
 */
import { attention, broadcastTo, concat, everything, slice } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS, scanFlops } from './flops.ts';
import { attendCausally } from './luna-causal.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import type { AttentionState } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: LunaOptions,
  { P }: Parameters,
  state?: AttentionState,
): Attending | Tensor {
  if (options.causal) return attendCausally(inputs, options.activation, P, state);
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const l = P.shape.at(-2) as number;

  // K̃, Ṽ = softmax(P Kᵀ/√d) [K, V]: one attention, over keys and values side by side                              (§3.1)
  const pack = broadcastTo(P, [batch, heads, l, d]);
  const packed = attention(pack, keys, concat([keys, values], 3), everything(l, keys.shape[2]), { keyMask }).output;
  const [K, V] = [slice(packed, 3, 0, d), slice(packed, 3, d, packed.shape[3])];

  // softmax(Q K̃ᵀ/√d) Ṽ                                                                                        (§3.1)
  return { output: attention(queries, K, V, everything(length, l)).output, state: null, handed: V };
}

const options = {
  /** *l*: rows of P, which pack the sequence; 16 to 256 in the paper. */
  packLength: integer({
    symbol: 'l',
    minimum: 1,
    limit: 2 ** 16,
    default: (sequenceLength) => Math.min(128, Math.ceil(sequenceLength / 4)),
    description: 'rows that pack the sequence',
  }),
  /** *ω*: what takes the place of the pack's softmax when causal: softplus with β = ln 2, or elu(x) + 1. */
  activation: choice({
    symbol: 'ω',
    choices: ['softplus', 'elu'],
    default: 'softplus',
    description: "what stands for the pack's softmax when causal; makes no difference otherwise",
  }),
};

/** Options of `luna`: how many rows pack the sequence, and the activation of the causal pack. */
export interface LunaOptions extends OptionsOf<typeof options> {}

/** Two attentions by way of a few rows that pack the sequence (Ma et al. 2021). */
export const luna = defineVariant({
  name: 'luna',
  paper: {
    authors: 'Ma et al.',
    year: 2021,
    title: 'Luna: Linear Unified Nested Attention',
    arxiv: '2106.01540',
  },
  family: 'low-rank',
  exactness: 'own',
  complexity: 'O(L·l·d)',
  averagesWith: ({ causal }) => !causal,
  handsOn: ({ causal }) => (causal ? null : 'P'),
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  options,
  budget: {
    symbol: 'l',
    option: 'packLength',
    values: (sequenceLength) => [4, ...[16, 32, 64, 128, 256].filter((l) => l < sequenceLength)],
  },
  parameters: {
    /** [heads, l, d]: queries of the pack, as large as the queries of tokens. */
    P: {
      learned: true,
      shape: ({ packLength }, { heads, headDim }) => [heads, packLength, headDim],
      start: (drawing) => normal(drawing, 1),
    },
  },
  // Causally A_t, a row of l numbers for each token; else keys and values side by side.
  largest: ({ packLength, causal }, { batch, heads, keyLength, headDim }) =>
    causal
      ? [batch, heads, keyLength, Math.max(packLength, headDim)]
      : [batch, heads, Math.max(keyLength, packLength), 2 * headDim],
  attend,
  cost(shape, { packLength: l, causal }) {
    const { batch, heads, queryLength, keyLength, headDim: d } = shape;
    const rows = batch * heads;
    if (!causal) {
      const pack = rows * l * keyLength * (6 * d + SOFTMAX_FLOPS);
      return { flops: pack + rows * queryLength * l * (4 * d + SOFTMAX_FLOPS) };
    }
    const scans = scanFlops(shape, { valueDim: l }) + scanFlops({ ...shape, headDim: l }, { valueDim: d });
    return { flops: scans + rows * keyLength * l * (2 * d + SOFTMAX_FLOPS) };
  },
});
