/**
 * Poolingformer: a window, and a wider one that sees the first window's outputs, pooled.
 *
 * Problem: a window has to be wide to see far, and a wide one costs as much as it sees. Idea (Zhang et al. 2021): two levels.
 * The first is a sliding window of w₁ tokens on each side. The second looks w₂ tokens far, at keys and values that were pooled
 * with a kernel of κ tokens and a stride of ξ; the values are what the first level has made. Both are added up:
 *
 *     y_i = softmax(q_i K_{N(i, w₁)}ᵀ/√d) V_{N(i, w₁)}            N(i, w) = {i − w, …, i + w}           (“first level”)
 *     z_i = softmax(q_i K̄_{N(i, w₂)}ᵀ/√d) Ȳ_{N(i, w₂)}            K̄, Ȳ = Pool(K, Y; κ, ξ)             (“second level”)
 *     o_i = y_i + z_i                                                                                 (“second level”)
 *
 * Pool is the mean, the maximum of each column, or LDConv: a mixture with weights softmax(k W), k being the token in the middle.
 *
 * Cost: O(L·(w₁ + w₂/ξ)·d) time and O(L·κ/ξ·d) memory. It gives up single far tokens, and all farther than w₁ + w₂ and half a
 * kernel. Weights of a token add up to 2.
 *
 * Departs from the paper: there the second level has projections of its own of Y for queries, keys and values, which would be
 * another layer's; here it compares the same queries and keys, and only its values are of Y, so that the output is linear in the
 * values. Keys and values share LDConv's weights, which are of the key. The sequence is pooled once, around every ξ-th token, and
 * a query meets the windows with their middle in N(i, w₂); with κ = ξ = 1 that is the wider window itself. Global tokens, which
 * the paper makes of a question, are missing.
 */
import { add, attention, band, pairsOf, runs, zeroMasked } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, type OptionsOf } from './options.ts';
import { glorotUniform } from './parameters.ts';
import type { AttentionInputs, AttentionPattern, AttentionShape, Parameters } from './variant.ts';
import { pooledBy, weightsOf, windowsOf, windowsWithTokens } from './window-pooling.ts';

function attend(inputs: AttentionInputs, options: PoolingformerOptions, { W }: Parameters): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  const length = queries.shape[2];
  // y_i = softmax(q_i K_{N(i, w₁)}ᵀ/√d) V_{N(i, w₁)}                                                   (“first level”)
  const Y = attention(queries, keys, values, nearLayout(length, options), { keyMask }).output;

  // K̄, Ȳ = Pool(K, Y; κ, ξ)                                                                          (“second level”)
  const windows = windowsOf(length, keyMask, options);
  const realKeys = zeroMasked(keys, keyMask);
  const weights = weightsOf(realKeys, W, windows, options.pooling);
  const [K, V] = [realKeys, zeroMasked(Y, keyMask)].map((x) => pooledBy(weights, x, windows));

  // z_i = softmax(q_i K̄_{N(i, w₂)}ᵀ/√d) Ȳ_{N(i, w₂)},  o_i = y_i + z_i                                (“second level”)
  const mask = windowsWithTokens(windows, keys.shape[0], options);
  return add(Y, attention(queries, K, V, farLayout(length, options), { keyMask: mask }).output);
}

const nearLayout = (length: number, { window: w }: PoolingformerOptions) => band(length, { before: w, after: w });

/** Query i meets the windows g with |gξ − i| ≤ w₂. */
function farLayout(length: number, { wideWindow, poolStride }: PoolingformerOptions) {
  const count = Math.ceil(length / poolStride);
  return runs(
    Int32Array.from({ length }, (_, i) => Math.min(count, Math.max(0, Math.ceil((i - wideWindow) / poolStride)))),
    Int32Array.from({ length }, (_, i) => Math.min(count, Math.floor((i + wideWindow) / poolStride) + 1)),
    count,
  );
}

/** Whether the key is in the query's window, or in that of a token that the query meets in a pooled one. */
function pattern(options: PoolingformerOptions, { keyLength }: AttentionShape): AttentionPattern {
  const { window, wideWindow, poolStride, poolWidth } = options;
  const before = Math.floor(poolWidth / 2);
  return (_head, query, key) => {
    if (Math.abs(query - key) <= window) return true;
    for (let middle = 0; middle < keyLength; middle += poolStride) {
      if (Math.abs(middle - query) > wideWindow) continue;
      const [first, last] = [middle - before, middle - before + poolWidth - 1];
      // The token of this window that is nearest to the key.
      const nearest = Math.max(0, first, Math.min(keyLength - 1, last, key));
      if (Math.abs(nearest - key) <= window) return true;
    }
    return false;
  };
}

