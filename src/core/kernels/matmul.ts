/** Batched matrix product, split over blocks of its result. */
import type { NumericArray } from '../memory.ts';
import { kernelsForFew, multiplyFewRows } from './few-rows.ts';
import { defineKernel } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, inPanels, multiplyTile, PANEL as PANEL_WIDTH, ROWS_THAT_PAY, transposed } from './tile.ts';
import { VECTOR_OPERATIONS } from './vector-kernels.ts';

/**
 * Rows and columns of the result that make one item: larger ones pack A and B less often, smaller ones leave more for the threads.
 * Where the inner extent is long, as in the gradient of a weight, packing is most of what can be saved, so blocks are nearly square.
 * The choice depends on the extents alone, so it is the same on any number of threads.
 */
export function matmulItem(m: number, n: number, k: number): { rows: number; columns: number; count: number } {
  const isDeep = k >= 1024 && k > m && m >= 64;
  const isLarge = m >= 1024 && n >= 512;
  const few = m >= 2048 ? 128 : m >= 512 ? 64 : 32;
  const rows = isLarge ? 256 : isDeep ? rowsOfDeep(m, n) : few;
  const columns = isLarge ? 256 : isDeep && n > 2 * PANEL ? (n >= 1024 ? 256 : 128) : Math.max(1, n);
  return { rows, columns, count: Math.ceil(m / rows) * Math.ceil(n / columns) };
}

function rowsOfDeep(m: number, n: number): number {
  if (n <= 2 * PANEL) return m >= 256 ? 64 : 32;
  return m >= 1024 ? 256 : m >= 256 ? 128 : 64;
}

/** Columns of B visited together, and their depth: such a panel fills half of a first-level cache. */
const PANEL = 64;
const DEPTH = 256;

const scratch = new Scratch();

/**
 * c = a b of [m, k] and [k, n], plus a `bias` [n] in every row if there is one; `offsets`: where a and b start for each batch
 * entry, int32 pairs; `panels`: b as packRightKernel leaves it, where all entries share it. Items: batch × blocks of c.
 */
export const matmulKernel = defineKernel(
  'matmul',
  {
    arrays: ['a', 'b', 'c', 'offsets'],
    optional: ['bias', 'panels'],
    numbers: ['m', 'n', 'k', 'transposeA', 'transposeB'],
  },
  (begin, end, { a, b, c, offsets, bias, panels }, { m, n, k, transposeA, transposeB }) => {
    const size = matmulItem(m, n, k);
    const rowBlocks = Math.ceil(m / size.rows);
    for (let item = begin; item < end; item++) {
      const batch = Math.floor(item / size.count);
      const place = item - batch * size.count;
      const row = (place % rowBlocks) * size.rows;
      const rows = Math.min(size.rows, m - row);
      const firstColumn = Math.floor(place / rowBlocks) * size.columns;
      const endColumn = Math.min(n, firstColumn + size.columns);
      const aStart = offsets[2 * batch];
      const bStart = offsets[2 * batch + 1];
      const isFew = rows < ROWS_THAT_PAY && !transposeA && !transposeB && panels === undefined;
      const few = isFew ? kernelsForFew(a, b, c) : null;
      for (let depth = 0; depth < k; depth += DEPTH) {
        const inner = Math.min(DEPTH, k - depth);
        if (few !== null) {
          const target = block(c, (batch * m + row) * n + firstColumn, n);
          const left = block(a, aStart + row * k + depth, k);
          const right = block(b, bStart + depth * n + firstColumn, n);
          multiplyFewRows(few, target, left, right, rows, endColumn - firstColumn, inner, depth > 0);
          continue;
        }
        // A transposed is read down its columns, which lie far apart.
        const left = transposeA
          ? packed('left', transposed(block(a, aStart + depth * m + row, m)), rows, inner)
          : block(a, aStart + row * k + depth, k);
        for (let column = firstColumn; column < endColumn; column += PANEL) {
          const columns = Math.min(PANEL, endColumn - column);
          const isPacked = panels !== undefined && !(transposeB && rows < ROWS_THAT_PAY);
          const right = isPacked
            ? packedRight(panels, depth, inner, column, n)
            : transposeB
              ? transposed(block(b, bStart + column * k + depth, k))
              : rightOf(block(b, bStart + depth * n + column, n), inner, columns);
          const target = block(c, (batch * m + row) * n + column, n);
          multiplyTile(target, left, right, rows, columns, inner, 1, depth > 0);
        }
      }
      if (bias !== undefined) {
        // While the rows are still in the cache.
        addBias(block(c, (batch * m + row) * n + firstColumn, n), bias, firstColumn, rows, endColumn - firstColumn);
      }
    }
  },
);

