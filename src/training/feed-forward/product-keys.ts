/**
 * Product keys (Lample et al. 2019, *Large Memory Layers with Product Keys*, arXiv 1907.05242): a memory in place of a network.
 *
 * Problem: a layer with more parameters takes more time, because every token meets all of them.
 * Idea: n² values, of which a query reads the k best. Their keys are all pairs of n first and n second halves, so the k best keys
 *   are among the pairs of the k best first and the k best second halves: 2n + k² scores decide between n².
 * Cost: for each token and head 2n scores of d_q/2 numbers and k values, whatever n² is.
 * It gives up: values without a reader learn nothing, and most of the n² rest at first.
 *
 *     q(x) = norm(x W_q + b_q), in two halves q₁, q₂ for each head                                     (§3.1)
 *     I₁ = the k best c_i by q₁·c_i,   I₂ = the k best c'_j by q₂·c'_j                                 (§3.2)
 *     I = the k best (i, j) ∈ I₁ × I₂ by q₁·c_i + q₂·c'_j                                              (§3.2)
 *     m(x) = Σ_{heads} Σ_{(i,j) ∈ I} softmax(q₁·c_i + q₂·c'_j) v_{n i + j}                             (eqs. 1 to 3, §3.3)
 *
 * Departs from the paper: each half of a query is normalised by itself (layer normalisation), where the paper normalises over the
 * batch, so that a token's result does not depend on others. Values learn at the rate of the other parameters, and not at one of
 * their own. The layer stands in every layer that has this kind, where the paper puts it in one or two.
 */
import { bestPairs } from '../../core/ops/best-pairs.ts';
import {
  add,
  contiguous,
  gatherRows,
  layerNorm,
  matmul,
  multiply,
  reshape,
  scale,
  slice,
  softmax,
  transpose,
} from '../../core/ops/index.ts';
import { weightedRows } from '../../core/ops/weighted-rows.ts';
import type { Random } from '../../core/random.ts';
import { elements, empty, ones, randomNormal, type Tensor, zeros } from '../../core/tensor.ts';
import { integer } from '../../variants/options.ts';
import type { FeedForwardCall, FeedForwardKind, FeedForwardPlace } from './kind.ts';
import { realRows } from './real-rows.ts';

/** Complete options of product keys. */
export type ProductKeyOptions = { numKeys: number; memoryHeads: number; topKeys: number; queryDim: number };

/** A type, so that a record of learned tensors can hold it. */
export type ProductKeyParameters = {
  /** [width, heads · d_q] */
  W_q: Tensor;
  /** [heads · d_q] */
  b_q: Tensor;
  /** Of the normalisation, [d_q / 2]. */
  gain: Tensor;
  bias: Tensor;
  /** c and c', [heads, n, d_q / 2]. */
  keys1: Tensor;
  keys2: Tensor;
  /** v, [n², width], of all heads. */
  values: Tensor;
};

/** m(x) for x [batch, length, width]. */
function apply(
  x: Tensor,
  { numKeys: n, memoryHeads: heads, topKeys, queryDim }: ProductKeyOptions,
  { W_q, b_q, gain, bias, keys1, keys2, values }: ProductKeyParameters,
  call: FeedForwardCall,
): Tensor {
  const width = x.shape[x.shape.length - 1];
  const rows = reshape(x, [-1, width]);
  const [tokens] = rows.shape;
  const k = Math.min(topKeys, n);
  const real = call.keyMask === undefined ? null : elements(call.keyMask);

  // q₁ and q₂, [heads, tokens, d_q / 2], and their scores with all halves of keys, [heads, tokens, n].
  const projected = reshape(add(matmul(rows, W_q), b_q), [tokens, heads, 2, queryDim / 2]);
  const queries = layerNorm(projected, gain, bias);
  const half = (which: number) =>
    contiguous(transpose(reshape(slice(queries, 2, which, which + 1), [tokens, heads, queryDim / 2]), [1, 0, 2]));
  const scores1 = matmul(half(0), keys1, { transposeB: true });
  const scores2 = matmul(half(1), keys2, { transposeB: true });

  // I, as places in the scores, [heads, tokens, k] for each half.                                          (§3.2)
  let isFirst = false;
  const decided = call.once('choices', () => {
    isFirst = true;
    return bestPairs(scores1, scores2, k);
  });
  const places = placesOf(elements(decided) as Int32Array, { heads, tokens, k, n });
  const chosen = (scores: Tensor, of: Tensor) => gatherRows(reshape(scores, [-1, 1]), of);
  const sums = add(chosen(scores1, places.first), chosen(scores2, places.second));
  const weights = softmax(reshape(sums, [tokens, heads, k])); // (eq. 2)

  // Σ w v over the values that a token reads, of all heads.                                                (eq. 3, §3.3)
  if (isFirst) noteReads(call, elements(places.values) as Int32Array, heads * k, n * n, real);
  const y = weightedRows(reshape(weights, [tokens, heads * k]), values, places.values);
  return reshape(real === null ? y : multiply(y, realRows(real, x.dtype)), x.shape);
}

