/**
 * Rows, and for each of them the rows of a matrix that a list names. On the heap, these loops have a vector twin,
 * wasm/assembly/listed.ts.
 */
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Which rows: `count` of them from the row `own` of `rows` on, and the matrix from the row `first` of its array on. */
export interface ListedRows {
  matrix: NumericArray;
  first: number;
  rows: NumericArray;
  own: number;
  count: number;
  width: number;
}

/** Row i has the entries bounds[at + i · step] to bounds[at + i · step + 1] of `tokens`. */
export interface ListParts {
  tokens: NumericArray;
  bounds: NumericArray;
  at: number;
  step: number;
  /** Where in `bounds` the entry is that the numbers of row 0 begin with, and how far rows of numbers are apart. */
  origin: number;
  places: number;
}

/** numbers ← scale · row · matrix[token], for every entry. */
export function dotsOfListed(listed: ListedRows, parts: ListParts, numbers: NumericArray, scale: number): void {
  if (runVectors('dotsOfListed', listed, parts, numbers, scale)) return;
  const { matrix, first, rows, own, count, width } = listed;
  const { tokens, bounds, at, step, origin, places } = parts;
  for (let i = 0; i < count; i++) {
    const shift = i * places - bounds[origin + i * step];
    for (let n = bounds[at + i * step]; n < bounds[at + i * step + 1]; n++) {
      const [row, from] = [(own + i) * width, (first + tokens[n]) * width];
      let sum = 0;
      for (let c = 0; c < width; c++) sum += rows[row + c] * matrix[from + c];
      numbers[shift + n] = scale * sum;
    }
  }
}

/** row += factor · Σ number · matrix[token], over the entries of the row. */
export function addListedRows(listed: ListedRows, parts: ListParts, numbers: NumericArray, factor: number): void {
  if (runVectors('addListedRows', listed, parts, numbers, factor)) return;
  const { matrix, first, rows, own, count, width } = listed;
  const { tokens, bounds, at, step, origin, places } = parts;
  for (let i = 0; i < count; i++) {
    const shift = i * places - bounds[origin + i * step];
    for (let n = bounds[at + i * step]; n < bounds[at + i * step + 1]; n++) {
      const [row, from, weight] = [(own + i) * width, (first + tokens[n]) * width, factor * numbers[shift + n]];
      for (let c = 0; c < width; c++) rows[row + c] += weight * matrix[from + c];
    }
  }
}

/** matrix[token] += factor · number · row, for every entry. */
export function addToListedRows(listed: ListedRows, parts: ListParts, numbers: NumericArray, factor: number): void {
  if (runVectors('addToListedRows', listed, parts, numbers, factor)) return;
  const { matrix, first, rows, own, count, width } = listed;
  const { tokens, bounds, at, step, origin, places } = parts;
  for (let i = 0; i < count; i++) {
    const shift = i * places - bounds[origin + i * step];
    for (let n = bounds[at + i * step]; n < bounds[at + i * step + 1]; n++) {
      const [row, to, weight] = [(own + i) * width, (first + tokens[n]) * width, factor * numbers[shift + n]];
      for (let c = 0; c < width; c++) matrix[to + c] += weight * rows[row + c];
    }
  }
}

/** Whether the vector twin of a loop could take what is given, and did. */
function runVectors(
  loop: 'dotsOfListed' | 'addListedRows' | 'addToListedRows',
  { matrix, first, rows, own, count, width }: ListedRows,
  { tokens, bounds, at, step, origin, places }: ListParts,
  numbers: NumericArray,
  factor: number,
): boolean {
  const fast = vectorKernels();
  const areLists = tokens.buffer instanceof SharedBuffer && bounds.buffer instanceof SharedBuffer;
  if (fast === null || !areLists || !isOnHeap(matrix) || !isOnHeap(rows) || !isOnHeap(numbers)) return false;
  fast[loop](
    rows.byteOffset + 4 * own * width,
    matrix.byteOffset + 4 * first * width,
    tokens.byteOffset,
    bounds.byteOffset + 4 * at,
    bounds.byteOffset + 4 * origin,
    step,
    numbers.byteOffset,
    places,
    count,
    width,
    factor,
  );
  return true;
}
