/**
 * Gradients of streaming attention. The weights are computed again from the saved log-sum-exp, P_ij = exp(S_ij − lse_i),
 * a block of pairs at a time, in rounds (attention-rounds.ts) in which no two blocks share a query or a key.
 *
 *     ∂P_ij = ∂O_i · v_j        ∂S_ij = P_ij (∂P_ij − δ_i)       δ_i = ∂O_i · O_i − ∂lse_i
 *     ∂q_i = scale Σ_j ∂S_ij k_j      ∂k_j = scale Σ_i ∂S_ij q_i      ∂v_j = Σ_i P_ij ∂O_i
 */
import type { NumericArray } from '../memory.ts';
import { type AttentionNumbers, hideScores, maskOf } from './attention.ts';
import { OTHER, OWN, rowsOf, type Tile, tileOf } from './attention-tiles.ts';
import { defineKernel } from './kernel.ts';
import { weighRows } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

const scratch = new Scratch();

/**
 * arrays: output, gradient of output, gradient of log-sum-exp, result δ; numbers: width, whether there is a gradient of
 * the log-sum-exp. Items: queries.
 */
export const attentionDeltaKernel = defineKernel(
  'attention-delta',
  (from, to, [output, gradient, logSumExpGradient, delta], [width, both]) => {
    for (let row = from; row < to; row++) {
      let dot = 0;
      for (let c = row * width; c < (row + 1) * width; c++) dot += output[c] * gradient[c];
      delta[row] = both ? dot - logSumExpGradient[row] : dot;
    }
  },
);

/** Bits of a number that says which gradients are asked for; those of values always are. */
export const WANTED = { queries: 1, keys: 2 } as const;

export function wanted(queries: boolean, keys: boolean): number {
  return (queries ? WANTED.queries : 0) + (keys ? WANTED.keys : 0);
}

/**
 * arrays: queries, keys, values, gradient of output, log-sum-exp, δ, meetings of a round, begins, ends, dilations, mask,
 * and what is added to: gradients of queries, of keys, of values; numbers: AttentionNumbers, then which are wanted.
 * Items: meetings.
 */
export const attentionGradientKernel = defineKernel('attention-gradient', (from, to, arrays, numbers) => {
  const [, , , , , , meetings, begins, ends, dilations] = arrays;
  const [heads, layoutHeads, meetingCount, queryLength] = numbers as unknown as AttentionNumbers;
  for (let item = from; item < to; item++) {
    const tile = tileOf(item, meetings, dilations, heads, layoutHeads, meetingCount);
    const lastKey = tile.first + tile.count;
    for (let key = tile.first; key < lastKey; key += OWN) {
      for (let query = tile.begin; query < tile.end; query += OTHER) {
        const endKey = Math.min(lastKey, key + OWN);
        narrow(tile, query, Math.min(tile.end, query + OTHER), key, endKey, begins, ends, queryLength);
        if (met.rows > 0) addGradients(tile, arrays, numbers);
      }
    }
  }
});

/** The part of a block in which pairs meet: places and numbers of queries and keys. One object, to spare the hot loop. */
const met = { query: 0, rows: 0, key: 0, columns: 0 };

function narrow(
  { dilation, remainder, layout }: Tile,
  query: number,
  endQuery: number,
  key: number,
  endKey: number,
  begins: NumericArray,
  ends: NumericArray,
  queryLength: number,
): void {
  let [first, last, lowest, highest] = [endQuery, query, endKey, key];
  for (let place = query; place < endQuery; place++) {
    const at = layout * queryLength + remainder + dilation * place;
    const begin = Math.max(key, begins[at]);
    const end = Math.min(endKey, ends[at]);
    if (begin >= end) continue;
    first = Math.min(first, place);
    last = place + 1;
    lowest = Math.min(lowest, begin);
    highest = Math.max(highest, end);
  }
  met.query = first;
  met.rows = Math.max(0, last - first);
  met.key = lowest;
  met.columns = highest - lowest;
}

function addGradients(tile: Tile, arrays: readonly NumericArray[], numbers: readonly number[]): void {
  const [queries, keys, , outputGradient, , , , , , , , queryResult, keyResult, valueResult] = arrays;
  const [, , , queryLength, keyLength, headDim, valueDim, scale] = numbers as unknown as AttentionNumbers;
  const asked = numbers[numbers.length - 1];
  const { query, rows, key, columns } = met;
  const scores = scratch.get('scores', valueResult, OTHER * OTHER);
  const gradients = scratch.get('gradients', valueResult, OTHER * OTHER);
  weigh(tile, query, rows, key, columns, arrays, numbers, scores, gradients);
  const weights = block(scores, 0, OTHER);
  const slopes = block(gradients, 0, OTHER);
  const g = rowsOf(outputGradient, tile, query, queryLength, valueDim);
  const valueSum = rowsOf(valueResult, tile, key, keyLength, valueDim);
  multiplyTile(valueSum, transposed(weights), g, columns, valueDim, rows, 1, true);
  if (asked & WANTED.keys) {
    const q = rowsOf(queries, tile, query, queryLength, headDim);
    const keySum = rowsOf(keyResult, tile, key, keyLength, headDim);
    multiplyTile(keySum, transposed(slopes), q, columns, headDim, rows, scale, true);
  }
  if (asked & WANTED.queries) {
    const k = rowsOf(keys, tile, key, keyLength, headDim);
    const querySum = rowsOf(queryResult, tile, query, queryLength, headDim);
    multiplyTile(querySum, slopes, k, rows, headDim, columns, scale, true);
  }
}

/** P into `scores` and ∂S into `gradients`, for `rows` queries from place `query` and `columns` keys from place `key`. */
function weigh(
  tile: Tile,
  query: number,
  rows: number,
  key: number,
  columns: number,
  arrays: readonly NumericArray[],
  numbers: readonly number[],
  scores: NumericArray,
  gradients: NumericArray,
): void {
  const [queries, keys, values, outputGradient, logSumExp, delta, , begins, ends, , keyMask] = arrays;
  const [, , , queryLength, keyLength, headDim, valueDim, scale, masked] = numbers as unknown as AttentionNumbers;
  const q = rowsOf(queries, tile, query, queryLength, headDim);
  const k = rowsOf(keys, tile, key, keyLength, headDim);
  multiplyTile(block(scores, 0, OTHER), q, transposed(k), rows, columns, headDim, scale, false);
  const mask = maskOf(keyMask, masked, tile, keyLength);
  hideScores(scores, tile, rows, query, columns, key, begins, ends, mask, queryLength);
  const g = rowsOf(outputGradient, tile, query, queryLength, valueDim);
  const v = rowsOf(values, tile, key, keyLength, valueDim);
  multiplyTile(block(gradients, 0, OTHER), g, transposed(v), rows, columns, valueDim, 1, false);
  const first = tile.head * queryLength + tile.remainder + tile.dilation * query;
  weighRows(scores, gradients, OTHER, rows, columns, logSumExp, null, delta, first, tile.dilation);
}
