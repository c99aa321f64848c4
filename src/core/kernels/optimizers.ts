/**
 * Updates of parameters, each in one pass over the parameter, its gradient and its moments. Arithmetic is float64, and stored
 * numbers are rounded once. Gradients are first multiplied by one number, which combines clipping and accumulation.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { scratchFloat64 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Elements of one item. */
export const UPDATE_RUN = 4096;
/** Columns that are summed together. */
export const UPDATE_COLUMNS = 64;

let columnSums: Float64Array | null = null;

/** `sums` of squares, float64, one for each item. Items: runs of UPDATE_RUN elements. */
export const sumOfSquaresKernel = defineKernel(
  'sum-of-squares',
  { arrays: ['x', 'sums'] },
  (begin, end, { x, sums }) => {
    const fast = isOnHeap(x) ? vectorKernels() : null;
    for (let item = begin; item < end; item++) {
      const last = Math.min((item + 1) * UPDATE_RUN, x.length);
      if (fast !== null) {
        const first = item * UPDATE_RUN;
        sums[item] = fast.sumOfSquares(x.byteOffset + 4 * first, last - first);
        continue;
      }
      let sum = 0;
      for (let i = item * UPDATE_RUN; i < last; i++) sum += x[i] * x[i];
      sums[item] = sum;
    }
  },
);

/** The velocity is not read where the momentum is 0; `scale` multiplies the gradient. Items: runs of UPDATE_RUN elements. */
export const sgdKernel = defineKernel(
  'sgd',
  { arrays: ['theta', 'gradient', 'velocity'], numbers: ['scale', 'rate', 'momentum', 'decay', 'nesterov'] },
  (begin, end, { theta, gradient, velocity }, { scale, rate, momentum, decay, nesterov }) => {
    const last = Math.min(end * UPDATE_RUN, theta.length);
    const fast = vectorKernels();
    if (fast !== null && [theta, gradient, velocity].every(isOnHeap)) {
      const first = begin * UPDATE_RUN;
      const [to, g, v] = [theta, gradient, velocity].map(({ byteOffset }) => byteOffset + 4 * first);
      fast.sgd(to, g, v, last - first, scale, rate, momentum, decay, nesterov);
      return;
    }
    for (let i = begin * UPDATE_RUN; i < last; i++) {
      const g = scale * gradient[i] + decay * theta[i];
      let move = g;
      if (momentum !== 0) {
        const v = momentum * velocity[i] + g;
        velocity[i] = v;
        move = nesterov ? g + momentum * v : v;
      }
      theta[i] -= rate * move;
    }
  },
);

/** The corrections are 1 − β₁ᵗ and 1 − β₂ᵗ. Items: runs of UPDATE_RUN elements. */
export const adamWKernel = defineKernel(
  'adamw',
  {
    arrays: ['theta', 'gradient', 'm', 'v'],
    numbers: ['scale', 'rate', 'beta1', 'beta2', 'epsilon', 'decay', 'firstCorrection', 'secondCorrection'],
  },
  (begin, end, { theta, gradient, m, v }, numbers) => {
    const { scale, rate, beta1, beta2, epsilon, decay, firstCorrection, secondCorrection } = numbers;
    const last = Math.min(end * UPDATE_RUN, theta.length);
    const fast = vectorKernels();
    if (fast !== null && [theta, gradient, m, v].every(isOnHeap)) {
      const from = begin * UPDATE_RUN;
      const [to, g, first, second] = [theta, gradient, m, v].map(({ byteOffset }) => byteOffset + 4 * from);
      const corrections = [firstCorrection, secondCorrection] as const;
      fast.adamW(to, g, first, second, last - from, scale, rate, beta1, beta2, epsilon, decay, ...corrections);
      return;
    }
    for (let i = begin * UPDATE_RUN; i < last; i++) {
      const g = scale * gradient[i];
      const first = beta1 * m[i] + (1 - beta1) * g;
      const second = beta2 * v[i] + (1 - beta2) * g * g;
      m[i] = first;
      v[i] = second;
      const direction = first / firstCorrection / (Math.sqrt(second / secondCorrection) + epsilon);
      theta[i] -= rate * (direction + decay * theta[i]);
    }
  },
);

/** R = β₂ R + (1 − β₂) mean of g² + ε₁ along a row: gradient [rows, columns], rowMeans [rows]. Items: rows. */
export const adafactorRowsKernel = defineKernel(
  'adafactor-rows',
  { arrays: ['gradient', 'rowMeans'], numbers: ['scale', 'beta2', 'epsilon', 'columns'] },
  (begin, end, { gradient, rowMeans }, { scale, beta2, epsilon, columns }) => {
    const fast = isOnHeap(gradient) ? vectorKernels() : null;
    for (let row = begin; row < end; row++) {
      let sum = 0;
      if (fast !== null) sum = fast.sumOfSquares(gradient.byteOffset + 4 * row * columns, columns);
      else for (let i = row * columns; i < (row + 1) * columns; i++) sum += gradient[i] * gradient[i];
      rowMeans[row] = beta2 * rowMeans[row] + (1 - beta2) * ((scale * scale * sum) / columns + epsilon);
    }
  },
);

