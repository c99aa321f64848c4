/** What the indexer of DSA learns from (DeepSeek-AI 2025, §2.1.1): the weights of attention over all of its keys or the best. */
import { noGrad } from '../core/autograd.ts';
import { expectInteger, expectShape, ShapeError } from '../core/errors.ts';
import { expectOptions, expectRecord, integerOf } from '../core/expect.ts';
import { expectFlags, expectFloat, expectSameDType } from '../core/ops/check.ts';
import {
  add,
  expandDims,
  logSumExp,
  matmul,
  multiply,
  relu,
  scale,
  shift,
  softmax,
  subtract,
  sum,
} from '../core/ops/index.ts';
import { topKeys } from '../core/ops/top-keys.ts';
import { elements, expectTensor, fromArray, type Tensor } from '../core/tensor.ts';

/** The indexer's numbers: the gates of `dsa`. */
export interface Indexer {
  /** q^I and k^I, [batch, heads, length, width]. */
  indexQueries: Tensor;
  indexKeys: Tensor;
  /** w, [batch, heads, length]. */
  indexWeights: Tensor;
}

/** Settings of `indexerLoss`: which keys count, and padding. */
export interface IndexerLossSettings {
  /** Only the best keys of each query, as many as this (the sparse stage). Absent: all (the dense warm-up). */
  topKeys?: number | undefined;
  /** [batch, length], uint8: 0 = padding, which counts neither as a key nor as a query. */
  keyMask?: Tensor | undefined;
}

/**
 * The mean over real queries t of D_KL(p_t ‖ softmax(I_t)), over the keys s ≤ t, or with `topKeys` over the best of them: the
 * loss that trains the indexer of `dsa` (DeepSeek-AI 2025, eqs. 3 and 4). I_ts = Σ_j w_tj ReLU(q^I_tj·k^I_s), and p_t is the
 * sum of all heads' softmax weights for queries and keys [batch, heads, length, headDim], divided by its own sum. p is a
 * target: gradients flow to the indexer alone. Takes O(length²) memory, for short texts. Throws ArgumentError or ShapeError,
 * with the name of the argument, for arguments that do not fit.
 *
 * Departs from the paper: the mean over queries, where eqs. 3 and 4 have their sum. As in eq. 1, I has no scale. The released
 * model divides it by √(heads · width), which changes no choice, but this loss; scaled weights have the same effect.
 *
 * @example
 * ```ts
 * const indexQueries = randomNormal([batch, heads, length, 16], new Random(0)).withGrad();
 * const indexKeys = randomNormal([batch, heads, length, 16], new Random(1)).withGrad();
 * const indexWeights = ones([batch, heads, length]).withGrad();
 * backward(indexerLoss(queries, keys, { indexQueries, indexKeys, indexWeights }, { topKeys: 64 }));
 * ```
 */
export function indexerLoss(
  queries: Tensor,
  keys: Tensor,
  indexer: Indexer,
  settings: IndexerLossSettings = {},
): Tensor {
  const { keyMask, topKeys: count } = expectOptions('settings', settings, {
    topKeys: integerOf(1),
    keyMask: expectTensor,
  });
  expectRecord('indexer', indexer, { indexQueries: expectTensor, indexKeys: expectTensor, indexWeights: expectTensor });
  const { indexQueries, indexKeys, indexWeights } = indexer;
  const given = { queries, keys, 'indexer.indexQueries': indexQueries, 'indexer.indexKeys': indexKeys };
  expectFloat('queries', queries);
  for (const [name, tensor] of Object.entries({ ...given, 'indexer.indexWeights': indexWeights })) {
    expectSameDType(name, tensor, queries.dtype, 'to match queries');
  }
  for (const [name, { shape }] of Object.entries(given)) {
    if (shape.length !== 4) throw new ShapeError(`${name}: expected 4 axes, got ${shape.length}`);
  }
  const [batch, heads, length, headDim] = queries.shape;
  const width = indexQueries.shape[3];
  expectShape('keys', keys.shape, queries.shape, 'to match queries');
  expectShape('indexer.indexQueries', indexQueries.shape, [batch, heads, length, width], 'to match queries');
  expectShape('indexer.indexKeys', indexKeys.shape, [batch, heads, length, width], 'to match indexQueries');
  expectShape('indexer.indexWeights', indexWeights.shape, [batch, heads, length], 'to match queries');
  if (keyMask !== undefined) expectFlags('settings.keyMask', keyMask, [batch, length], 'to match keys');
  if (count !== undefined) expectInteger('settings.topKeys', count, 1, length);
  const lists = topKeys(indexQueries, indexKeys, indexWeights, { count: count ?? length, start: 0, keyMask });
  const { hidden, counted, rows } = chosen(lists, keyMask, queries.dtype);

  // p_t: the weights of all heads over the chosen keys, added up and divided by their sum; zeros where t is padding.
  const target = noGrad(() => {
    const scores = scale(matmul(queries, keys, { transposeB: true }), 1 / Math.sqrt(headDim));
    return multiply(scale(sum(softmax(add(scores, hidden)), 1, true), 1 / heads), counted);
  });
  // I_ts                                                                                                        (eq. 1)
  const products = relu(matmul(indexQueries, indexKeys, { transposeB: true }));
  const scores = sum(multiply(expandDims(indexWeights, 3), products), 1, true);
  // D_KL = Σ_s p_ts log p_ts − Σ_s p_ts I_ts + log Σ_s exp I_ts                                              (eqs. 3, 4)
  const normaliser = sum(multiply(logSumExp(add(scores, hidden), -1, true), counted));
  const divergence = shift(subtract(normaliser, sum(multiply(target, scores))), negativeEntropy(target));
  return scale(divergence, 1 / rows);
}

/**
 * For the lists of chosen keys: [batch, 1, length, length] of 0 for a chosen key and −∞ for others, whether a query counts,
 * [batch, 1, length, 1], and how many do, at least 1. The row of a query that does not count is all 0.
 */
function chosen(lists: Tensor, keyMask: Tensor | undefined, dtype: Tensor['dtype']) {
  const [batch, , length, count] = lists.shape;
  const all = elements(lists);
  const real = keyMask && elements(keyMask);
  const hidden = new Float64Array(batch * length * length);
  const counted = new Float64Array(batch * length);
  for (let row = 0; row < counted.length; row++) {
    if (real !== undefined && real[row] === 0) continue;
    counted[row] = 1;
    hidden.fill(Number.NEGATIVE_INFINITY, row * length, (row + 1) * length);
    for (let n = row * count; n < (row + 1) * count; n++) if (all[n] >= 0) hidden[row * length + all[n]] = 0;
  }
  return {
    hidden: fromArray(hidden, [batch, 1, length, length], dtype),
    counted: fromArray(counted, [batch, 1, length, 1], dtype),
    rows: Math.max(
      1,
      counted.reduce((total, each) => total + each, 0),
    ),
  };
}

/** Σ p log p, where 0 log 0 is 0. */
const negativeEntropy = (p: Tensor): number =>
  (elements(p) as Float64Array).reduce((total, each) => (each > 0 ? total + each * Math.log(each) : total), 0);