function cost({ batch, heads, keyLength: length, headDim: d }: AttentionShape, options: PoolingformerOptions) {
  const pairs = pairsOf(nearLayout(length, options), 1) + pairsOf(farLayout(length, options), 1);
  const places = Math.ceil(length / options.poolStride) * options.poolWidth;
  const pooling = { max: 0, mean: 4 * d, ldconv: 6 * d + SOFTMAX_FLOPS }[options.pooling];
  return { flops: batch * heads * (pairs * (4 * d + SOFTMAX_FLOPS) + places * pooling) };
}

const itself = (sequenceLength: number) => sequenceLength;

const options = {
  /** *w₁*: tokens on each side in the first window. */
  window: integer({
    symbol: 'w₁',
    minimum: 0,
    maximum: itself,
    // As in the paper; beside a second window that was asked for, a quarter of that, as there.
    default: (sequenceLength, { wideWindow }) =>
      Math.min(128, sequenceLength, wideWindow === undefined ? sequenceLength : Math.ceil((wideWindow as number) / 4)),
    description: 'tokens on each side in the first window',
  }),
  /** *w₂*: tokens on each side in the second window. */
  wideWindow: integer({
    symbol: 'w₂',
    minimum: 0,
    maximum: itself,
    default: (sequenceLength, { window }) => Math.min(4 * (window as number), sequenceLength),
    description: 'tokens on each side in the second window',
  }),
  /** *ξ*: tokens from one pooled key to the next. */
  poolStride: integer({
    symbol: 'ξ',
    minimum: 1,
    maximum: itself,
    default: (sequenceLength) => Math.min(4, sequenceLength),
    description: 'tokens from one pooled key to the next',
  }),
  /** *κ*: tokens that a pooled key is made of. One more than ξ by default, so that its middle is the token in the middle. */
  poolWidth: integer({
    symbol: 'κ',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength + 1,
    default: (_sequenceLength, { poolStride }) => (poolStride as number) + 1,
    description: 'tokens that a pooled key is made of',
  }),
  /** How they are pooled. */
  pooling: choice({
    choices: ['ldconv', 'mean', 'max'],
    default: 'ldconv',
    description: 'mixture by the token in the middle (ldconv), mean or maximum',
  }),
};

/** Options of `poolingformer`: both windows, and the pooling of the second. */
export interface PoolingformerOptions extends OptionsOf<typeof options> {}

/** A sliding window, and a wider one over pooled keys and the first window's outputs (Zhang et al. 2021). */
export const poolingformer = defineVariant({
  name: 'poolingformer',
  paper: {
    authors: 'Zhang et al.',
    year: 2021,
    title: 'Poolingformer: Long Document Modeling with Pooling Attention',
    arxiv: '2105.04371',
  },
  family: 'sparse',
  exactness: 'own',
  complexity: 'O(L·(w₁+w₂/ξ))',
  averages: false,
  // A maximum of values is not linear in them.
  withLinearValues: (complete) => ({ ...complete, pooling: complete.pooling === 'max' ? 'mean' : complete.pooling }),
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  options,
  budget: {
    symbol: 'w₂',
    option: 'wideWindow',
    values: (sequenceLength) => [16, 64, 128, 256, 512].filter((w) => w <= sequenceLength),
  },
  parameters: {
    /** [heads, headDim, κ]: what the token in the middle makes of each place. */
    W: {
      learned: true,
      shape: ({ pooling, poolWidth }, { heads, headDim }) =>
        pooling === 'ldconv' ? [heads, headDim, poolWidth] : null,
      start: (drawing) => glorotUniform(drawing, drawing.extents[1], drawing.extents[2]),
    },
  },
  largest: ({ poolStride, poolWidth }, { batch, heads, keyLength, headDim }) => [
    ...[batch, heads],
    Math.max(keyLength, Math.ceil(keyLength / poolStride) * poolWidth),
    headDim,
  ],
  attend,
  pattern,
  cost,
});
