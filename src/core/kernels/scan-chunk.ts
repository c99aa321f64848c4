/**
 * How scans cut a sequence: into groups, which are independent items once the state before each is known, and a group into
 * chunks, inside which pairs meet directly. The cuts do not depend on the number of threads, and the cuts before a token do
 * not depend on later tokens.
 *
 * Places are counted in walking order: a reverse scan walks the same rows from the last one on.
 */
import type { NumericArray } from '../memory.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, inPanels, multiplyTile, transposed } from './tile.ts';

/** The most places of a chunk. Longer chunks mean fewer updates of the state, and more pairs. */
export const CHUNK = 32;
/** Places of a chunk that share one product with the pairs up to the last of them. */
const STRIP = 8;
/** Numbers of a strip of pairs, and two rows for the vector kernels. */
export const PAIRS = (STRIP + 2) * CHUNK;

const scratch = new Scratch();

/**
 * Places of a group of feature attention. At least the smaller side of an m × n state, so that the states of all groups take no
 * more memory than the inputs.
 */
export function scanGroup(m: number, n: number): number {
  return Math.ceil(Math.max(256, Math.min(m, n)) / CHUNK) * CHUNK;
}

/** Places of a group of a scan: so many that a state takes no more memory than the keys and values of a group. */
export function scanSize(m: number, n: number): number {
  return Math.ceil((m * n) / (m + n) / CHUNK) * CHUNK;
}

/** The row of a sequence at a place. */
export function rowAt(place: number, length: number, reverse: number): number {
  return reverse ? length - 1 - place : place;
}

/** The rows of a sequence from a place on, in walking order. */
export function rowsFrom(
  data: NumericArray,
  sequence: number,
  length: number,
  width: number,
  place: number,
  reverse: number,
): Block {
  return block(data, (sequence * length + rowAt(place, length, reverse)) * width, reverse ? -width : width);
}

/** The same block from another row on. */
export function rowsOf({ data, offset, rowStride, columnStride }: Block, row: number): Block {
  return block(data, offset + row * rowStride, rowStride, columnStride);
}

/** Weights of the middle rows, with zeros from the last row up to CHUNK, for pairs that do not decay. */
export interface PairWeights {
  weights: NumericArray;
  /** Weights of the left rows: each pair (i, j) gets own_i weight_j in addition. */
  own?: NumericArray;
  /** totals_i += Σ_{j ≤ i} pair_ij weight_j. */
  totals?: NumericArray;
}

export interface PairOptions {
  /** Only j < i. */
  strict?: boolean;
  /** The factor of the sum. */
  alpha?: number;
  weighed?: PairWeights;
}

/**
 * target_i += α Σ_{j ≤ i} e^(sums_i − sums_j) (left_i · middle_j) right_j for the rows of one chunk: `inner` columns in left and
 * middle, `width` in right and target. Without sums, pairs do not decay.
 */
export function addPairs(
  target: Block,
  left: Block,
  middle: Block,
  right: Block,
  rows: number,
  inner: number,
  width: number,
  sums: Float64Array | null,
  { strict = false, alpha = 1, weighed }: PairOptions = {},
): void {
  const pairs = scratch.get('pairs', target.data, PAIRS);
  // Packed, a product with few rows has the same bits as one with many, so an output does not depend on later rows.
  const panels = inPanels('middle', transposed(middle), inner, rows);
  const fast = panels.isPacked ? vectorKernels() : null;
  if (fast !== null && areOnHeap(target, left, right, pairs, sums) && isWeighedOnHeap(weighed)) {
    fast.addPairs(
      addressOf(target),
      target.rowStride,
      addressOf(left),
      left.rowStride,
      panels.data.byteOffset,
      addressOf(right),
      right.rowStride,
      pairs.byteOffset,
      CHUNK,
      rows,
      inner,
      width,
      sums === null ? 0 : sums.byteOffset,
      strict,
      alpha,
      weighed?.weights.byteOffset ?? 0,
      weighed?.own?.byteOffset ?? 0,
      weighed?.totals?.byteOffset ?? 0,
    );
    return;
  }
  const strip = block(pairs, 0, CHUNK);
  for (let row = 0; row < rows; row += STRIP) {
    const count = Math.min(STRIP, rows - row);
    const columns = row + count;
    multiplyTile(strip, rowsOf(left, row), panels, count, columns, inner, 1, false);
    if (weighed !== undefined) weigh(pairs, row, count, weighed);
    weighPairs(pairs, row, count, sums, strict);
    multiplyTile(rowsOf(target, row), strip, right, count, width, columns, alpha, true);
  }
}

