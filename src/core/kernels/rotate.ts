/** Rows of pairs of columns, turned in the plane: rotary positions (Su et al. 2021). */
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Rows of a head that are turned together. */
export const ROTATED_ROWS = 128;

/**
 * y = x with columns i and i + half of each row turned by its angles, or back (`direction` −1). x and y are
 * [batch, heads, length, width] with these strides, their columns side by side; `cosines` and `sines` are [rows, half], of which
 * row `begin` is that of the first token. Items: blocks of rows of every head.
 */
export const rotateKernel = defineKernel(
  'rotate',
  {
    arrays: ['x', 'y', 'cosines', 'sines'],
    numbers: [
      ...['heads', 'length', 'width', 'direction', 'begin'],
      ...['fromX', 'batchOfX', 'headOfX', 'rowOfX', 'fromY', 'batchOfY', 'headOfY', 'rowOfY'],
    ],
  },
  (from, end, { x, y, cosines, sines }, numbers) => {
    const { heads, length, width, direction, begin, fromX, fromY, rowOfX, rowOfY } = numbers;
    const half = Math.floor(width / 2);
    const blocks = Math.ceil(length / ROTATED_ROWS);
    const isFast = isOnHeap(x) && isOnHeap(y) && isOnHeap(cosines) && isOnHeap(sines);
    const fast = isFast ? vectorKernels() : null;
    for (let item = from; item < end; item++) {
      const head = Math.floor(item / blocks);
      const first = (item - head * blocks) * ROTATED_ROWS;
      const rows = Math.min(ROTATED_ROWS, length - first);
      const batch = Math.floor(head / heads);
      const place = head - batch * heads;
      const source = fromX + batch * numbers.batchOfX + place * numbers.headOfX + first * rowOfX;
      const target = fromY + batch * numbers.batchOfY + place * numbers.headOfY + first * rowOfY;
      if (fast !== null) {
        const angles = 4 * (begin + first) * half;
        const [cos, sin] = [cosines.byteOffset + angles, sines.byteOffset + angles];
        const [atX, atY] = [x.byteOffset + 4 * source, y.byteOffset + 4 * target];
        fast.rotateRows(atX, rowOfX, atY, rowOfY, cos, sin, rows, width, direction);
        continue;
      }
      for (let row = 0; row < rows; row++) {
        const [a, b] = [source + row * rowOfX, target + row * rowOfY];
        for (let i = 0; i < half; i++) {
          const cos = cosines[(begin + first + row) * half + i];
          const sin = direction * sines[(begin + first + row) * half + i];
          const [left, right] = [x[a + i], x[a + half + i]];
          y[b + i] = left * cos - right * sin;
          y[b + half + i] = right * cos + left * sin;
        }
        if (width > 2 * half) y[b + width - 1] = x[a + width - 1];
      }
    }
  },
);
