/**
 * A tile of pairs laid out by distance: row i holds the products of query i with the distances top, top − 1, …, so that
 * neighbouring queries find their keys in order. Such a tile has m + n − 1 distances, but a query needs only n of them. So it
 * is computed in strips of a few queries, which skip most of the others.
 */
import type { NumericArray } from '../memory.ts';
import { type Side, TILE } from './attention-side.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block } from './tile.ts';
import { VECTOR_OPERATIONS } from './vector-kernels.ts';

const ADD = VECTOR_OPERATIONS.indexOf('add');

/** The most distances of a tile in this layout, and so the distance between its rows. */
export const MOST_DISTANCES = 3 * TILE;
/** Queries of a strip. */
const STRIP = 16;
/** Strips begin at whole panels of r (kernels/tile.ts). */
const ALIGNED = 8;

/** The distances of a tile of pairs. */
export interface Band {
  /** The distance of column 0, the largest. */
  top: number;
  /** Columns whose distance has a row in r. */
  begin: number;
  end: number;
  /** Row of `relativeKeys` of the distance `top`. */
  row: number;
  /** The number of columns; 0 or less if no pair has a distance. */
  columns: number;
  /** Whether neighbouring queries meet neighbouring keys. */
  isNear: boolean;
}

/** The distances that have a row in r, the same for every head. */
interface Distances {
  heads: number;
  /** p of query 0. */
  queryStart: number;
  nearest: number;
  distances: number;
}

export function bandOf(queries: Side, keys: Side, head: number, numbers: Distances): Band {
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
  const top = queryStart + highest - first;
  const columns = highest - lowest + last - first + 1;
  return {
    top,
    columns,
    row: (head % heads) * distances - nearest + top,
    // Pairs of a tile that must not meet can be further apart than the largest distance.
    begin: Math.max(0, top - (nearest + distances - 1)),
    end: Math.min(columns, top - nearest + 1),
    isNear: highest - lowest === queries.count - 1 && last - first === keys.count - 1 && isAscending(queries, keys),
  };
}

function isAscending(queries: Side, keys: Side): boolean {
  for (let i = 1; i < queries.count; i++) if (queries.tokens[i] < queries.tokens[i - 1]) return false;
  for (let j = 1; j < keys.count; j++) if (keys.tokens[j] < keys.tokens[j - 1]) return false;
  return true;
}

/** Rows of r, or of its gradient, from the row of a column on. They run backwards, as distances do. */
export function rowsOf(data: NumericArray, { row, begin }: Band, headDim: number, column = begin): Block {
  return block(data, (row - column) * headDim, -headDim);
}

/** Visits the rows of a band with the columns that their pairs lie in: strips of neighbours, or all at once. */
export function visitStrips(
  m: number,
  n: number,
  { begin, end, isNear }: Band,
  visit: (from: number, count: number, begin: number, end: number) => void,
): void {
  if (!isNear) {
    visit(0, m, begin, end);
    return;
  }
  for (let from = 0; from < m; from += STRIP) {
    const count = Math.min(STRIP, m - from);
    // Query i meets the columns from m − 1 − i on.
    const first = Math.max(begin, m - from - count);
    const last = Math.min(end, m - 1 - from + n);
    const aligned = begin + Math.floor((first - begin) / ALIGNED) * ALIGNED;
    if (first < last) visit(from, count, aligned, last);
  }
}

/** Adds to every pair the product for its distance. */
export function addByDistance(
  pairs: NumericArray,
  sums: NumericArray,
  queries: Side,
  keys: Side,
  band: Band,
  numbers: Distances,
): void {
  const { begin, end, isNear, columns } = band;
  const [m, n] = [queries.count, keys.count];
  const fast = vectorKernels();
  if (isNear && begin === 0 && end === columns && n === TILE && fast !== null && isOnHeap(pairs) && isOnHeap(sums)) {
    // One row down, the same key lies one column to the left.
    const from = sums.byteOffset + 4 * (m - 1);
    fast.binary(ADD, pairs.byteOffset, 1, TILE, from, 1, MOST_DISTANCES - 1, pairs.byteOffset, m, TILE);
    return;
  }
  visitDistances(queries, keys, band, numbers, (pair, at) => {
    pairs[pair] += sums[at];
  });
}

/** Lays pairs out by distance, with zeros for distances that no pair has. */
export function layByDistance(
  sums: NumericArray,
  pairs: NumericArray,
  queries: Side,
  keys: Side,
  band: Band,
  numbers: Distances,
): void {
  const { begin, end, isNear, columns } = band;
  const [m, n] = [queries.count, keys.count];
  sums.fill(0, 0, m * MOST_DISTANCES);
  const fast = vectorKernels();
  if (isNear && begin === 0 && end === columns && fast !== null && isOnHeap(pairs) && isOnHeap(sums)) {
    fast.copyRows(pairs.byteOffset, TILE, sums.byteOffset + 4 * (m - 1), MOST_DISTANCES - 1, m, n);
    return;
  }
  visitDistances(queries, keys, band, numbers, (pair, at) => {
    sums[at] += pairs[pair];
  });
}

/** Visits the pairs whose distance has a row of r: where each is in the tile, and where in the band. */
function visitDistances(
  queries: Side,
  keys: Side,
  { top, begin, end }: Band,
  { queryStart }: Distances,
  visit: (pair: number, at: number) => void,
): void {
  for (let i = 0; i < queries.count; i++) {
    const row = i * MOST_DISTANCES;
    const start = row + top - queryStart - queries.tokens[i];
    for (let j = 0; j < keys.count; j++) {
      const at = start + keys.tokens[j];
      if (at >= row + begin && at < row + end) visit(i * TILE + j, at);
    }
  }
}
