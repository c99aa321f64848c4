/**
 * Gradients of streaming attention. The weights are computed again from the saved log-sum-exp, P_ij = exp(S_ij − lse_i),
 * once for each tile of queries (their gradients) and once for each tile of keys (gradients of keys and values): two
 * more products than one pass would take, but every tile owns what it writes, so threads never meet.
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

/**
 * arrays: queries, keys, values, gradient of output, log-sum-exp, δ, query tiles, begins, ends, dilations, mask, gradient
 * of queries; numbers: AttentionNumbers. Items: query tiles.
 */
export const queryGradientKernel = defineKernel('attention-query-gradient', (from, to, arrays, numbers) => {
  const [, keys, , , , , tiles, , , dilations, , result] = arrays;
  const [heads, layoutHeads, tileCount, queryLength, keyLength, headDim, , scale] =
    numbers as unknown as AttentionNumbers;
  const scores = scratch.get('scores', result, OWN * OTHER);
  const gradients = scratch.get('gradients', result, OWN * OTHER);
  for (let item = from; item < to; item++) {
    const tile = tileOf(item, tiles, dilations, heads, layoutHeads, tileCount);
    const { first, count, begin, end } = tile;
    const sum = rowsOf(result, tile, first, queryLength, headDim);
    for (let i = 0; i < count; i++)
      result.fill(0, sum.offset + i * sum.rowStride, sum.offset + i * sum.rowStride + headDim);
    for (let key = begin; key < end; key += OTHER) {
      const columns = Math.min(OTHER, end - key);
      weigh(tile, first, count, key, columns, arrays, numbers, scores, gradients);
      const k = rowsOf(keys, tile, key, keyLength, headDim);
      multiplyTile(sum, block(gradients, 0, OTHER), k, count, headDim, columns, scale, true);
    }
  }
});

/**
 * arrays: as above with key tiles in place of query tiles, then gradients of keys and of values. Items: key tiles.
 */
export const keyValueGradientKernel = defineKernel('attention-key-value-gradient', (from, to, arrays, numbers) => {
  const [queries, , , outputGradient, , , tiles, , , dilations, , keyResult, valueResult] = arrays;
  const [heads, layoutHeads, tileCount, queryLength, keyLength, headDim, valueDim, scale] =
    numbers as unknown as AttentionNumbers;
  const scores = scratch.get('scores', keyResult, OTHER * OTHER);
  const gradients = scratch.get('gradients', keyResult, OTHER * OTHER);
  for (let item = from; item < to; item++) {
    const tile = tileOf(item, tiles, dilations, heads, layoutHeads, tileCount);
    const { first, count, begin, end } = tile;
    const keySum = rowsOf(keyResult, tile, first, keyLength, headDim);
    const valueSum = rowsOf(valueResult, tile, first, keyLength, valueDim);
    for (let j = 0; j < count; j++) {
      keyResult.fill(0, keySum.offset + j * keySum.rowStride, keySum.offset + j * keySum.rowStride + headDim);
      valueResult.fill(
        0,
        valueSum.offset + j * valueSum.rowStride,
        valueSum.offset + j * valueSum.rowStride + valueDim,
      );
    }
    for (let query = begin; query < end; query += OTHER) {
      const rows = Math.min(OTHER, end - query);
      weigh(tile, query, rows, first, count, arrays, numbers, scores, gradients);
      const q = rowsOf(queries, tile, query, queryLength, headDim);
      const g = rowsOf(outputGradient, tile, query, queryLength, valueDim);
      multiplyTile(keySum, transposed(block(gradients, 0, OTHER)), q, count, headDim, rows, scale, true);
      multiplyTile(valueSum, transposed(block(scores, 0, OTHER)), g, count, valueDim, rows, 1, true);
    }
  }
});

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
  weighRows(scores, gradients, OTHER, rows, columns, logSumExp, delta, first, tile.dilation);
}
