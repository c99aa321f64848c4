/**
 * Gradients of chunked attention, as those of streaming attention (attention-gradient.ts): the weights are computed
 * again from the saved log-sum-exp, once for each tile of queries and once for each tile of keys, and every tile owns
 * what it writes.
 */
import type { NumericArray } from '../memory.ts';
import { applyRules, type ChunkedNumbers, OTHER, OWN, reachOf, Side, type SortTables } from './chunks.ts';
import { defineKernel } from './kernel.ts';
import { weighRows } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

const scratch = new Scratch();
const own = new Side();
const other = new Side();

/** Scratch of a tile: both sides' rows, gathered, and a block of P and of ∂S. */
interface Rows {
  queries: NumericArray;
  keys: NumericArray;
  values: NumericArray;
  outputGradient: NumericArray;
  weights: NumericArray;
  gradients: NumericArray;
  logSumExp: NumericArray;
  delta: NumericArray;
}

/**
 * arrays: order, place, group, queries, keys, values, gradient of output, log-sum-exp, δ, gradient of queries; numbers:
 * ChunkedNumbers. Items: batch × heads × tiles of OWN places.
 */
export const chunkedQueryGradientKernel = defineKernel('chunked-query-gradient', (from, to, arrays, numbers) => {
  const [, , , queries, keys, values, outputGradient, , , result] = arrays;
  const tables = arrays.slice(0, 3) as unknown as SortTables;
  const chunked = numbers as unknown as ChunkedNumbers;
  const [length, headDim, valueDim, scale] = chunked;
  const tiles = Math.ceil(length / OWN);
  const rows = scratchRows(result, headDim, valueDim);
  const sum = scratch.get('sum', result, OWN * headDim);
  for (let item = from; item < to; item++) {
    const head = Math.floor(item / tiles);
    const first = (item - head * tiles) * OWN;
    const count = Math.min(OWN, length - first);
    own.load(head, first, count, tables, chunked);
    own.gather(rows.queries, queries, head, length, headDim);
    own.gather(rows.outputGradient, outputGradient, head, length, valueDim);
    sum.fill(0, 0, count * headDim);
    const { begin, end } = reachOf(head, first, count, true, tables, chunked);
    for (let key = begin; key < end; key += OTHER) {
      const columns = Math.min(OTHER, end - key);
      other.load(head, key, columns, tables, chunked);
      other.gather(rows.keys, keys, head, length, headDim);
      other.gather(rows.values, values, head, length, valueDim);
      weigh(rows, own, other, head, arrays, chunked);
      const gradients = block(rows.gradients, 0, OTHER);
      const k = block(rows.keys, 0, headDim);
      multiplyTile(block(sum, 0, headDim), gradients, k, count, headDim, columns, scale, true);
    }
    put(result, own, head, length, sum, headDim);
  }
});

/** arrays: as above, then gradients of keys and of values in place of that of queries. Items: the same. */
export const chunkedKeyValueGradientKernel = defineKernel('chunked-key-value-gradient', (from, to, arrays, numbers) => {
  const [, , , queries, keys, values, outputGradient, , , keyResult, valueResult] = arrays;
  const tables = arrays.slice(0, 3) as unknown as SortTables;
  const chunked = numbers as unknown as ChunkedNumbers;
  const [length, headDim, valueDim, scale] = chunked;
  const tiles = Math.ceil(length / OWN);
  const rows = scratchRows(keyResult, headDim, valueDim);
  const keySum = scratch.get('key sum', keyResult, OWN * headDim);
  const valueSum = scratch.get('value sum', keyResult, OWN * valueDim);
  for (let item = from; item < to; item++) {
    const head = Math.floor(item / tiles);
    const first = (item - head * tiles) * OWN;
    const count = Math.min(OWN, length - first);
    own.load(head, first, count, tables, chunked);
    own.gather(rows.keys, keys, head, length, headDim);
    own.gather(rows.values, values, head, length, valueDim);
    keySum.fill(0, 0, count * headDim);
    valueSum.fill(0, 0, count * valueDim);
    const { begin, end } = reachOf(head, first, count, false, tables, chunked);
    for (let query = begin; query < end; query += OTHER) {
      const meeting = Math.min(OTHER, end - query);
      other.load(head, query, meeting, tables, chunked);
      other.gather(rows.queries, queries, head, length, headDim);
      other.gather(rows.outputGradient, outputGradient, head, length, valueDim);
      weigh(rows, other, own, head, arrays, chunked);
      const gradients = transposed(block(rows.gradients, 0, OTHER));
      const q = block(rows.queries, 0, headDim);
      multiplyTile(block(keySum, 0, headDim), gradients, q, count, headDim, meeting, scale, true);
      const weights = transposed(block(rows.weights, 0, OTHER));
      const g = block(rows.outputGradient, 0, valueDim);
      multiplyTile(block(valueSum, 0, valueDim), weights, g, count, valueDim, meeting, 1, true);
    }
    put(keyResult, own, head, length, keySum, headDim);
    put(valueResult, own, head, length, valueSum, valueDim);
  }
});

/** P = exp(S − lse) and ∂S = P ∘ (∂O Vᵀ − δ) of the tokens whose rows were gathered. */
function weigh(
  rows: Rows,
  queries: Side,
  keys: Side,
  head: number,
  arrays: readonly NumericArray[],
  numbers: ChunkedNumbers,
): void {
  const [, , , , , , , logSumExp, delta] = arrays;
  const [length, headDim, valueDim, scale] = numbers;
  const [m, n] = [queries.count, keys.count];
  const { weights, gradients } = rows;
  const kTransposed = transposed(block(rows.keys, 0, headDim));
  multiplyTile(block(weights, 0, OTHER), block(rows.queries, 0, headDim), kTransposed, m, n, headDim, scale, false);
  applyRules(weights, queries, keys, numbers);
  const vTransposed = transposed(block(rows.values, 0, valueDim));
  const g = block(rows.outputGradient, 0, valueDim);
  multiplyTile(block(gradients, 0, OTHER), g, vTransposed, m, n, valueDim, 1, false);
  for (let i = 0; i < m; i++) {
    const row = head * length + queries.tokens[i];
    rows.logSumExp[i] = logSumExp[row];
    rows.delta[i] = delta[row];
  }
  weighRows(weights, gradients, OTHER, m, n, rows.logSumExp, rows.delta, 0, 1);
}

function scratchRows(like: NumericArray, headDim: number, valueDim: number): Rows {
  return {
    queries: scratch.get('queries', like, OTHER * headDim),
    keys: scratch.get('keys', like, OTHER * headDim),
    values: scratch.get('values', like, OTHER * valueDim),
    outputGradient: scratch.get('output gradient', like, OTHER * valueDim),
    weights: scratch.get('weights', like, OTHER * OTHER),
    gradients: scratch.get('gradients', like, OTHER * OTHER),
    logSumExp: scratch.get('log-sum-exp', like, OTHER),
    delta: scratch.get('delta', like, OTHER),
  };
}

function put(
  target: NumericArray,
  { tokens, count }: Side,
  head: number,
  length: number,
  rows: NumericArray,
  width: number,
) {
  for (let i = 0; i < count; i++) {
    const to = (head * length + tokens[i]) * width;
    for (let c = 0; c < width; c++) target[to + c] = rows[i * width + c];
  }
}
