/** Batched matrix product, split over blocks of its result. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, inPanels, multiplyTile, transposed } from './tile.ts';
import { VECTOR_OPERATIONS } from './vector-kernels.ts';

/**
 * Rows and columns of the result that make one item: more rows share the packing of B, fewer leave more items for the
 * threads. Where both extents are large, a block of both is best. The choice depends on the extents alone, so it is the same
 * on any number of threads.
 */
export function matmulItem(m: number, n: number): { rows: number; columns: number; count: number } {
  const isLarge = m >= 1024 && n >= 512;
  const rows = isLarge ? 256 : m >= 2048 ? 128 : m >= 512 ? 64 : 32;
  const columns = isLarge ? 256 : Math.max(1, n);
  return { rows, columns, count: Math.ceil(m / rows) * Math.ceil(n / columns) };
}

/** Columns of B visited together, and their depth: such a panel fills half of a first-level cache. */
const PANEL = 64;
const DEPTH = 256;

const scratch = new Scratch();

/**
 * c = a b of [m, k] and [k, n], plus a `bias` [n] in every row if there is one; `offsets`: where a and b start for each batch
 * entry, int32 pairs. Items: batch × blocks of c.
 */
export const matmulKernel = defineKernel(
  'matmul',
  {
    arrays: ['a', 'b', 'c', 'offsets'],
    optional: ['bias'],
    numbers: ['m', 'n', 'k', 'transposeA', 'transposeB'],
  },
  (begin, end, { a, b, c, offsets, bias }, { m, n, k, transposeA, transposeB }) => {
    const size = matmulItem(m, n);
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
      for (let depth = 0; depth < k; depth += DEPTH) {
        const inner = Math.min(DEPTH, k - depth);
        // A transposed is read down its columns, which lie far apart.
        const left = transposeA
          ? packed('left', transposed(block(a, aStart + depth * m + row, m)), rows, inner)
          : block(a, aStart + row * k + depth, k);
        for (let column = firstColumn; column < endColumn; column += PANEL) {
          const columns = Math.min(PANEL, endColumn - column);
          const right = transposeB
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