/**
 * C, likewise, along columns: gradient [matrices, rows, columns], columnMeans [matrices, columns]. Items: matrices × blocks
 * of UPDATE_COLUMNS columns.
 */
export const adafactorColumnsKernel = defineKernel(
  'adafactor-columns',
  { arrays: ['gradient', 'columnMeans'], numbers: ['scale', 'beta2', 'epsilon', 'rows', 'columns'] },
  (begin, end, { gradient, columnMeans }, { scale, beta2, epsilon, rows, columns }) => {
    const blocks = Math.ceil(columns / UPDATE_COLUMNS);
    columnSums ??= scratchFloat64(UPDATE_COLUMNS);
    const sums = columnSums;
    const fast = isOnHeap(gradient) && sums.buffer === gradient.buffer ? vectorKernels() : null;
    for (let item = begin; item < end; item++) {
      const matrix = Math.floor(item / blocks);
      const column = (item - matrix * blocks) * UPDATE_COLUMNS;
      const count = Math.min(UPDATE_COLUMNS, columns - column);
      const first = matrix * rows * columns + column;
      if (fast !== null) fast.squaresOfRows(gradient.byteOffset + 4 * first, sums.byteOffset, rows, columns, count);
      else addSquares(gradient, first, rows, columns, count, sums);
      for (let c = 0; c < count; c++) {
        const at = matrix * columns + column + c;
        columnMeans[at] = beta2 * columnMeans[at] + (1 - beta2) * ((scale * scale * sums[c]) / rows + epsilon);
      }
    }
  },
);

/**
 * Σ u² along a row of u = g / √V̂ with V̂ = R C / mean(R); `means` are mean(R), float64, one for each matrix; `sums` are
 * float64, one for each row. Items: rows of all matrices.
 */
export const adafactorSizeKernel = defineKernel(
  'adafactor-size',
  { arrays: ['gradient', 'rowMeans', 'columnMeans', 'means', 'sums'], numbers: ['scale', 'rows', 'columns'] },
  (begin, end, { gradient, rowMeans, columnMeans, means, sums }, { scale, rows, columns }) => {
    const fast = isOnHeap(gradient) && isOnHeap(columnMeans) ? vectorKernels() : null;
    for (let row = begin; row < end; row++) {
      const matrix = Math.floor(row / rows);
      const share = rowMeans[row] / means[matrix];
      if (fast !== null) {
        const [g, own] = [rowOf(gradient, row, columns), rowOf(columnMeans, matrix, columns)];
        sums[row] = fast.adafactorSize(g, own, columns, scale, share);
        continue;
      }
      let sum = 0;
      for (let c = 0; c < columns; c++) {
        const g = scale * gradient[row * columns + c];
        sum += (g * g) / (share * columnMeans[matrix * columns + c]);
      }
      sums[row] = sum;
    }
  },
);

/** θ = (1 − decay) θ − step u, with u as above. Items: rows of all matrices. */
export const adafactorUpdateKernel = defineKernel(
  'adafactor-update',
  {
    arrays: ['theta', 'gradient', 'rowMeans', 'columnMeans', 'means'],
    numbers: ['scale', 'rows', 'columns', 'step', 'decay'],
  },
  (begin, end, { theta, gradient, rowMeans, columnMeans, means }, { scale, rows, columns, step, decay }) => {
    const fast = [theta, gradient, columnMeans].every(isOnHeap) ? vectorKernels() : null;
    for (let row = begin; row < end; row++) {
      const matrix = Math.floor(row / rows);
      const share = rowMeans[row] / means[matrix];
      if (fast !== null) {
        const [to, g, own] = [
          rowOf(theta, row, columns),
          rowOf(gradient, row, columns),
          rowOf(columnMeans, matrix, columns),
        ];
        fast.adafactorUpdate(to, g, own, columns, scale, share, step, decay);
        continue;
      }
      for (let c = 0; c < columns; c++) {
        const i = row * columns + c;
        const u = (scale * gradient[i]) / Math.sqrt(share * columnMeans[matrix * columns + c]);
        theta[i] -= step * u + decay * theta[i];
      }
    }
  },
);

/** sums = Σ x² over rows, for `count` columns from `first` on. */
function addSquares(
  x: NumericArray,
  first: number,
  rows: number,
  columns: number,
  count: number,
  sums: Float64Array,
): void {
  sums.fill(0);
  for (let row = 0, at = first; row < rows; row++, at += columns) {
    for (let c = 0; c < count; c++) sums[c] += x[at + c] * x[at + c];
  }
}

/** Where a row lies in the heap. */
const rowOf = ({ byteOffset }: NumericArray, row: number, columns: number): number => byteOffset + 4 * row * columns;
