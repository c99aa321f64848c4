/**
 * Gradients of chunked attention, as those of streaming attention (attention-gradient.ts): the weights are computed
 * again from the saved log-sum-exp, a block of pairs at a time. Places are cut into blocks of whole chunks, and a token
 * meets those of its own block and of the two beside it: so in three rounds, each of which pairs every block of queries
 * with one block of keys, no two blocks write to the same token.
 */
import type { NumericArray } from '../memory.ts';
import { WANTED } from './attention-gradient.ts';
import { applyRules, type ChunkedNumbers, OTHER, OWN, reachOf, Side, type SortTables } from './chunks.ts';
import { defineKernel } from './kernel.ts';
import { weighRows } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

const scratch = new Scratch();
const querySide = new Side();
const keySide = new Side();

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
  sum: NumericArray;
  querySum: NumericArray;
}

/** Places of a block: whole chunks, at least 256. */
export function gradientBlock(chunkLength: number): number {
  return chunkLength * Math.ceil(256 / chunkLength);
}

/** How far the block of keys lies from that of the queries, in every round. */
export function gradientRounds(causal: boolean): number[] {
  return causal ? [0, -1] : [0, -1, 1];
}

/**
 * arrays: order, place, group, queries, keys, values, gradient of output, log-sum-exp, δ, and what is added to: gradients
 * of queries, of keys, of values; numbers: ChunkedNumbers, then the round's distance and which gradients are wanted.
 * Items: batch × heads × blocks of queries.
 */
export const chunkedGradientKernel = defineKernel('chunked-gradient', (from, to, arrays, numbers) => {
  const [, , , queries, , , outputGradient, , , queryResult] = arrays;
  const tables = arrays.slice(0, 3) as unknown as SortTables;
  const chunked = numbers as unknown as ChunkedNumbers;
  const [length, headDim, valueDim, , , , chunkLength] = chunked;
  const [distance, asked] = numbers.slice(-2);
  const size = gradientBlock(chunkLength);
  const blocks = Math.ceil(length / size);
  const rows = scratchRows(outputGradient, headDim, valueDim);
  for (let item = from; item < to; item++) {
    const head = Math.floor(item / blocks);
    const own = item - head * blocks;
    const [firstKey, endKey] = [(own + distance) * size, Math.min(length, (own + distance + 1) * size)];
    for (let first = own * size; first < Math.min(length, (own + 1) * size); first += OWN) {
      const count = Math.min(OWN, length - first, (own + 1) * size - first);
      const reach = reachOf(head, first, count, tables, chunked);
      const [begin, end] = [Math.max(firstKey, reach.begin), Math.min(endKey, reach.end)];
      if (begin >= end) continue;
      querySide.load(head, first, count, tables, chunked);
      querySide.gather(rows.queries, queries, head, length, headDim);
      querySide.gather(rows.outputGradient, outputGradient, head, length, valueDim);
      rows.querySum.fill(0, 0, count * headDim);
      for (let key = begin; key < end; key += OTHER) {
        keySide.load(head, key, Math.min(OTHER, end - key), tables, chunked);
        addGradients(rows, head, arrays, chunked, asked);
      }
      if (asked & WANTED.queries) querySide.scatterAdd(queryResult, rows.querySum, head, length, headDim);
    }
  }
});

/** Of the tokens of both sides: keys and values get their parts, queries theirs in `querySum`. */
function addGradients(
  rows: Rows,
  head: number,
  arrays: readonly NumericArray[],
  numbers: ChunkedNumbers,
  asked: number,
): void {
  const [, , , , keys, values, , , , , keyResult, valueResult] = arrays;
  const [length, headDim, valueDim, scale] = numbers;
  const [m, n] = [querySide.count, keySide.count];
  keySide.gather(rows.keys, keys, head, length, headDim);
  keySide.gather(rows.values, values, head, length, valueDim);
  weigh(rows, head, arrays, numbers);
  const weights = block(rows.weights, 0, OTHER);
  const slopes = block(rows.gradients, 0, OTHER);
  const g = block(rows.outputGradient, 0, valueDim);
  multiplyTile(block(rows.sum, 0, valueDim), transposed(weights), g, n, valueDim, m, 1, false);
  keySide.scatterAdd(valueResult, rows.sum, head, length, valueDim);
  if (asked & WANTED.keys) {
    const q = block(rows.queries, 0, headDim);
    multiplyTile(block(rows.sum, 0, headDim), transposed(slopes), q, n, headDim, m, scale, false);
    keySide.scatterAdd(keyResult, rows.sum, head, length, headDim);
  }
  if (asked & WANTED.queries) {
    const k = block(rows.keys, 0, headDim);
    multiplyTile(block(rows.querySum, 0, headDim), slopes, k, m, headDim, n, scale, true);
  }
}

/** P = exp(S − lse) and ∂S = P ∘ (∂O Vᵀ − δ) of the tokens whose rows were gathered. */
function weigh(rows: Rows, head: number, arrays: readonly NumericArray[], numbers: ChunkedNumbers): void {
  const [, , , , , , , logSumExp, delta] = arrays;
  const [length, headDim, valueDim, scale] = numbers;
  const [m, n] = [querySide.count, keySide.count];
  const { weights, gradients } = rows;
  const kTransposed = transposed(block(rows.keys, 0, headDim));
  multiplyTile(block(weights, 0, OTHER), block(rows.queries, 0, headDim), kTransposed, m, n, headDim, scale, false);
  applyRules(weights, querySide, keySide, numbers);
  const vTransposed = transposed(block(rows.values, 0, valueDim));
  const g = block(rows.outputGradient, 0, valueDim);
  multiplyTile(block(gradients, 0, OTHER), g, vTransposed, m, n, valueDim, 1, false);
  for (let i = 0; i < m; i++) {
    const row = head * length + querySide.tokens[i];
    rows.logSumExp[i] = logSumExp[row];
    rows.delta[i] = delta[row];
  }
  weighRows(weights, gradients, OTHER, m, n, rows.logSumExp, null, rows.delta, 0, 1);
}

function scratchRows(like: NumericArray, headDim: number, valueDim: number): Rows {
  return {
    queries: scratch.get('queries', like, OWN * headDim),
    keys: scratch.get('keys', like, OTHER * headDim),
    values: scratch.get('values', like, OTHER * valueDim),
    outputGradient: scratch.get('output gradient', like, OWN * valueDim),
    weights: scratch.get('weights', like, OWN * OTHER),
    gradients: scratch.get('gradients', like, OWN * OTHER),
    logSumExp: scratch.get('log-sum-exp', like, OWN),
    delta: scratch.get('delta', like, OWN),
    sum: scratch.get('sum', like, OTHER * Math.max(headDim, valueDim)),
    querySum: scratch.get('query sum', like, OWN * headDim),
  };
}
