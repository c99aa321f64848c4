/**
 * Sinkhorn's balancing of matrices of logarithms: rows, then columns, over and over; or causally, each row after those above
 * it. An entry that is −∞ takes no part. Items are matrices; a gradient balances its matrix once more and walks back.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';

/** The logarithm of a sum of nothing, as a number that a file can hold. */
export const LOG_OF_NOTHING = -(2 ** 100);

/** Takes log Σ exp of `count` numbers, `step` apart, from each of them, and returns it; 0 if all are −∞, which stay. */
function normalize(x: Float64Array, from: number, count: number, step: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let n = 0, at = from; n < count; n++, at += step) if (x[at] > largest) largest = x[at];
  if (largest === Number.NEGATIVE_INFINITY) return 0;
  let sum = 0;
  for (let n = 0, at = from; n < count; n++, at += step) sum += Math.exp(x[at] - largest);
  const logSum = largest + Math.log(sum);
  for (let n = 0, at = from; n < count; n++, at += step) x[at] -= logSum;
  return logSum;
}

/** log(e^a + e^b) for a finite a. */
function logAdd(a: number, b: number): number {
  const largest = Math.max(a, b);
  return largest + Math.log(Math.exp(a - largest) + Math.exp(b - largest));
}

/** Rows and then columns of x [size, size], `iterations` times; `logSums` [2 · iterations, size] is what each step took away. */
function balance(x: Float64Array, size: number, iterations: number, logSums: Float64Array): void {
  for (let n = 0, at = 0; n < iterations; n++) {
    for (let row = 0; row < size; row++) logSums[at++] = normalize(x, row * size, size, 1);
    for (let column = 0; column < size; column++) logSums[at++] = normalize(x, column, size, size);
  }
}

/**
 * The same of rows that follow others: in a column, the sum up to a row takes the place of the whole, and columns come before
 * rows. `sums` [iterations, columns] are the logarithms of the sums of columns so far. If given, `ofColumns` [iterations, rows,
 * columns] and `ofRows` [iterations, rows] are what the steps took away.
 */
function balanceCausally(
  x: Float64Array,
  rows: number,
  columns: number,
  sums: Float64Array,
  ofColumns?: NumericArray,
  ofRows?: Float64Array,
): void {
  const iterations = sums.length / columns;
  for (let row = 0; row < rows; row++) {
    const from = row * columns;
    for (let n = 0; n < iterations; n++) {
      for (let j = 0, at = n * columns; j < columns; j++, at++) {
        if (x[from + j] !== Number.NEGATIVE_INFINITY) {
          sums[at] = logAdd(sums[at], x[from + j]);
          x[from + j] -= sums[at];
        }
        if (ofColumns !== undefined) ofColumns[n * x.length + from + j] = sums[at];
      }
      const logSum = normalize(x, from, columns, 1);
      if (ofRows !== undefined) ofRows[n * rows + row] = logSum;
    }
  }
}

/** A matrix of `scores` into x, −∞ where a flag says that a row or a column is not there. */
function readWhole(x: Float64Array, scores: NumericArray, list: number, size: number, flags: NumericArray | undefined) {
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const isThere = flags === undefined || (flags[i] !== 0 && flags[j] !== 0);
      x[i * size + j] = isThere ? scores[list * x.length + i * size + j] : Number.NEGATIVE_INFINITY;
    }
  }
}

/** The same for rows from `first` on: row i has the columns before i. */
function readPast(
  x: Float64Array,
  scores: NumericArray,
  list: number,
  columns: number,
  first: number,
  flags: NumericArray | undefined,
) {
  for (let at = 0; at < x.length; at++) {
    const j = at % columns;
    const isThere = j < first + Math.floor(at / columns) && flags?.[j] !== 0;
    x[at] = isThere ? scores[list * x.length + at] : Number.NEGATIVE_INFINITY;
  }
}

const flagsOf = (mask: NumericArray | undefined, list: number, perEntry: number, size: number) =>
  mask?.subarray(Math.floor(list / perEntry) * size, (Math.floor(list / perEntry) + 1) * size);

/** scores, weights [lists, size, size]; mask [batch, size], 1 = there, for `perEntry` lists of a batch entry. */
export const balanceKernel = defineKernel(
  'sinkhorn-balance',
  { arrays: ['scores', 'weights'], optional: ['mask'], numbers: ['size', 'iterations', 'perEntry'] },
  (begin, end, { scores, weights, mask }, { size, iterations, perEntry }) => {
    const x = new Float64Array(size * size);
    const logSums = new Float64Array(2 * iterations * size);
    for (let list = begin; list < end; list++) {
      readWhole(x, scores, list, size, flagsOf(mask, list, perEntry, size));
      balance(x, size, iterations, logSums);
      for (let at = 0; at < x.length; at++) weights[list * x.length + at] = Math.exp(x[at]);
    }
  },
);