/**
 * Of pairs [2, heads, tokens, k]: where the scores of their halves are in [heads, tokens, n], each [tokens · heads · k], and the
 * values that they read, [tokens, heads · k].
 */
function placesOf(
  pairs: Int32Array,
  { heads, tokens, k, n }: { heads: number; tokens: number; k: number; n: number },
): Record<'first' | 'second' | 'values', Tensor> {
  const size = heads * tokens * k;
  const made = {
    first: empty([size], 'int32'),
    second: empty([size], 'int32'),
    values: empty([tokens, heads * k], 'int32'),
  };
  const [first, second, values] = [made.first, made.second, made.values].map((each) => elements(each));
  let to = 0;
  for (let t = 0; t < tokens; t++) {
    for (let h = 0; h < heads; h++) {
      const row = h * tokens + t;
      for (let at = row * k; at < (row + 1) * k; at++, to++) {
        const i = pairs[at];
        const j = pairs[size + at];
        first[to] = row * n + i;
        second[to] = row * n + j;
        values[to] = n * i + j;
      }
    }
  }
  return made;
}

function noteReads(
  call: FeedForwardCall,
  read: Int32Array,
  perToken: number,
  among: number,
  real: ArrayLike<number> | null,
): void {
  const choices =
    real === null ? read.slice() : read.map((value, at) => (real[Math.floor(at / perToken)] === 1 ? value : -1));
  const loads = new Int32Array(among);
  for (let at = 0; at < choices.length; at++) if (choices[at] >= 0) loads[choices[at]]++;
  call.note({ choices, perToken, among, loads, dropped: 0, capacity: choices.length });
}

/** Keys N(0, 2/d_q) and values N(0, 1/width), as rows of norm about 1; W_q by Glorot & Bengio 2010. */
function parameters(
  { numKeys: n, memoryHeads: heads, queryDim }: ProductKeyOptions,
  { width, dtype }: FeedForwardPlace,
  random: Random,
): ProductKeyParameters {
  const half = queryDim / 2;
  const draw = (name: string, shape: number[], deviation: number) =>
    scale(randomNormal(shape, random.split(name), dtype), deviation).withGrad();
  return {
    W_q: draw('W_q', [width, heads * queryDim], Math.sqrt(2 / (width + heads * queryDim))),
    b_q: zeros([heads * queryDim], dtype).withGrad(),
    gain: ones([half], dtype).withGrad(),
    bias: zeros([half], dtype).withGrad(),
    keys1: draw('keys1', [heads, n, half], 1 / Math.sqrt(half)),
    keys2: draw('keys2', [heads, n, half], 1 / Math.sqrt(half)),
    values: draw('values', [n * n, width], 1 / Math.sqrt(width)),
  };
}

/** The layer of product keys, as a kind for `feedForward` of a model. */
export const productKeyKind: FeedForwardKind<ProductKeyOptions, ProductKeyParameters> = {
  name: 'product-keys',
  papers: [
    {
      authors: 'Lample et al.',
      year: 2019,
      title: 'Large Memory Layers with Product Keys',
      arxiv: '1907.05242',
    },
  ],
  options: {
    numKeys: integer({
      symbol: 'n',
      minimum: 1,
      limit: 2 ** 13,
      default: 64,
      description: 'halves of keys; values are n²',
    }),
    memoryHeads: integer({ symbol: 'H', minimum: 1, limit: 2 ** 10, default: 4, description: 'queries of a token' }),
    topKeys: integer({
      symbol: 'k',
      minimum: 1,
      limit: 2 ** 10,
      default: 32,
      description: 'values that a query reads',
    }),
    queryDim: integer({
      symbol: 'd_q',
      minimum: 2,
      limit: 2 ** 16,
      multipleOf: 2,
      default: 64,
      description: 'width of a query',
    }),
  },
  counts: ({ numKeys: n, memoryHeads: heads, topKeys, queryDim }, { width }) => {
    const others = width * heads * queryDim + heads * queryDim + queryDim + heads * n * queryDim;
    return { all: others + n * n * width, active: others + heads * Math.min(topKeys, n) * width };
  },
  parameters,
  apply,
};
