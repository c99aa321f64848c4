/**
 * Softmax attention that never holds a row of weights: a tile of queries walks over the keys it can meet, a block at a
 * time, and keeps for each query the largest score so far, the sum of exponentials relative to it, and the weighted sum
 * of values (Milakov & Gimelshein 2018, algorithm 3; Rabe & Staats 2021, §2). The tiles and runs come from a layout
 * (ops/layout.ts).
 */
import type { NumericArray } from '../memory.ts';
import { OTHER, OWN, rowsOf, type Tile, tileOf } from './attention-tiles.ts';
import { defineKernel } from './kernel.ts';
import { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

/** What all attention kernels are told, in this order. */
export type AttentionNumbers = readonly [
  heads: number,
  /** 1 if all heads share one layout, else `heads`. */
  layoutHeads: number,
  tiles: number,
  queryLength: number,
  keyLength: number,
  headDim: number,
  valueDim: number,
  scale: number,
  /** 0: no key mask; 1: one for each batch entry; 2: one for each head of it. */
  masked: number,
];

/** The mask of the keys that a tile meets, [keyLength]; null if all are real. */
export function maskOf(keyMask: NumericArray, masked: number, tile: Tile, keyLength: number): NumericArray | null {
  if (masked === 0) return null;
  const start = (masked === 1 ? tile.batch : tile.head) * keyLength;
  return keyMask.subarray(start, start + keyLength);
}

/**
 * Sets the scores of pairs that may not meet to −∞. `scores` holds `rows` queries from place `query` on and `columns`
 * keys from place `key` on, OTHER apart.
 */
export function hideScores(
  scores: NumericArray,
  tile: Tile,
  rows: number,
  query: number,
  columns: number,
  key: number,
  begins: NumericArray,
  ends: NumericArray,
  mask: NumericArray | null,
  queryLength: number,
): void {
  const { dilation, remainder, layout } = tile;
  for (let i = 0; i < rows; i++) {
    const at = layout * queryLength + remainder + dilation * (query + i);
    const row = i * OTHER;
    const before = Math.min(columns, Math.max(0, begins[at] - key));
    const after = Math.max(before, Math.min(columns, ends[at] - key));
    for (let j = 0; j < before; j++) scores[row + j] = Number.NEGATIVE_INFINITY;
    for (let j = after; j < columns; j++) scores[row + j] = Number.NEGATIVE_INFINITY;
  }
  if (mask === null) return;
  for (let j = 0; j < columns; j++) {
    if (mask[remainder + dilation * (key + j)] !== 0) continue;
    for (let i = 0; i < rows; i++) scores[i * OTHER + j] = Number.NEGATIVE_INFINITY;
  }
}

const scratch = new Scratch();
const softmax = new OnlineSoftmax(OWN, OTHER);

/**
 * arrays: queries, keys, values, output, log-sum-exp [batch, heads, queryLength], query tiles, begins, ends, dilations,
 * mask; numbers: AttentionNumbers. Items: query tiles. A query that meets no key gets zeros, and −∞.
 */
export const attentionKernel = defineKernel('attention', (from, to, arrays, numbers) => {
  const [queries, keys, values, output, logSumExp, tiles, begins, ends, dilations, keyMask] = arrays;
  const [heads, layoutHeads, tileCount, queryLength, keyLength, headDim, valueDim, scale, masked] =
    numbers as unknown as AttentionNumbers;
  const scores = scratch.get('scores', queries, OWN * OTHER);
  const sum = scratch.get('sum', queries, OWN * valueDim);
  for (let item = from; item < to; item++) {
    const tile = tileOf(item, tiles, dilations, heads, layoutHeads, tileCount);
    const { first, count, end } = tile;
    const mask = maskOf(keyMask, masked, tile, keyLength);
    sum.fill(0, 0, count * valueDim);
    softmax.start();
    const q = rowsOf(queries, tile, first, queryLength, headDim);
    for (let key = tile.begin; key < end; key += OTHER) {
      const columns = Math.min(OTHER, end - key);
      const k = rowsOf(keys, tile, key, keyLength, headDim);
      multiplyTile(block(scores, 0, OTHER), q, transposed(k), count, columns, headDim, scale, false);
      hideScores(scores, tile, count, first, columns, key, begins, ends, mask, queryLength);
      softmax.exponentiate(scores, count, columns, sum, valueDim);
      const v = rowsOf(values, tile, key, keyLength, valueDim);
      multiplyTile(block(sum, 0, valueDim), block(scores, 0, OTHER), v, count, valueDim, columns, 1, true);
    }
    for (let i = 0; i < count; i++) {
      const row = tile.head * queryLength + tile.remainder + tile.dilation * (first + i);
      const share = softmax.share(i);
      for (let c = 0; c < valueDim; c++) output[row * valueDim + c] = share * sum[i * valueDim + c];
      logSumExp[row] = softmax.logSumExp(i);
    }
  }
});