/** For y = x − log Σ exp x, ∂x = ∂y − exp(y) Σ ∂y; then x = y + log Σ exp x is the y of the step before. */
export const balanceGradientKernel = defineKernel(
  'sinkhorn-balance-gradient',
  { arrays: ['scores', 'gradient', 'result'], optional: ['mask'], numbers: ['size', 'iterations', 'perEntry'] },
  (begin, end, { scores, gradient, result, mask }, { size, iterations, perEntry }) => {
    const x = new Float64Array(size * size);
    const logSums = new Float64Array(2 * iterations * size);
    const slopes = new Float64Array(x.length);
    for (let list = begin; list < end; list++) {
      readWhole(x, scores, list, size, flagsOf(mask, list, perEntry, size));
      balance(x, size, iterations, logSums);
      for (let at = 0; at < x.length; at++) slopes[at] = gradient[list * x.length + at] * Math.exp(x[at]);
      for (let step = 2 * iterations - 1; step >= 0; step--) {
        const [along, across] = step % 2 === 0 ? [1, size] : [size, 1];
        for (let line = 0; line < size; line++) {
          let sum = 0;
          for (let n = 0; n < size; n++) sum += slopes[line * across + n * along];
          const logSum = logSums[step * size + line];
          for (let n = 0, at = line * across; n < size; n++, at += along) {
            slopes[at] -= Math.exp(x[at]) * sum;
            x[at] += logSum;
          }
        }
      }
      result.set(slopes, list * x.length);
    }
  },
);

/**
 * scores, weights [lists, rows, columns] of rows from `first` on, row i with the columns before i; before [lists, iterations,
 * held] and after [lists, iterations, columns]: the logarithms of the sums of columns.
 */
export const causalBalanceKernel = defineKernel(
  'causal-balance',
  {
    arrays: ['scores', 'weights', 'after'],
    optional: ['mask', 'before'],
    numbers: ['rows', 'columns', 'first', 'held', 'iterations', 'perEntry'],
  },
  (begin, end, { scores, weights, after, mask, before }, { rows, columns, first, held, iterations, perEntry }) => {
    const x = new Float64Array(rows * columns);
    const sums = new Float64Array(iterations * columns);
    for (let list = begin; list < end; list++) {
      readPast(x, scores, list, columns, first, flagsOf(mask, list, perEntry, columns));
      readSums(sums, before, list, held, columns);
      balanceCausally(x, rows, columns, sums);
      for (let at = 0; at < x.length; at++) weights[list * x.length + at] = Math.exp(x[at]);
      after.set(sums, list * sums.length);
    }
  },
);

function readSums(sums: Float64Array, before: NumericArray | undefined, list: number, held: number, columns: number) {
  sums.fill(LOG_OF_NOTHING);
  if (before === undefined) return;
  const iterations = sums.length / columns;
  for (let n = 0; n < iterations; n++) {
    const from = (list * iterations + n) * held;
    sums.set(before.subarray(from, from + held), n * columns);
  }
}

/**
 * In a column, y_k = x_k − c_k with c_k = log Σ_{i ≤ k} exp x_i, so ∂x_k = ∂y_k − exp(y_k) A_k, A_k = Σ_{i ≥ k} ∂y_i exp(c_k −
 * c_i): a sum that grows from the last row up, with factors of at most 1. history [lists, iterations, rows, columns]: the c.
 */
export const causalBalanceGradientKernel = defineKernel(
  'causal-balance-gradient',
  {
    arrays: ['scores', 'gradient', 'result', 'history'],
    optional: ['mask', 'before'],
    numbers: ['rows', 'columns', 'first', 'held', 'iterations', 'perEntry'],
  },
  (begin, end, { scores, gradient, result, history, mask, before }, numbers) => {
    const { rows, columns, first, held, iterations, perEntry } = numbers;
    const size = rows * columns;
    const x = new Float64Array(size);
    const sums = new Float64Array(iterations * columns);
    const ofRows = new Float64Array(iterations * rows);
    const slopes = new Float64Array(size);
    for (let list = begin; list < end; list++) {
      const ofColumns = history.subarray(list * iterations * size, (list + 1) * iterations * size);
      readPast(x, scores, list, columns, first, flagsOf(mask, list, perEntry, columns));
      readSums(sums, before, list, held, columns);
      balanceCausally(x, rows, columns, sums, ofColumns, ofRows);
      for (let at = 0; at < size; at++) slopes[at] = gradient[list * size + at] * Math.exp(x[at]);
      for (let n = iterations - 1; n >= 0; n--) {
        for (let row = 0; row < rows; row++) {
          let sum = 0;
          for (let at = row * columns; at < (row + 1) * columns; at++) sum += slopes[at];
          for (let at = row * columns; at < (row + 1) * columns; at++) {
            slopes[at] -= Math.exp(x[at]) * sum;
            x[at] += ofRows[n * rows + row];
          }
        }
        for (let j = 0; j < columns; j++) {
          let later = 0;
          for (let row = rows - 1; row >= 0; row--) {
            const at = row * columns + j;
            const taken = n * size + at;
            if (row < rows - 1) later *= Math.exp(ofColumns[taken] - ofColumns[taken + columns]);
            later += slopes[at];
            slopes[at] -= Math.exp(x[at]) * later;
            x[at] += ofColumns[taken];
          }
        }
      }
      result.set(slopes, list * size);
    }
  },
);
