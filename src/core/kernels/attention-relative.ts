/**
 * The relative rule of attention, scale · q̂_i·r_{p_i − j} (Dai et al. 2019, §3.3), on one tile of pairs: q̂_i·r_Δ for all
 * distances Δ of the tile (attention-band.ts), and each pair takes the product of its own distance. In the backward pass each
 * distance sums the gradients of its pairs.
 */
import type { NumericArray } from '../memory.ts';
import { addByDistance, bandOf, layByDistance, MOST_DISTANCES, rowsOf, visitStrips } from './attention-band.ts';
import { type Side, TILE } from './attention-side.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { block, columnsFrom, inPanels, multiplyTile, transposed } from './tile.ts';

/** q̂ [batch, heads, queryLength, headDim] and r [heads, distances, headDim]. */
export const RELATIVE_ARRAYS = ['relativeQueries', 'relativeKeys'] as const;
export const RELATIVE_GRADIENTS = ['relativeQueriesGradient', 'relativeKeysGradient'] as const;
export const RELATIVE_NUMBERS = [
  'scale',
  'headDim',
  'heads',
  'queryLength',
  /** p of query 0. */
  'queryStart',
  /** Distance of the first row of `relativeKeys`, and how many rows a head has. */
  'nearest',
  'distances',
] as const;

type Arrays = KernelArrays<never, (typeof RELATIVE_ARRAYS)[number]>;
type Gradients = KernelArrays<never, (typeof RELATIVE_GRADIENTS)[number]>;
type Numbers = KernelNumbers<(typeof RELATIVE_NUMBERS)[number]>;

const scratch = new Scratch();

/** Adds the rule to a tile of scores, if there is one. `head` counts batch entries and heads. */
export function addRelative(
  scores: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  { relativeQueries, relativeKeys }: Arrays,
  numbers: Numbers,
): void {
  if (relativeQueries === undefined || relativeKeys === undefined) return;
  const { scale, headDim, queryLength } = numbers;
  const band = bandOf(queries, keys, head, numbers);
  if (band.begin >= band.end) return;
  if (band.columns <= MOST_DISTANCES) {
    const sums = scratch.get('by distance', scores, TILE * MOST_DISTANCES);
    const rows = queries.rows('relative', relativeQueries, head * queryLength, headDim);
    const r = inPanels('distances', transposed(rowsOf(relativeKeys, band, headDim)), headDim, band.end - band.begin);
    visitStrips(queries.count, keys.count, band, (from, count, begin, end) => {
      const right = columnsFrom(r, begin - band.begin, headDim);
      const left = block(rows.data, rows.offset + from * rows.rowStride, rows.rowStride, rows.columnStride);
      const target = block(sums, from * MOST_DISTANCES + begin, MOST_DISTANCES);
      multiplyTile(target, left, right, count, end - begin, headDim, scale, false);
    });
    addByDistance(scores, sums, queries, keys, band, numbers);
    return;
  }
  visitPairs(queries, keys, head, numbers, (at, row, to) => {
    let dot = 0;
    for (let c = 0; c < headDim; c++) dot += relativeQueries[row + c] * relativeKeys[to + c];
    scores[at] += scale * dot;
  });
}

/** Passes a tile of ∂S on to the gradients of q̂ and of r, where these are wanted. */
export function addRelativeGradients(
  slopes: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  { relativeQueries, relativeKeys }: Arrays,
  { relativeQueriesGradient, relativeKeysGradient }: Gradients,
  numbers: Numbers,
): void {
  if (relativeQueries === undefined || relativeKeys === undefined) return;
  if (relativeQueriesGradient === undefined && relativeKeysGradient === undefined) return;
  const { scale, headDim, queryLength } = numbers;
  const band = bandOf(queries, keys, head, numbers);
  if (band.begin >= band.end) return;
  if (band.columns <= MOST_DISTANCES) {
    const sums = scratch.get('by distance', slopes, TILE * MOST_DISTANCES);
    layByDistance(sums, slopes, queries, keys, band, numbers);
    if (relativeQueriesGradient !== undefined) {
      const start = head * queryLength;
      const first = band.isNear ? (start + queries.tokens[0]) * headDim : 0;
      visitStrips(queries.count, keys.count, band, (from, count, begin, end) => {
        const weights = block(sums, from * MOST_DISTANCES + begin, MOST_DISTANCES);
        const r = rowsOf(relativeKeys, band, headDim, begin);
        if (band.isNear) {
          const to = block(relativeQueriesGradient, first + from * headDim, headDim);
          multiplyTile(to, weights, r, count, headDim, end - begin, scale, true);
        } else {
          queries.addProduct(relativeQueriesGradient, start, headDim, weights, r, end - begin, scale);
        }
      });
    }
    if (relativeKeysGradient !== undefined) {
      const rows = queries.rows('relative', relativeQueries, head * queryLength, headDim);
      visitStrips(queries.count, keys.count, band, (from, count, begin, end) => {
        const weights = block(sums, from * MOST_DISTANCES + begin, MOST_DISTANCES);
        const right = block(rows.data, rows.offset + from * rows.rowStride, rows.rowStride);
        const to = rowsOf(relativeKeysGradient, band, headDim, begin);
        multiplyTile(to, transposed(weights), right, end - begin, headDim, count, scale, true);
      });
    }
    return;
  }
  visitPairs(queries, keys, head, numbers, (at, row, to) => {
    const slope = scale * slopes[at];
    if (slope === 0) return;
    for (let c = 0; c < headDim; c++) {
      if (relativeQueriesGradient !== undefined) relativeQueriesGradient[row + c] += slope * relativeKeys[to + c];
      if (relativeKeysGradient !== undefined) relativeKeysGradient[to + c] += slope * relativeQueries[row + c];
    }
  });
}

/** Visits pairs one by one: where each is in the tile, and where its rows of q̂ and of r begin. */
function visitPairs(
  queries: Side,
  keys: Side,
  head: number,
  { headDim, heads, queryLength, queryStart, nearest, distances }: Numbers,
  visit: (at: number, row: number, to: number) => void,
): void {
  const start = (head % heads) * distances - nearest;
  for (let i = 0; i < queries.count; i++) {
    const row = (head * queryLength + queries.tokens[i]) * headDim;
    for (let j = 0; j < keys.count; j++) {
      const distance = queryStart + queries.tokens[i] - keys.tokens[j];
      if (distance < nearest || distance >= nearest + distances) continue;
      visit(i * TILE + j, row, (start + distance) * headDim);
    }
  }
}
