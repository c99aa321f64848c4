/** α-entmax, a softmax that gives some weights of exactly 0, and attention by it (Correia et al. 2019). */
import { record } from '../autograd.ts';
import { expectShape } from '../errors.ts';
import { expectBoolean, expectFiniteNumber, expectOptions, integerOf } from '../expect.ts';
import { entmaxGradientKernel, entmaxKernel } from '../kernels/entmax.ts';
import { entmaxAttentionGradientKernel, entmaxAttentionKernel, queriesOfTile } from '../kernels/entmax-attention.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, expectTensor, type Tensor } from '../tensor.ts';
import { checkCall, rowsOf } from './attention-call.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';
import { expectWithin } from './check-scan.ts';
import { LONGEST } from './layout.ts';
import { quietMasked } from './mask.ts';

/**
 * Weights p_i = [(α − 1) x_i − τ]₊^{1/(α − 1)} along the last axis of x [batch, heads, length, columns], with τ so that they sum to 1.
 * alpha [heads], from 1, which is softmax, to 2, which is sparsemax; less than 1 + 10⁻⁶ counts as that. A row of nothing but −∞
 * becomes zeros and has no gradient; a row with NaN or +∞ becomes NaN. Both arguments have gradients. Throws ShapeError or
 * ArgumentError for arguments that do not fit.
 */
export function entmax(x: Tensor, alpha: Tensor): Tensor {
  expectFloat('x', x);
  expectAxes('x', x, 4);
  expectAlpha(alpha, x, 'x');
  const [batch, heads, perHead, columns] = x.shape;
  const rows = batch * heads * perHead;
  const y = empty(x.shape, x.dtype);
  const given = { x: elements(x), alpha: elements(alpha) };
  const numbers = { columns, perHead, heads };
  parallelFor(entmaxKernel, rows, { ...given, y: elements(y) }, numbers, { costPerItem: ROUNDS * columns });
  return record('entmax', y, [x, alpha], (gradient) => {
    const [result, ofRows] = [empty(x.shape, x.dtype), empty([rows], 'float64')];
    const arrays = { ...given, gradient: elements(gradient), result: elements(result), ofAlpha: elements(ofRows) };
    parallelFor(entmaxGradientKernel, rows, arrays, numbers, { costPerItem: 2 * ROUNDS * columns });
    return [result, sumByHead(ofRows, perHead, alpha)];
  });
}

/** What a number of a row costs, in multiply-adds: some steps of a root, on a part of the numbers. */
const ROUNDS = 30;

/** Optional inputs of `entmaxAttention`. */
export interface EntmaxAttentionSettings {
  /** Query i meets the keys up to queryStart + i. Absent: all keys. */
  causal?: boolean;
  /** The place of the first query among the keys, 0 by default. */
  queryStart?: number;
  /** [batch, keyLength], uint8: a key with 0 has no weight, whatever it holds. */
  keyMask?: Tensor | undefined;
  /** What products are multiplied by, 1/√headDim by default. */
  scale?: number;
}

const SETTINGS = {
  causal: expectBoolean,
  queryStart: integerOf(0, LONGEST),
  keyMask: expectTensor,
  scale: expectFiniteNumber,
};

/**
 * out_i = Σ_j p_ij v_j, p_i = α-entmax(scale q_i·k_j over the keys j that it meets), for queries [batch, heads, queryLength, headDim],
 * keys [batch, heads, keyLength, headDim], values [batch, heads, keyLength, valueDim] and alpha [heads] from 1 to 2. O(queryLength
 * · keyLength · headDim) time, and O(length) memory: scores are computed again in the backward pass. A query that meets no key has an
 * output of 0. Everything but the mask has a gradient. Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function entmaxAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  alpha: Tensor,
  settings: EntmaxAttentionSettings = {},
): Tensor {
  const { causal = false, keyMask, queryStart = 0, scale } = expectOptions('settings', settings, SETTINGS);
  const mask = keyMask === undefined ? {} : { keyMask };
  const call = checkCall(queries, keys, values, { queryStart, ...mask, ...(scale === undefined ? {} : { scale }) });
  expectShape('keys', keys.shape, keys.shape.with(1, call.heads), 'as many heads as queries have');
  expectAlpha(alpha, queries, 'queries');
  const { batch, heads, queryLength, keyLength, headDim, valueDim } = call;
  // A weight of 0 times NaN would be NaN. Rows that hold none stay where they are.
  const [K, V] = [keys, values].map((rows) => quietMasked(rows, keyMask));
  const [ofK, ofV] = [rowsOf(K), rowsOf(V)];
  const numbers = {
    ...{ heads, queryLength, keyLength, headDim, valueDim },
    ...{ keyCapacity: ofK.capacity, valueCapacity: ofV.capacity },
    ...{ scale: call.numbers.scale, start: queryStart, causal: Number(causal) },
  };
  const given = {
    ...{ queries: elements(queries), keys: ofK.data, values: ofV.data, alpha: elements(alpha) },
    ...(keyMask && { mask: elements(keyMask) }),
  };
  const output = empty([batch, heads, queryLength, valueDim], queries.dtype);
  const costPerRow = keyLength * (headDim + valueDim + ROUNDS);
  const size = queriesOfTile(keyLength);
  const items = batch * heads * Math.ceil(queryLength / size);
  const arrays = { ...given, output: elements(output) };
  parallelFor(entmaxAttentionKernel, items, arrays, numbers, { costPerItem: size * costPerRow });
  return record('entmaxAttention', output, [queries, K, V, alpha], (gradient) => {
    const ofQueries = empty(queries.shape, queries.dtype);
    const [ofKeys, ofValues] = [empty(keys.shape, keys.dtype), empty(values.shape, values.dtype)];
    const ofHeads = empty([batch * heads], 'float64');
    const results = { ofQueries: elements(ofQueries), ofKeys: elements(ofKeys), ofValues: elements(ofValues) };
    const all = { ...given, ...results, gradient: elements(gradient), ofAlpha: elements(ofHeads) };
    const cost = { costPerItem: 3 * queryLength * costPerRow };
    parallelFor(entmaxAttentionGradientKernel, batch * heads, all, numbers, cost);
    return [ofQueries, ofKeys, ofValues, sumByHead(ofHeads, 1, alpha)];
  });
}

function expectAlpha(alpha: Tensor, like: Tensor, name: string): void {
  expectSameDType('alpha', alpha, like.dtype, `to match ${name}`);
  expectShape('alpha', alpha.shape, [like.shape[1]], `one for each head of ${name}`);
  expectWithin('alpha', alpha, 1, 2);
}

/** Sums of `perHead` numbers of every batch entry, for each head. */
function sumByHead(rows: Tensor, perHead: number, alpha: Tensor): Tensor {
  const heads = alpha.shape[0];
  const sums = new Float64Array(heads);
  elements(rows).forEach((value, row) => {
    sums[Math.floor(row / perHead) % heads] += value;
  });
  const result = empty(alpha.shape, alpha.dtype);
  elements(result).set(sums);
  return result;
}
