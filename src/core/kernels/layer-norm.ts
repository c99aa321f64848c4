/** Rows shifted and scaled to mean 0 and variance 1, then a gain and a bias for each column; and their gradients. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Rows whose parts of the gradients of gain and bias are summed together. */
export const LAYER_NORM_ROWS = 64;

/**
 * y = g ∘ (x − μ) / √(σ² + ε) + b. `means` and `shares`, 1 / √(σ² + ε), are float64, one for each row, where a gradient will want
 * them. Items: rows.
 */
export const layerNormKernel = defineKernel(
  'layer-norm',
  { arrays: ['x', 'gain', 'bias', 'y'], optional: ['means', 'shares'], numbers: ['columns', 'epsilon'] },
  (begin, end, { x, gain, bias, y, means, shares }, { columns, epsilon }) => {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x) && isOnHeap(gain) && isOnHeap(bias) && isOnHeap(y)) {
      const [mean, share] = [means?.byteOffset ?? 0, shares?.byteOffset ?? 0];
      const [from, to] = [x.byteOffset, y.byteOffset];
      fast.layerNormRows(from, gain.byteOffset, bias.byteOffset, to, mean, share, begin, end, columns, epsilon);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const mean = sumOf(x, first, columns) / columns;
      const share = inverseDeviation(x, first, columns, mean, epsilon);
      for (let c = 0; c < columns; c++) y[first + c] = gain[c] * ((x[first + c] - mean) * share) + bias[c];
      if (means !== undefined) means[row] = mean;
      if (shares !== undefined) shares[row] = share;
    }
  },
);

/**
 * With x̂ = (x − μ) / √(σ² + ε) and ĝ = g ∘ ȳ: x̄ = (ĝ − mean(ĝ) − x̂ mean(ĝ ∘ x̂)) / √(σ² + ε), to `result`; ḡ = Σ ȳ ∘ x̂ and
 * b̄ = Σ ȳ over the rows of an item, to `partial`, float64 [items, 2, columns]. What is left out is not wanted. Items: blocks of
 * LAYER_NORM_ROWS rows.
 */
export const layerNormGradientKernel = defineKernel(
  'layer-norm-gradient',
  {
    arrays: ['x', 'gain', 'means', 'shares', 'gradient'],
    optional: ['result', 'partial'],
    numbers: ['columns', 'rows'],
  },
  (begin, end, { x, gain, means, shares, gradient, result, partial }, { columns, rows }) => {
    const fast = [x, gain, gradient, result ?? x].every(isOnHeap) ? vectorKernels() : null;
    for (let item = begin; item < end; item++) {
      const start = item * LAYER_NORM_ROWS;
      const last = Math.min(start + LAYER_NORM_ROWS, rows);
      const toGain = item * 2 * columns;
      if (fast !== null) {
        const [from, g] = [x, gradient].map(({ byteOffset }) => byteOffset + 4 * start * columns);
        const [mean, share] = [means, shares].map(({ byteOffset }) => byteOffset + 8 * start);
        const to = result === undefined ? 0 : result.byteOffset + 4 * start * columns;
        const ofGain = partial === undefined ? 0 : partial.byteOffset + 8 * toGain;
        const ofBias = partial === undefined ? 0 : ofGain + 8 * columns;
        fast.layerNormGradients(from, gain.byteOffset, mean, share, g, to, ofGain, ofBias, last - start, columns);
        continue;
      }
      partial?.fill(0, toGain, toGain + 2 * columns);
      for (let row = start; row < last; row++) {
        const first = row * columns;
        const [mean, share] = [means[row], shares[row]];
        if (partial !== undefined) addColumns(partial, toGain, x, gradient, first, columns, mean, share);
        if (result !== undefined) rowGradient(result, x, gain, gradient, first, columns, mean, share);
      }
    }
  },
);

function addColumns(
  partial: NumericArray,
  toGain: number,
  x: NumericArray,
  gradient: NumericArray,
  first: number,
  columns: number,
  mean: number,
  share: number,
): void {
  for (let c = 0; c < columns; c++) {
    partial[toGain + c] += gradient[first + c] * ((x[first + c] - mean) * share);
    partial[toGain + columns + c] += gradient[first + c];
  }
}

function rowGradient(
  result: NumericArray,
  x: NumericArray,
  gain: NumericArray,
  gradient: NumericArray,
  first: number,
  columns: number,
  mean: number,
  share: number,
): void {
  let sum = 0;
  let along = 0;
  for (let c = 0; c < columns; c++) {
    const scaled = gain[c] * gradient[first + c];
    sum += scaled;
    along += scaled * (x[first + c] - mean);
  }
  sum /= columns;
  along *= (share * share) / columns;
  for (let c = 0; c < columns; c++) {
    result[first + c] = share * (gain[c] * gradient[first + c] - sum - along * (x[first + c] - mean));
  }
}

function sumOf(x: NumericArray, first: number, count: number): number {
  let sum = 0;
  for (let i = first; i < first + count; i++) sum += x[i];
  return sum;
}

/**
 * 1 / √(σ² + ε), from the differences to the mean: the mean of squares less the squared mean would cancel where the mean is
 * large.
 */
function inverseDeviation(x: NumericArray, first: number, count: number, mean: number, epsilon: number): number {
  let squares = 0;
  for (let i = first; i < first + count; i++) squares += (x[i] - mean) * (x[i] - mean);
  if (squares !== Number.POSITIVE_INFINITY) return 1 / Math.sqrt(squares / count + epsilon);
  // Squares of very large numbers overflow a float64, so the numbers are first divided by the largest.
  let largest = 0;
  for (let i = first; i < first + count; i++) largest = Math.max(largest, Math.abs(x[i] - mean));
  squares = 0;
  for (let i = first; i < first + count; i++) squares += ((x[i] - mean) / largest) ** 2;
  return 1 / Math.sqrt(squares / count) / largest;
}
