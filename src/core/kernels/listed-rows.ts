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
  const fast = vectorKernels();
  const { matrix, first, rows, own, count, width } = listed;
  const { tokens, bounds, at, step, origin, places } = parts;
  if (fast !== null && areOnHeap(listed, parts, numbers)) {
    fast.dotsOfListed(
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
      scale,
    );
    return;
  }
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
  const fast = vectorKernels();
  const { matrix, first, rows, own, count, width } = listed;
  const { tokens, bounds, at, step, origin, places } = parts;
  if (fast !== null && areOnHeap(listed, parts, numbers)) {
    fast.addListedRows(
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
    return;
  }
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
  const fast = vectorKernels();
  const { matrix, first, rows, own, count, width } = listed;
  const { tokens, bounds, at, step, origin, places } = parts;
  if (fast !== null && areOnHeap(listed, parts, numbers)) {
    fast.addToListedRows(
      matrix.byteOffset + 4 * first * width,
      rows.byteOffset + 4 * own * width,
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
    return;
  }
  for (let i = 0; i < count; i++) {
    const shift = i * places - bounds[origin + i * step];
    for (let n = bounds[at + i * step]; n < bounds[at + i * step + 1]; n++) {
      const [row, to, weight] = [(own + i) * width, (first + tokens[n]) * width, factor * numbers[shift + n]];
      for (let c = 0; c < width; c++) matrix[to + c] += weight * rows[row + c];
    }
  }
}

function areOnHeap({ matrix, rows }: ListedRows, { tokens, bounds }: ListParts, numbers: NumericArray): boolean {
  const areLists = tokens.buffer instanceof SharedBuffer && bounds.buffer instanceof SharedBuffer;
  return areLists && isOnHeap(matrix) && isOnHeap(rows) && isOnHeap(numbers);
}
