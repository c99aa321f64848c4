/**
 * Funnel Transformer: fewer queries than keys, and each answer stands for the tokens that asked together.
 *
 * Problem: attention pays for a row of every token, though the rows of neighbours are much alike. Idea (Dai et al. 2020):
 * pool neighbours, s at a time, into one query, and leave keys and values as they are, so that no token is lost:
 *
 *     H' = Pooling(H),   O' = softmax(H'W_Q (H W_K)ᵀ/√d) H W_V,   ⌈L/s⌉ rows                               (“encoder”)
 *     O_i = O'_{⌈i/s⌉},  i = 1 … L                                                                         (“decoder”)
 *
 * The mean of projections is the projection of the mean, so H'W_Q is the mean of s queries. The second line is the decoder, which
 * repeats rows; its residual, which adds what was there before pooling, is that of the layer.
 *
 * Cost: O(L²/s) time, O(L) memory. It gives up what sets a token apart from its neighbours in what it looks for: s tokens have
 * one output. With s = 1 it is full attention. It reads ahead by up to s − 1 tokens, so nothing is causal.
 *
 * Departs from the paper: a model is shortened from block to block there, and repeated once, at its end, with layers after that;
 * a call of a variant returns as many rows as it got, so each layer shortens and repeats by itself. Its scores have relative
 * positions; here those are the layer's. [CLS] is pooled with the others, padding with none.
 */
import {
  attention,
  broadcastTo,
  concat,
  divide,
  everything,
  reshape,
  slice,
  sum,
  zeroMasked,
} from '../core/ops/index.ts';
import { elements, fromArray, type Tensor, zeros } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { integer, type OptionsOf } from './options.ts';
import type { AttentionInputs } from './variant.ts';

function attend({ queries, keys, values, keyMask }: AttentionInputs, { stride }: FunnelOptions): Tensor {
  const length = queries.shape[2];

  // O' = softmax(Q' Kᵀ/√d) V, Q' the means of s queries                                                      (“encoder”)
  const pooled = pool(queries, keyMask, stride);
  const O = attention(pooled, keys, values, everything(pooled.shape[2], length), { keyMask }).output;

  // O_i = O'_{⌈i/s⌉}                                                                                       (“decoder”)
  const [batch, heads, groups, width] = O.shape;
  const repeated = broadcastTo(reshape(O, [batch, heads, groups, 1, width]), [batch, heads, groups, stride, width]);
  return slice(reshape(repeated, [batch, heads, groups * stride, width]), 2, 0, length);
}

/** The mean of each s rows of x [batch, heads, length, width], [batch, heads, ⌈length/s⌉, width]; of real tokens alone. */
function pool(x: Tensor, keyMask: Tensor | undefined, stride: number): Tensor {
  const [batch, heads, length, width] = x.shape;
  const groups = Math.ceil(length / stride);
  const missing = groups * stride - length;
  const real = keyMask === undefined ? x : zeroMasked(x, keyMask);
  const whole = missing === 0 ? real : concat([real, zeros([batch, heads, missing, width], x.dtype as 'float32')], 2);
  const sums = sum(reshape(whole, [batch, heads, groups, stride, width]), 3);
  return divide(sums, countsOf(keyMask, batch, length, stride, x.dtype as 'float32'));
}

/** How many real tokens each group has, at least 1, [batch, 1, ⌈length/s⌉, 1]. */
function countsOf(
  keyMask: Tensor | undefined,
  batch: number,
  length: number,
  stride: number,
  dtype: 'float32' | 'float64',
): Tensor {
  const groups = Math.ceil(length / stride);
  const flags = keyMask && elements(keyMask);
  const counts = Array.from({ length: batch * groups }, (_, n) => {
    const first = (n % groups) * stride;
    const row = Math.floor(n / groups) * length;
    let count = 0;
    for (let j = first; j < Math.min(length, first + stride); j++) count += flags?.[row + j] ?? 1;
    return Math.max(1, count);
  });
  return fromArray(counts, [batch, 1, groups, 1], dtype);
}

const options = {
  /** *s*: neighbouring tokens that share a query; 2 in the paper. */
  stride: integer({
    symbol: 's',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.min(2, sequenceLength),
    description: 'neighbouring tokens that share one query',
  }),
};

/** Options of `funnel`: how many tokens share a query. */
export interface FunnelOptions extends OptionsOf<typeof options> {}

/** Attention of pooled queries over all keys, each output repeated for the tokens of its pool (Dai et al. 2020). */
export const funnel = defineVariant({
  name: 'funnel',
  paper: {
    authors: 'Dai et al.',
    year: 2020,
    title: 'Funnel-Transformer: Filtering out Sequential Redundancy for Efficient Language Processing',
    arxiv: '2006.03236',
  },
  family: 'low-rank',
  exactness: 'approximate',
  complexity: 'O(L²/s)',
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  options,
  budget: null,
  attend,
  cost({ batch, heads, keyLength, headDim }, { stride }) {
    const pairs = batch * heads * Math.ceil(keyLength / stride) * keyLength;
    return { flops: pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});
