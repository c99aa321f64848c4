/** One row and the rows of a matrix that a list names. On the heap, these loops have a vector twin, wasm/assembly/listed.ts. */
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Rows of `width` numbers: `matrix` begins at row `first` of its array, and the one row at `at` of its own. */
export interface ListedRows {
  matrix: NumericArray;
  first: number;
  row: NumericArray;
  at: number;
  width: number;
}

const isShared = (list: NumericArray): boolean => list.buffer instanceof SharedBuffer;

/** to[place + n] = scale · row · matrix[list[begin + n]]. */
export function dotsOfListed(
  { matrix, first, row, at, width }: ListedRows,
  list: NumericArray,
  begin: number,
  end: number,
  to: NumericArray,
  place: number,
  scale: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(matrix) && isOnHeap(row) && isOnHeap(to) && isShared(list)) {
    const from = matrix.byteOffset + 4 * first * width;
    const [own, tokens, result] = [row.byteOffset + 4 * at, list.byteOffset + 4 * begin, to.byteOffset + 4 * place];
    fast.dotsOfListed(own, from, tokens, result, end - begin, width, scale);
    return;
  }
  for (let n = begin; n < end; n++) {
    const from = (first + list[n]) * width;
    let sum = 0;
    for (let c = 0; c < width; c++) sum += row[at + c] * matrix[from + c];
    to[place + n - begin] = scale * sum;
  }
}

/** row += factor · Σ_n weights[place + n] · matrix[list[begin + n]]. */
export function addListedRows(
  { matrix, first, row, at, width }: ListedRows,
  list: NumericArray,
  begin: number,
  end: number,
  weights: NumericArray,
  place: number,
  factor: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(matrix) && isOnHeap(row) && isOnHeap(weights) && isShared(list)) {
    const from = matrix.byteOffset + 4 * first * width;
    const [own, tokens, ofRows] = [
      row.byteOffset + 4 * at,
      list.byteOffset + 4 * begin,
      weights.byteOffset + 4 * place,
    ];
    fast.addListedRows(own, from, tokens, ofRows, end - begin, width, factor);
    return;
  }
  for (let n = begin; n < end; n++) {
    const from = (first + list[n]) * width;
    const weight = factor * weights[place + n - begin];
    for (let c = 0; c < width; c++) row[at + c] += weight * matrix[from + c];
  }
}

/** matrix[list[begin + n]] += factor · weights[place + n] · row. */
export function addToListedRows(
  { matrix, first, row, at, width }: ListedRows,
  list: NumericArray,
  begin: number,
  end: number,
  weights: NumericArray,
  place: number,
  factor: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(matrix) && isOnHeap(row) && isOnHeap(weights) && isShared(list)) {
    const to = matrix.byteOffset + 4 * first * width;
    const [own, tokens, ofRows] = [
      row.byteOffset + 4 * at,
      list.byteOffset + 4 * begin,
      weights.byteOffset + 4 * place,
    ];
    fast.addToListedRows(to, own, tokens, ofRows, end - begin, width, factor);
    return;
  }
  for (let n = begin; n < end; n++) {
    const to = (first + list[n]) * width;
    const weight = factor * weights[place + n - begin];
    for (let c = 0; c < width; c++) matrix[to + c] += weight * row[at + c];
  }
}
