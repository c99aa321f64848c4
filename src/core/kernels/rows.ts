/** Loops along one axis: sums, maxima, softmax, and rows picked or put by index. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Along the middle axis. */
const ALONG = { arrays: ['x', 'y'], numbers: ['extent', 'inner'] } as const;
const INDEXED = ['length', 'width', 'count', 'own'] as const;

/** Columns that a sum keeps close to the registers at once, as float64. */
export const SUM_COLUMNS = 64;

/**
 * From x [outer, extent, inner] to y [outer, inner]. Items: outer × blocks of SUM_COLUMNS columns. Sums are float64 and run
 * in order of the axis; a vector loop sums along a row in lanes.
 */
export const sumKernel = defineKernel('sum', ALONG, (begin, end, { x, y }, { extent, inner }) => {
  const blocks = Math.ceil(inner / SUM_COLUMNS);
  const fast = isOnHeap(x) && isOnHeap(y) ? vectorKernels() : null;
  if (fast !== null && inner === 1) {
    fast.sumsOfRuns(x.byteOffset + 4 * begin * extent, y.byteOffset + 4 * begin, end - begin, extent);
    return;
  }
  const sums = new Float64Array(SUM_COLUMNS);
  for (let item = begin; item < end; item++) {
    const outer = Math.floor(item / blocks);
    const column = (item - outer * blocks) * SUM_COLUMNS;
    const columns = Math.min(SUM_COLUMNS, inner - column);
    const first = outer * extent * inner + column;
    if (inner === 1) y[outer] = sumOfRun(x, first, extent);
    else if (fast !== null) {
      const to = y.byteOffset + 4 * (outer * inner + column);
      fast.sumOfRows(x.byteOffset + 4 * first, to, extent, inner, columns);
    } else {
      sums.fill(0);
      for (let k = 0, at = first; k < extent; k++, at += inner) for (let i = 0; i < columns; i++) sums[i] += x[at + i];
      for (let i = 0; i < columns; i++) y[outer * inner + column + i] = sums[i];
    }
  }
});

function sumOfRun(x: NumericArray, first: number, length: number): number {
  let sum = 0;
  for (let i = first; i < first + length; i++) sum += x[i];
  return sum;
}

/** Items: outer. */
export const maxKernel = defineKernel('max', ALONG, (begin, end, { x, y }, { extent, inner }) => {
  const fast = inner === 1 && isOnHeap(x) && isOnHeap(y) ? vectorKernels() : null;
  if (fast !== null) {
    fast.largestOfRuns(x.byteOffset + 4 * begin * extent, y.byteOffset + 4 * begin, end - begin, extent);
    return;
  }
  for (let outer = begin; outer < end; outer++) {
    for (let i = 0; i < inner; i++) {
      let max = Number.NEGATIVE_INFINITY;
      let at = outer * extent * inner + i;
      for (let k = 0; k < extent; k++, at += inner) max = Math.max(max, x[at]);
      y[outer * inner + i] = max;
    }
  }
});

/** y = max + log Σ exp(x − max) along the axis, or the maximum itself where that is infinite or NaN. Items: outer. */
export const logSumExpKernel = defineKernel('log-sum-exp', ALONG, (begin, end, { x, y }, { extent, inner }) => {
  const fast = inner === 1 && isOnHeap(x) ? vectorKernels() : null;
  for (let outer = begin; outer < end; outer++) {
    if (fast !== null) {
      const row = x.byteOffset + 4 * outer * extent;
      const max = fast.largestOfRun(row, extent);
      y[outer] = Number.isFinite(max) ? max + Math.log(fast.sumOfExponentials(row, extent, max)) : max;
      continue;
    }
    for (let i = 0; i < inner; i++) {
      const first = outer * extent * inner + i;
      const last = first + extent * inner;
      let max = Number.NEGATIVE_INFINITY;
      for (let at = first; at < last; at += inner) max = Math.max(max, x[at]);
      let sum = 0;
      if (max > Number.NEGATIVE_INFINITY) for (let at = first; at < last; at += inner) sum += Math.exp(x[at] - max);
      y[outer * inner + i] = sum > 0 ? max + Math.log(sum) : max;
    }
  }
});

/** x̄ = ȳ exp(x − y). Items: outer. */
export const logSumExpGradientKernel = defineKernel(
  'log-sum-exp-gradient',
  { arrays: ['x', 'y', 'gradient', 'result'], numbers: ['extent', 'inner'] },
  (begin, end, { x, y, gradient, result }, { extent, inner }) => {
    const fast = inner === 1 && isOnHeap(x) && isOnHeap(result) ? vectorKernels() : null;
    if (fast !== null) {
      for (let row = begin; row < end; row++) {
        const from = 4 * row * extent;
        if (Number.isFinite(y[row])) {
          fast.scaledExponentials(x.byteOffset + from, result.byteOffset + from, extent, y[row], gradient[row]);
        } else result.fill(y[row] === Number.NEGATIVE_INFINITY ? 0 : Number.NaN, row * extent, (row + 1) * extent);
      }
      return;
    }
    for (let at = begin * extent * inner; at < end * extent * inner; at++) {
      const row = Math.floor(at / (extent * inner)) * inner + (at % inner);
      result[at] = y[row] === Number.NEGATIVE_INFINITY ? 0 : gradient[row] * Math.exp(x[at] - y[row]);
    }
  },
);

