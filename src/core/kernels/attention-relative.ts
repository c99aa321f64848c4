/**
 * The relative rule of attention, scale · q̂_i·r_{p_i − j} (Dai et al. 2019, §3.3), on one tile of pairs: q̂_i·r_Δ for all
 * distances Δ of the tile, as one product, and out of these each pair the one of its own distance. On the way back each
 * distance sums what its pairs have.
 */
import type { NumericArray } from '../memory.ts';
import { type Side, TILE } from './attention-side.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

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

/** Distances that a tile of neighbours can have; tokens that lie further apart take theirs one by one. */
const MOST_DISTANCES = 3 * TILE;

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
  const { from, count, first } = distancesOf(queries, keys, head, numbers);
  if (count <= 0) return;
  if (count <= MOST_DISTANCES) {
    const byDistance = scratch.get('by distance', scores, TILE * MOST_DISTANCES);
    const rows = queries.rows('relative', relativeQueries, head * queryLength, headDim);
    const r = block(relativeKeys, first * headDim, headDim);
    const sums = block(byDistance, 0, MOST_DISTANCES);
    multiplyTile(sums, rows, transposed(r), queries.count, count, headDim, scale, false);
    passByDistance(byDistance, scores, queries, keys, from, count, numbers, true);
    return;
  }
  visitPairs(queries, keys, head, numbers, (at, row, to) => {
    let dot = 0;
    for (let c = 0; c < headDim; c++) dot += relativeQueries[row + c] * relativeKeys[to + c];
    scores[at] += scale * dot;
  });
}

/** Passes a tile of ∂S on to those of q̂ and of r that are asked for. */
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
  const { from, count, first } = distancesOf(queries, keys, head, numbers);
  if (count <= 0) return;
  if (count <= MOST_DISTANCES) {
    const byDistance = scratch.get('by distance', slopes, TILE * MOST_DISTANCES);
    for (let i = 0; i < queries.count; i++) byDistance.fill(0, i * MOST_DISTANCES, i * MOST_DISTANCES + count);
    passByDistance(byDistance, slopes, queries, keys, from, count, numbers, false);
    const weights = block(byDistance, 0, MOST_DISTANCES);
    if (relativeQueriesGradient !== undefined) {
      const r = block(relativeKeys, first * headDim, headDim);
      queries.addProduct(relativeQueriesGradient, head * queryLength, headDim, weights, r, count, scale);
    }
    if (relativeKeysGradient !== undefined) {
      const rows = queries.rows('relative', relativeQueries, head * queryLength, headDim);
      const sum = block(relativeKeysGradient, first * headDim, headDim);
      multiplyTile(sum, transposed(weights), rows, count, headDim, queries.count, scale, true);
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

/** The least distance of a tile, how many there are, and the row of `relativeKeys` that belongs to the least. */
function distancesOf(queries: Side, keys: Side, head: number, numbers: Numbers) {
  const { heads, queryStart, nearest, distances } = numbers;
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < queries.count; i++) {
    lowest = Math.min(lowest, queries.tokens[i]);
    highest = Math.max(highest, queries.tokens[i]);
  }
  for (let j = 0; j < keys.count; j++) {
    first = Math.min(first, keys.tokens[j]);
    last = Math.max(last, keys.tokens[j]);
  }
  // Pairs of a tile that may not meet can lie further apart than there are distances.
  const from = Math.max(nearest, queryStart + lowest - last);
  const end = Math.min(nearest + distances, queryStart + highest - first + 1);
  return { from, count: end - from, first: (head % heads) * distances - nearest + from };
}

/** Adds to every pair what its distance has, or to every distance what its pairs have. */
function passByDistance(
  byDistance: NumericArray,
  pairs: NumericArray,
  queries: Side,
  keys: Side,
  from: number,
  count: number,
  { queryStart }: Numbers,
  toPairs: boolean,
): void {
  for (let i = 0; i < queries.count; i++) {
    const row = i * MOST_DISTANCES;
    const p = row + queryStart + queries.tokens[i] - from;
    for (let j = 0; j < keys.count; j++) {
      const at = p - keys.tokens[j];
      if (at < row || at >= row + count) continue;
      if (toPairs) pairs[i * TILE + j] += byDistance[at];
      else byDistance[at] += pairs[i * TILE + j];
    }
  }
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
