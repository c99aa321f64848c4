/** Sums of rows of a table with weights of their own, and what their gradients need: no row is copied. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { addListedRows, dotsOfListed, type ListedRows, type ListParts } from './listed-rows.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/**
 * For `weights` and `index` of [rows, count] and `table` [length, width]: row t of `result` [rows, width] is the sum of rows
 * index[t, c] of the table times weights[t, c]. `bounds` is what `listsOf` reads. Items: rows.
 */
export const weightedRowsKernel = defineKernel(
  'weighted-rows',
  { arrays: ['weights', 'table', 'index', 'bounds', 'result'], numbers: ['rows', 'width'] },
  (begin, end, { weights, table, index, bounds, result }, { rows, width }) => {
    result.fill(0, begin * width, end * width);
    const { listed, parts } = listsOf(begin, end, { table, index, bounds, own: result }, rows, width);
    addListedRows(listed, parts, weights, 1);
  },
);

/** The gradient by weights, from that of the result: `ofWeights` [rows, count]. Items: rows. */
export const weightedRowsWeightsKernel = defineKernel(
  'weighted-rows-weights',
  { arrays: ['gradient', 'table', 'index', 'bounds', 'ofWeights'], numbers: ['rows', 'width'] },
  (begin, end, { gradient, table, index, bounds, ofWeights }, { rows, width }) => {
    const { listed, parts } = listsOf(begin, end, { table, index, bounds, own: gradient }, rows, width);
    dotsOfListed(listed, parts, ofWeights, 1);
  },
);

type Arrays = Record<'table' | 'index' | 'bounds' | 'own', NumericArray>;

/** Rows begin … end − 1 with their lists: `bounds` is where each begins, rows + 1 numbers, and as many zeros. */
function listsOf(
  begin: number,
  end: number,
  { table, index, bounds, own }: Arrays,
  rows: number,
  width: number,
): { listed: ListedRows; parts: ListParts } {
  return {
    listed: { matrix: table, first: 0, rows: own, own: begin, count: end - begin, width },
    // Numbers of a row begin where its list does: no row of them is shifted.
    parts: { tokens: index, bounds, at: begin, step: 1, origin: rows + 1 + begin, places: 0 },
  };
}

/** Columns of one item: no two items write one number. */
export const TABLE_COLUMNS = 32;

/** The gradient by the table, `ofTable` [length, width], in the order of rows. Items: blocks of columns. */
export const weightedRowsTableKernel = defineKernel(
  'weighted-rows-table',
  { arrays: ['gradient', 'weights', 'index', 'ofTable'], numbers: ['rows', 'count', 'width', 'length'] },
  (begin, end, { gradient, weights, index, ofTable }, { rows, count, width, length }) => {
    const fast = [gradient, weights, ofTable].every(isOnHeap) ? vectorKernels() : null;
    for (let item = begin; item < end; item++) {
      const column = item * TABLE_COLUMNS;
      const columns = Math.min(TABLE_COLUMNS, width - column);
      if (fast !== null) {
        const [from, to] = [gradient, ofTable].map((each) => each.byteOffset + 4 * column);
        fast.scatterWeighted(from, weights.byteOffset, index.byteOffset, to, length, width, rows, count, columns);
        continue;
      }
      for (let row = 0; row < length; row++) ofTable.fill(0, row * width + column, row * width + column + columns);
      for (let at = 0; at < rows * count; at++) {
        const [from, to] = [Math.floor(at / count) * width + column, index[at] * width + column];
        for (let i = 0; i < columns; i++) ofTable[to + i] += weights[at] * gradient[from + i];
      }
    }
  },
);
