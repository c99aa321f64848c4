/** Rows scaled to unit length, and the gradient. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Items: rows. A row of zeros stays a row of zeros. */
export const normalizeKernel = defineKernel(
  'normalize',
  { arrays: ['x', 'y'], numbers: ['columns'] },
  (begin, end, { x, y }, { columns }) => {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
      const from = 4 * begin * columns;
      fast.normalizeRows(x.byteOffset + from, y.byteOffset + from, end - begin, columns);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const length = lengthOf(x, first, columns);
      for (let i = first; i < first + columns; i++) y[i] = length === 0 ? 0 : x[i] / length;
    }
  },
);

/** x̄ = (ȳ − (ȳ·y) y) / ‖x‖, with y = x / ‖x‖. Items: rows. */
export const normalizeGradientKernel = defineKernel(
  'normalize-gradient',
  { arrays: ['x', 'gradient', 'result'], numbers: ['columns'] },
  (begin, end, { x, gradient, result }, { columns }) => {
    const fast = vectorKernels();
    if (fast !== null && [x, gradient, result].every(isOnHeap)) {
      const [from, g, to] = [x, gradient, result].map(({ byteOffset }) => byteOffset + 4 * begin * columns);
      fast.normalizeGradientRows(from, g, to, end - begin, columns);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const length = lengthOf(x, first, columns);
      if (length === 0) {
        result.fill(0, first, first + columns);
        continue;
      }
      let along = 0;
      for (let i = first; i < first + columns; i++) along += gradient[i] * (x[i] / length);
      for (let i = first; i < first + columns; i++) result[i] = (gradient[i] - along * (x[i] / length)) / length;
    }
  },
);

/** ‖x‖ of a row. Squares of very small or large numbers leave the range of float64, so the numbers are scaled first. */
function lengthOf(x: NumericArray, first: number, columns: number): number {
  let squares = 0;
  for (let i = first; i < first + columns; i++) squares += x[i] * x[i];
  if (squares > 1e-280 && squares < 1e300) return Math.sqrt(squares);
  let largest = 0;
  for (let i = first; i < first + columns; i++) largest = Math.max(largest, Math.abs(x[i]));
  if (largest === 0 || !Number.isFinite(largest)) return largest;
  squares = 0;
  for (let i = first; i < first + columns; i++) squares += (x[i] / largest) ** 2;
  return largest * Math.sqrt(squares);
}