/**
 * All of b [k, n], or of its transpose [n, k], in panels, for a product with so many rows that each item would pack the same
 * part again. Items: blocks of DEPTH rows × PANEL columns.
 */
export const packRightKernel = defineKernel(
  'pack-right',
  { arrays: ['b', 'panels'], numbers: ['n', 'k', 'transposeB'] },
  (begin, end, { b, panels }, { n, k, transposeB }) => {
    const fast = isOnHeap(b) && isOnHeap(panels) ? vectorKernels() : null;
    if (fast === null) throw new Error('pack-right: expected vector kernels and float32');
    const across = Math.ceil(n / PANEL);
    for (let item = begin; item < end; item++) {
      const depth = Math.floor(item / across) * DEPTH;
      const column = (item % across) * PANEL;
      const [inner, columns] = [Math.min(DEPTH, k - depth), Math.min(PANEL, n - column)];
      const from = transposeB ? column * k + depth : depth * n + column;
      const target = packedRight(panels, depth, inner, column, n).offset;
      const [rowStride, columnStride] = transposeB ? [1, k] : [n, 1];
      const to = panels.byteOffset + 4 * target;
      fast.packPanels(to, b.byteOffset + 4 * from, rowStride, columnStride, inner, columns);
    }
  },
);

/** Items of packRightKernel, and the length of its result; null where items read b as it lies, or pack it few times. */
export function rightPanels(
  m: number,
  n: number,
  k: number,
  transposeB: boolean,
): { items: number; length: number } | null {
  const { rows } = matmulItem(m, n, k);
  const isRead = !transposeB && n <= 2 * PANEL;
  const length = k * wholePanels(n);
  if (isRead || m < ITEMS_THAT_SHARE * rows || length > LARGEST_COPY || k === 1 || n === 1) return null;
  return { items: Math.ceil(k / DEPTH) * Math.ceil(n / PANEL), length };
}

/** So many rows of items make it pay to pack b for all of them. */
const ITEMS_THAT_SHARE = 4;
/** Elements that a product may take for it: 4 MiB. */
const LARGEST_COPY = 2 ** 20;

/** Columns with those that fill the last panel. */
const wholePanels = (n: number): number => PANEL_WIDTH * Math.ceil(n / PANEL_WIDTH);

/** The panels of columns from `column` on and `inner` rows from `depth` on. */
function packedRight(panels: NumericArray, depth: number, inner: number, column: number, n: number): Block {
  const offset = depth * wholePanels(n) + inner * column;
  return { data: panels, offset, rowStride: PANEL_WIDTH, columnStride: 1, isPacked: true };
}

const ADD = VECTOR_OPERATIONS.indexOf('add');

/** Adds columns `from` and after of the bias to each row. */
function addBias(
  { data, offset, rowStride }: Block,
  bias: NumericArray,
  from: number,
  rows: number,
  columns: number,
): void {
  const fast = isOnHeap(data) && isOnHeap(bias) ? vectorKernels() : null;
  // Whole rows follow each other: one call does for all of them.
  const together = rowStride === columns ? rows : 1;
  for (let row = 0; row < rows; row += together) {
    const first = offset + row * rowStride;
    if (fast !== null) {
      const target = data.byteOffset + 4 * first;
      fast.binary(ADD, target, 1, columns, bias.byteOffset + 4 * from, 1, 0, target, together, columns);
      continue;
    }
    for (let at = 0; at < together * columns; at++) data[first + at] += bias[from + (at % columns)];
  }
}

/** Rows far apart compete for the same places of a cache. */
function rightOf(from: Block, inner: number, columns: number): Block {
  return from.rowStride <= 2 * PANEL ? from : inPanels('right', from, inner, columns);
}

/** The block without gaps: each row is in one piece. */
function packed(name: string, from: Block, rows: number, columns: number): Block {
  const fast = vectorKernels();
  if (fast === null || !isOnHeap(from.data)) return from;
  const target = scratch.get(name, from.data, rows * columns);
  if (!isOnHeap(target)) return from;
  const source = from.data.byteOffset + 4 * from.offset;
  fast.pack(target.byteOffset, source, from.rowStride, from.columnStride, rows, columns);
  return block(target, 0, columns);
}
