/** Rows scaled to unit length, and the gradient of that. */
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** arrays: x, y; numbers: columns. Items: rows. A row of zeros stays one. */
export const normalizeKernel = defineKernel('normalize', (begin, end, [x, y], [columns]) => {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
    const from = 4 * begin * columns;
    fast.normalizeRows(x.byteOffset + from, y.byteOffset + from, end - begin, columns);
    return;
  }
  for (let row = begin; row < end; row++) {
    const first = row * columns;
    let squares = 0;
    for (let i = first; i < first + columns; i++) squares += x[i] * x[i];
    const share = squares === 0 ? 0 : 1 / Math.sqrt(squares);
    for (let i = first; i < first + columns; i++) y[i] = share * x[i];
  }
});

/** arrays: x, gradient of y, gradient of x: x̄ = (ȳ − (ȳ·x) x/‖x‖²) / ‖x‖; numbers: columns. Items: rows. */
export const normalizeGradientKernel = defineKernel(
  'normalize-gradient',
  (begin, end, [x, gradient, result], [columns]) => {
    const fast = vectorKernels();
    if (fast !== null && [x, gradient, result].every(isOnHeap)) {
      const [from, g, to] = [x, gradient, result].map(({ byteOffset }) => byteOffset + 4 * begin * columns);
      fast.normalizeGradientRows(from, g, to, end - begin, columns);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      let squares = 0;
      let dot = 0;
      for (let i = first; i < first + columns; i++) {
        squares += x[i] * x[i];
        dot += gradient[i] * x[i];
      }
      const share = squares === 0 ? 0 : 1 / Math.sqrt(squares);
      const along = squares === 0 ? 0 : dot / squares;
      for (let i = first; i < first + columns; i++) result[i] = share * (gradient[i] - along * x[i]);
    }
  },
);
