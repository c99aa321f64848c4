/** Which tokens attend to which, as a square grid of cells small enough to draw: each cell stands for a block of pairs. */

import { ArgumentError, expectInteger, UnsupportedError } from '../../core/errors.ts';
import { checkOptions } from '../../variants/attend.ts';
import type { AnyVariant } from '../../variants/registry.ts';
import type { AttentionPattern, AttentionShape, CommonOptions } from '../../variants/variant.ts';

export interface PatternGrid {
  /** Cells per side: the requested number, or one for each token if the sequence is shorter. */
  size: number;
  /** size × size, row-major; a row is a query. Share of allowed pairs, or mean weight of a pair, over all heads. */
  cells: number[];
}

/** Above this many pairs, each row of cells samples evenly spaced queries (and reads all keys). */
const PAIRS_TO_VISIT = 2 ** 24;

/** Whether a variant has a pattern to draw. */
export function hasPattern(variant: AnyVariant): boolean {
  return variant.pattern !== undefined;
}

/**
 * Share of allowed pairs in each cell, mean over heads; causality is included. Throws UnsupportedError for a variant without
 * a pattern, and otherwise as `checkOptions` does.
 */
export function patternGrid(
  variant: AnyVariant,
  length: number,
  options: Partial<CommonOptions>,
  cells: number,
  heads = 1,
): PatternGrid {
  expectInteger('length', length, 1);
  expectInteger('cells', cells, 1);
  expectInteger('heads', heads, 1);
  const allowed = patternOf(variant, length, options, heads);
  const size = Math.min(cells, length);
  const queriesPerCell = Math.max(1, Math.floor(PAIRS_TO_VISIT / (heads * length * size)));

  const grid = Array.from({ length: size * size }, () => 0);
  for (let row = 0; row < size; row++) {
    const queries = evenlySpaced(cellStart(row, size, length), cellStart(row + 1, size, length), queriesPerCell);
    for (let column = 0; column < size; column++) {
      const [first, end] = [cellStart(column, size, length), cellStart(column + 1, size, length)];
      let count = 0;
      for (let head = 0; head < heads; head++) {
        for (const query of queries) for (let key = first; key < end; key++) if (allowed(head, query, key)) count++;
      }
      grid[row * size + column] = count / (heads * queries.length * (end - first));
    }
  }
  return { size, cells: grid };
}

/** Whether a variant has buckets to draw. */
export function hasBuckets(variant: AnyVariant): boolean {
  return variant.buckets !== undefined;
}

/**
 * How near the buckets of a cell are: 1 for the nearest that make a cell of their own, less for farther ones, 0 where a query
 * sees no key. The mean over the pairs of a cell that are seen. Throws as `patternGrid` does.
 */
export function bucketGrid(
  variant: AnyVariant,
  length: number,
  options: Partial<CommonOptions>,
  cells: number,
): PatternGrid {
  expectInteger('length', length, 1);
  expectInteger('cells', cells, 1);
  const { buckets } = variant;
  if (buckets === undefined) throw new UnsupportedError(`variant: ${variant.name} has no buckets`);
  const shape = shapeFor(length, 1);
  const complete = checkOptions(variant, options, shape);
  const bucketOf = buckets(complete, shape);
  const size = Math.min(cells, length);
  const queriesPerCell = Math.max(1, Math.floor(PAIRS_TO_VISIT / (length * size)));

  const means = Array.from({ length: size * size }, (_, cell) => {
    const [row, column] = [Math.floor(cell / size), cell % size];
    const queries = evenlySpaced(cellStart(row, size, length), cellStart(row + 1, size, length), queriesPerCell);
    let [sum, count] = [0, 0];
    for (const query of queries) {
      const end = Math.min(cellStart(column + 1, size, length), complete.causal ? query + 1 : length);
      for (let key = cellStart(column, size, length); key < end; key++, count++) sum += bucketOf(query, key);
    }
    return count === 0 ? null : sum / count;
  });
  const seen = means.filter((mean) => mean !== null);
  const [nearest, farthest] = [Math.min(...seen), Math.max(...seen)];
  return { size, cells: means.map((mean) => (mean === null ? 0 : (farthest - mean + 1) / (farthest - nearest + 1))) };
}

/**
 * Mean weight of a pair in each cell, from rows of the weight matrix. `rows[n]` holds the weights of query
 * `queries[n]`, averaged over heads; every row of cells needs at least one.
 */
export function weightsGrid(
  queries: readonly number[],
  rows: readonly ArrayLike<number>[],
  length: number,
  cells: number,
): PatternGrid {
  expectInteger('length', length, 1);
  expectInteger('cells', cells, 1);
  const size = Math.min(cells, length);
  const grid = Array.from({ length: size * size }, () => 0);
  const seen = Array.from({ length: size }, () => 0);
  queries.forEach((query, n) => {
    const row = cellOf(query, size, length);
    seen[row]++;
    for (let key = 0; key < length; key++) grid[row * size + cellOf(key, size, length)] += rows[n][key];
  });
  const empty = seen.indexOf(0);
  if (empty >= 0)
    throw new ArgumentError(`queries: expected at least one in each of ${size} cells, got none in cell ${empty}`);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const keys = cellStart(column + 1, size, length) - cellStart(column, size, length);
      grid[row * size + column] /= seen[row] * keys;
    }
  }
  return { size, cells: grid };
}

/** Share of all pairs that are allowed, from the shares of the cells; without sampling it is exact. */
export function shareOfPairs({ size, cells }: PatternGrid, length: number): number {
  const extent = (cell: number) => cellStart(cell + 1, size, length) - cellStart(cell, size, length);
  let pairs = 0;
  cells.forEach((share, n) => {
    pairs += share * extent(Math.floor(n / size)) * extent(n % size);
  });
  return pairs / length ** 2;
}

/** At most `perCell` queries of each row of cells, evenly spaced, for `weightsGrid`. */
export function queriesOfCells(length: number, cells: number, perCell: number): number[] {
  const size = Math.min(cells, length);
  return Array.from({ length: size }, (_, row) =>
    evenlySpaced(cellStart(row, size, length), cellStart(row + 1, size, length), perCell),
  ).flat();
}

function patternOf(
  variant: AnyVariant,
  length: number,
  options: Partial<CommonOptions>,
  heads: number,
): AttentionPattern {
  if (!hasPattern(variant)) {
    throw new UnsupportedError(
      `variant: ${variant.name} has no pattern, because it weighs every pair; draw its weights instead`,
    );
  }
  const shape = shapeFor(length, heads);
  const complete = checkOptions(variant, options, shape);
  const stated = (variant.pattern as NonNullable<typeof variant.pattern>)(complete, shape);
  return complete.causal ? (head, query, key) => key <= query && stated(head, query, key) : stated;
}

/** A pattern depends on neither the batch nor the width of a head. */
const shapeFor = (length: number, heads: number): AttentionShape => ({
  batch: 1,
  heads,
  queryLength: length,
  keyLength: length,
  headDim: 64,
  dtype: 'float32',
});

/** The first token of a cell; cell sizes differ by at most one token. */
export function cellStart(cell: number, size: number, length: number): number {
  return Math.floor((cell * length) / size);
}

/** The cell of a token. */
export function cellOf(position: number, size: number, length: number): number {
  return Math.floor(((position + 1) * size - 1) / length);
}

function evenlySpaced(first: number, end: number, most: number): number[] {
  const count = Math.min(most, end - first);
  return Array.from({ length: count }, (_, n) => first + Math.floor((n * (end - first)) / count));
}