/** Items: rows. A row of nothing but −∞ becomes zeros. */
export const softmaxKernel = defineKernel(
  'softmax',
  { arrays: ['x', 'y'], numbers: ['columns'] },
  (begin, end, { x, y }, { columns }) => {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
      const from = 4 * begin * columns;
      fast.softmaxRows(x.byteOffset + from, y.byteOffset + from, end - begin, columns);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const last = first + columns;
      let max = Number.NEGATIVE_INFINITY;
      for (let i = first; i < last; i++) max = Math.max(max, x[i]);
      let sum = 0;
      for (let i = first; i < last; i++) {
        const weight = max === Number.NEGATIVE_INFINITY ? 0 : Math.exp(x[i] - max);
        y[i] = weight;
        sum += weight;
      }
      const share = sum === 0 ? 0 : 1 / sum;
      for (let i = first; i < last; i++) y[i] *= share;
    }
  },
);

/** x̄ = y ∘ (ȳ − Σ y ȳ). Items: rows. */
export const softmaxGradientKernel = defineKernel(
  'softmax-gradient',
  { arrays: ['y', 'gradient', 'result'], numbers: ['columns'] },
  (begin, end, { y, gradient, result }, { columns }) => {
    const fast = vectorKernels();
    if (fast !== null && [y, gradient, result].every(isOnHeap)) {
      const [own, g, to] = [y, gradient, result].map(({ byteOffset }) => byteOffset + 4 * begin * columns);
      fast.softmaxGradientRows(own, g, to, end - begin, columns);
      return;
    }
    for (let row = begin; row < end; row++) {
      const first = row * columns;
      const last = first + columns;
      let dot = 0;
      for (let i = first; i < last; i++) dot += y[i] * gradient[i];
      for (let i = first; i < last; i++) result[i] = y[i] * (gradient[i] - dot);
    }
  },
);

/**
 * From source [outer, length, width] by index [outer or 1, count] to result [outer, count, width]; `own`: each outer entry
 * has its own index. Items: rows of the result. A negative index gives a row of zeros.
 */
export const gatherKernel = defineKernel(
  'gather',
  { arrays: ['source', 'index', 'result'], numbers: INDEXED },
  (begin, end, { source, index, result }, { length, width, count, own }) => {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(source) && isOnHeap(result)) {
      const [from, list, to] = [source.byteOffset, index.byteOffset, result.byteOffset];
      fast.gatherRows(from, list, to, begin, end, length, width, count, own);
      return;
    }
    for (let item = begin; item < end; item++) {
      const outer = Math.floor(item / count);
      const row = index[own ? item : item % count];
      const to = item * width;
      if (row < 0) result.fill(0, to, to + width);
      else {
        const from = (outer * length + row) * width;
        for (let i = 0; i < width; i++) result[to + i] = source[from + i];
      }
    }
  },
);

/** Columns of one item of an adjoint gather. A table of embeddings is a single outer entry, yet work for many threads. */
export const SCATTER_COLUMNS = 32;

/**
 * The adjoint of gather: adds rows [outer, count, width] back where they came from, in order, over what was in result [outer,
 * length, width]. Items: outer × blocks of columns.
 */
export const scatterAddKernel = defineKernel(
  'scatter-add',
  { arrays: ['rows', 'index', 'result'], numbers: INDEXED },
  (begin, end, { rows, index, result }, { length, width, count, own }) => {
    const fast = isOnHeap(rows) && isOnHeap(result) ? vectorKernels() : null;
    const blocks = Math.ceil(width / SCATTER_COLUMNS);
    for (let item = begin; item < end; item++) {
      const outer = Math.floor(item / blocks);
      const column = (item % blocks) * SCATTER_COLUMNS;
      const columns = Math.min(SCATTER_COLUMNS, width - column);
      const list = own ? outer * count : 0;
      if (fast !== null) {
        const from = rows.byteOffset + 4 * (outer * count * width + column);
        const to = result.byteOffset + 4 * (outer * length * width + column);
        fast.scatterAdd(from, index.byteOffset + 4 * list, to, length, width, count, columns);
        continue;
      }
      for (let row = 0; row < length; row++) {
        const start = (outer * length + row) * width + column;
        result.fill(0, start, start + columns);
      }
      for (let k = 0; k < count; k++) {
        const row = index[list + k];
        if (row < 0) continue;
        const from = (outer * count + k) * width + column;
        const to = (outer * length + row) * width + column;
        for (let i = 0; i < columns; i++) result[to + i] += rows[from + i];
      }
    }
  },
);

/** Puts rows [outer, count, width] in place; the indices of an outer entry are distinct. Items: rows. */
export const putRowsKernel = defineKernel(
  'put-rows',
  { arrays: ['rows', 'index', 'result'], numbers: INDEXED },
  (begin, end, { rows, index, result }, { length, width, count, own }) => {
    for (let item = begin; item < end; item++) {
      const outer = Math.floor(item / count);
      const row = index[own ? item : item % count];
      const to = (outer * length + row) * width;
      for (let i = 0; i < width; i++) result[to + i] = rows[item * width + i];
    }
  },
);