function weigh(pairs: NumericArray, row: number, count: number, { weights, own, totals }: PairWeights): void {
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = 0; j <= row + i; j++) {
      if (own !== undefined) pairs[i * CHUNK + j] += own[row + i] * weights[j];
      sum += weights[j] * pairs[i * CHUNK + j];
    }
    if (totals !== undefined) totals[row + i] += sum;
  }
}

/**
 * Solves x_i = b_i − Σ_{j < i} e^(sums_i − sums_j) (left_i · middle_j) y_j in place of b, where y_j = factors_j x_j is put into
 * `weighted`: row by row, each strip after the products with all rows before it.
 */
export function solvePairs(
  x: Block,
  weighted: Block,
  left: Block,
  middle: Block,
  factors: NumericArray,
  rows: number,
  inner: number,
  width: number,
  sums: Float64Array | null,
): void {
  const pairs = scratch.get('pairs', x.data, PAIRS);
  const panels = inPanels('middle', transposed(middle), inner, rows);
  const fast = panels.isPacked && isOnHeap(factors) ? vectorKernels() : null;
  if (fast !== null && areOnHeap(x, weighted, left, pairs, sums)) {
    fast.solvePairs(
      addressOf(x),
      x.rowStride,
      addressOf(weighted),
      weighted.rowStride,
      addressOf(left),
      left.rowStride,
      panels.data.byteOffset,
      pairs.byteOffset,
      CHUNK,
      rows,
      inner,
      width,
      sums === null ? 0 : sums.byteOffset,
      factors.byteOffset,
    );
    return;
  }
  const strip = block(pairs, 0, CHUNK);
  for (let row = 0; row < rows; row += STRIP) {
    const count = Math.min(STRIP, rows - row);
    multiplyTile(strip, rowsOf(left, row), panels, count, row + count, inner, 1, false);
    weighPairs(pairs, row, count, sums, true);
    if (row > 0) multiplyTile(rowsOf(x, row), strip, weighted, count, width, row, -1, true);
    for (let i = 0; i < count; i++) {
      const own = x.offset + (row + i) * x.rowStride;
      for (let j = row; j < row + i; j++) {
        const pair = pairs[i * CHUNK + j];
        const from = weighted.offset + j * weighted.rowStride;
        for (let c = 0; c < width; c++) x.data[own + c] -= pair * weighted.data[from + c];
      }
      const to = weighted.offset + (row + i) * weighted.rowStride;
      for (let c = 0; c < width; c++) weighted.data[to + c] = factors[row + i] * x.data[own + c];
    }
  }
}

/** Pairs of a strip times e^(sums_i − sums_j), and zeros after the last pair of each row. */
function weighPairs(pairs: NumericArray, row: number, count: number, sums: Float64Array | null, strict: boolean): void {
  for (let i = 0; i < count; i++) {
    const end = row + i + (strict ? 0 : 1);
    if (sums !== null) for (let j = 0; j < end; j++) pairs[i * CHUNK + j] *= Math.exp(sums[row + i] - sums[j]);
    // A call of fill would cost more than these few zeros.
    for (let j = end; j < row + count; j++) pairs[i * CHUNK + j] = 0;
  }
}

function areOnHeap(a: Block, b: Block, c: Block, pairs: NumericArray, sums: Float64Array | null): boolean {
  const blocks = isOnHeap(a.data) && isOnHeap(b.data) && isOnHeap(c.data);
  return blocks && isOnHeap(pairs) && (sums === null || isInHeap(sums));
}

function isWeighedOnHeap(weighed: PairWeights | undefined): boolean {
  if (weighed === undefined) return true;
  const { weights, own = weights, totals = weights } = weighed;
  return isOnHeap(weights) && isOnHeap(own) && isOnHeap(totals);
}

/** Where float32 rows begin, in bytes. */
function addressOf({ data, offset }: Block): number {
  return data.byteOffset + 4 * offset;
}
