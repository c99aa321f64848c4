/** Batched matrix product, split over blocks of rows. */
import { defineKernel } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, inPanels, multiplyTile, transposed } from './tile.ts';

/**
 * Rows of the result that make one item: more of them share the packing of B, fewer leave more items to share out. It
 * follows from m alone, as bits must not depend on the number of threads.
 */
export function matmulRows(m: number): number {
  return m >= 1024 ? 64 : 32;
}

/** Columns of B visited together, and how deep: such a panel fills half of a first-level cache. */
const PANEL = 64;
const DEPTH = 256;

const scratch = new Scratch();

/**
 * arrays: a, b, c, offsets (a's and b's start for each batch entry, int32 pairs)
 * numbers: m, n, k, transposeA, transposeB. Items: batch × row blocks.
 */
export const matmulKernel = defineKernel(
  'matmul',
  (begin, end, [a, b, c, offsets], [m, n, k, transposeA, transposeB]) => {
    const itemRows = matmulRows(m);
    const rowBlocks = Math.ceil(m / itemRows);
    for (let item = begin; item < end; item++) {
      const batch = Math.floor(item / rowBlocks);
      const row = (item % rowBlocks) * itemRows;
      const rows = Math.min(itemRows, m - row);
      const aStart = offsets[2 * batch];
      const bStart = offsets[2 * batch + 1];
      for (let depth = 0; depth < k; depth += DEPTH) {
        const inner = Math.min(DEPTH, k - depth);
        // A transposed is read down its columns, which lie far apart.
        const left = transposeA
          ? packed('left', transposed(block(a, aStart + depth * m + row, m)), rows, inner)
          : block(a, aStart + row * k + depth, k);
        for (let column = 0; column < n; column += PANEL) {
          const columns = Math.min(PANEL, n - column);
          const right = transposeB
            ? transposed(block(b, bStart + column * k + depth, k))
            : rightOf(block(b, bStart + depth * n + column, n), inner, columns);
          const target = block(c, (batch * m + row) * n + column, n);
          multiplyTile(target, left, right, rows, columns, inner, 1, depth > 0);
        }
      }
    }
  },
);

/** Rows far apart compete for the same places of a cache. */
function rightOf(from: Block, inner: number, columns: number): Block {
  return from.rowStride <= 2 * PANEL ? from : inPanels('right', from, inner, columns);
}

/** The block without gaps, its rows in one piece each. */
function packed(name: string, from: Block, rows: number, columns: number): Block {
  const fast = vectorKernels();
  if (fast === null || !isOnHeap(from.data)) return from;
  const target = scratch.get(name, from.data, rows * columns);
  if (!isOnHeap(target)) return from;
  const source = from.data.byteOffset + 4 * from.offset;
  fast.pack(target.byteOffset, source, from.rowStride, from.columnStride, rows, columns);
  return block(target, 0, columns);
}
