/** The loss of a row of logits for the right class, and its gradient, without storing the probabilities. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/**
 * loss = log Σ exp(x) − x_target of x [rows, columns], and 0 for a negative target; the normaliser is log Σ exp(x). Both are
 * float64. Items: rows.
 */
export const crossEntropyKernel = defineKernel(
  'cross-entropy',
  { arrays: ['x', 'targets', 'losses', 'normalisers'], numbers: ['columns'] },
  (begin, end, { x, targets, losses, normalisers }, { columns }) => {
    for (let row = begin; row < end; row++) {
      const normaliser = targets[row] < 0 ? 0 : logSumExp(x, row * columns, columns);
      normalisers[row] = normaliser;
      losses[row] = targets[row] < 0 ? 0 : normaliser - x[row * columns + targets[row]];
    }
  },
);

/** x̄ = share (softmax(x) − onehot(target)), and zeros for a negative target. Items: rows. */
export const crossEntropyGradientKernel = defineKernel(
  'cross-entropy-gradient',
  { arrays: ['x', 'targets', 'normalisers', 'result'], numbers: ['columns', 'share'] },
  (begin, end, { x, targets, normalisers, result }, { columns, share }) => {
    const fast = isOnHeap(x) && isOnHeap(result) ? vectorKernels() : null;
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      if (targets[row] < 0) {
        result.fill(0, first, first + columns);
        continue;
      }
      const normaliser = normalisers[row];
      if (fast !== null && Number.isFinite(normaliser)) {
        const from = x.byteOffset + 4 * first;
        fast.scaledExponentials(from, result.byteOffset + 4 * first, columns, normaliser, share);
      } else for (let i = first; i < first + columns; i++) result[i] = share * Math.exp(x[i] - normaliser);
      const right = first + targets[row];
      result[right] = share * (Math.exp(x[right] - normaliser) - 1);
    }
  },
);

/** The place of the largest entry of each row; of equal entries, the first. Items: rows. */
export const argMaxKernel = defineKernel(
  'arg-max',
  { arrays: ['x', 'places'], numbers: ['columns'] },
  (begin, end, { x, places }, { columns }) => {
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      let best = first;
      for (let i = first + 1; i < first + columns; i++) if (x[i] > x[best]) best = i;
      places[row] = best - first;
    }
  },
);

function logSumExp(x: NumericArray, first: number, count: number): number {
  const fast = isOnHeap(x) ? vectorKernels() : null;
  if (fast !== null) {
    const row = x.byteOffset + 4 * first;
    const max = fast.largestOfRun(row, count);
    return max + Math.log(fast.sumOfExponentials(row, count, max));
  }
  let max = x[first];
  for (let i = first + 1; i < first + count; i++) max = Math.max(max, x[i]);
  let sum = 0;
  for (let i = first; i < first + count; i++) sum += Math.exp(x[i] - max);
  return max + Math.log(sum);
}
