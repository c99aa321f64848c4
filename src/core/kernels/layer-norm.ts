/** Rows shifted and scaled to mean 0 and variance 1, then a gain and a bias for each column; and their gradients. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Rows whose parts of the gradients of gain and bias are summed together. */
export const LAYER_NORM_ROWS = 64;

/** y = g ∘ (x − μ) / √(σ² + ε) + b. `means` and `shares`, 1 / √(σ² + ε), are float64, one for each row. Items: rows. */
export const layerNormKernel = defineKernel(
  'layer-norm',
  { arrays: ['x', 'gain', 'bias', 'y', 'means', 'shares'], numbers: ['columns', 'epsilon'] },
  (begin, end, { x, gain, bias, y, means, shares }, { columns, epsilon }) => {
    const fast = vectorKernels();
    if (fast !== null && [x, gain, bias, y].every(isOnHeap)) {
      const [from, g, b, to, mean, share] = [x, gain, bias, y, means, shares].map(({ byteOffset }) => byteOffset);
      fast.layerNormRows(from, g, b, to, mean, share, begin, end, columns, epsilon);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const mean = sumOf(x, first, columns) / columns;
      const share = inverseDeviation(x, first, columns, mean, epsilon);
      for (let c = 0; c < columns; c++) y[first + c] = gain[c] * ((x[first + c] - mean) * share) + bias[c];
      means[row] = mean;
      shares[row] = share;
    }
  },
);

/** With x̂ = (x − μ) / √(σ² + ε) and ĝ = g ∘ ȳ: x̄ = (ĝ − mean(ĝ) − x̂ mean(ĝ ∘ x̂)) / √(σ² + ε). Items: rows. */
export const layerNormGradientKernel = defineKernel(
  'layer-norm-gradient',
  { arrays: ['x', 'gain', 'means', 'shares', 'gradient', 'result'], numbers: ['columns'] },
  (begin, end, { x, gain, means, shares, gradient, result }, { columns }) => {
    const fast = vectorKernels();
    if (fast !== null && [x, gain, gradient, result].every(isOnHeap)) {
      const arrays = [x, gain, means, shares, gradient, result].map(({ byteOffset }) => byteOffset);
      const [from, g, mean, share, ofY, to] = arrays;
      fast.layerNormGradientRows(from, g, mean, share, ofY, to, begin, end, columns);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const mean = means[row];
      const share = shares[row];
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
  },
);

/**
 * ḡ = Σ ȳ ∘ x̂ and b̄ = Σ ȳ over the rows of an item, into `partial`, float64 [items, 2, columns]. Items: blocks of
 * LAYER_NORM_ROWS rows.
 */
export const layerNormPartialKernel = defineKernel(
  'layer-norm-partial',
  { arrays: ['x', 'means', 'shares', 'gradient', 'partial'], numbers: ['columns', 'rows'] },
  (begin, end, { x, means, shares, gradient, partial }, { columns, rows }) => {
    const fast = isOnHeap(x) && isOnHeap(gradient) ? vectorKernels() : null;
    for (let item = begin; item < end; item++) {
      const toGain = item * 2 * columns;
      const toBias = toGain + columns;
      const start = item * LAYER_NORM_ROWS;
      const last = Math.min(start + LAYER_NORM_ROWS, rows);
      if (fast !== null) {
        const [from, g] = [x, gradient].map(({ byteOffset }) => byteOffset + 4 * start * columns);
        const [mean, share] = [means, shares].map(({ byteOffset }) => byteOffset + 8 * start);
        const [ofGain, ofBias] = [toGain, toBias].map((place) => partial.byteOffset + 8 * place);
        fast.layerNormPartial(from, mean, share, g, ofGain, ofBias, last - start, columns);
        continue;
      }
      partial.fill(0, toGain, toBias + columns);
      for (let row = start; row < last; row++) {
        const first = row * columns;
        const mean = means[row];
        const share = shares[row];
        for (let c = 0; c < columns; c++) {
          partial[toGain + c] += gradient[first + c] * ((x[first + c] - mean) * share);
          partial[toBias + c] += gradient[first + c];
        }
      }
    }
  },
);

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
