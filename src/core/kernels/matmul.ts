/** Batched matrix product, split over blocks of rows. */
import { defineKernel } from './kernel.ts';
import { block, multiplyTile, transposed } from './tile.ts';

/** Rows of the result that make one item. */
export const MATMUL_ROWS = 32;
/** Columns of B visited together: 64 columns of a 256-deep B fill the first-level cache. */
const PANEL = 64;

/**
 * arrays: a, b, c, offsets (a's and b's start for each batch entry, int32 pairs)
 * numbers: m, n, k, transposeA, transposeB. Items: batch × row blocks.
 */
export const matmulKernel = defineKernel(
  'matmul',
  (begin, end, [a, b, c, offsets], [m, n, k, transposeA, transposeB]) => {
    const rowBlocks = Math.ceil(m / MATMUL_ROWS);
    for (let item = begin; item < end; item++) {
      const batch = Math.floor(item / rowBlocks);
      const row = (item % rowBlocks) * MATMUL_ROWS;
      const rows = Math.min(MATMUL_ROWS, m - row);
      const aStart = offsets[2 * batch];
      const bStart = offsets[2 * batch + 1];
      const left = transposeA ? transposed(block(a, aStart + row, m)) : block(a, aStart + row * k, k);
      for (let column = 0; column < n; column += PANEL) {
        const columns = Math.min(PANEL, n - column);
        const right = transposeB ? transposed(block(b, bStart + column * k, k)) : block(b, bStart + column, n);
        multiplyTile(block(c, (batch * m + row) * n + column, n), left, right, rows, columns, k, 1, false);
      }
    }
  },
);
