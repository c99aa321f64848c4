/**
 * Rows of exponents and a row of scales, one for each channel: the inner loops of kernels/feature-attention.ts. Shifts and
 * results for each row are arrays of the same type. Rows of float32 in the heap have a vector twin,
 * wasm/assembly/feature-exponents.ts.
 */
import type { NumericArray } from '../memory.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import type { Block } from './tile.ts';

/** Exponents that rounding has made slightly larger still have a finite power. */
const HIGHEST = 80;

/** to[r] = the largest x_r + y. */
export function largestOfSums(x: Block, y: NumericArray, to: NumericArray, rows: number, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(y) && isOnHeap(to)) {
    const from = x.data.byteOffset + 4 * x.offset;
    fast.largestOfSums(from, x.rowStride, y.byteOffset, to.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const at = x.offset + r * x.rowStride;
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) largest = Math.max(largest, x.data[at + i] + y[i]);
    to[r] = largest;
  }
}

/** y = the largest of y and all x_r + shift_r. */
export function raiseToSums(x: Block, shifts: NumericArray, y: NumericArray, rows: number, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(y) && isOnHeap(shifts)) {
    const from = x.data.byteOffset + 4 * x.offset;
    fast.raiseToSums(from, x.rowStride, shifts.byteOffset, y.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    if (shifts[r] === Number.NEGATIVE_INFINITY) continue;
    const at = x.offset + r * x.rowStride;
    for (let i = 0; i < count; i++) {
      const sum = x.data[at + i] + shifts[r];
      if (sum > y[i]) y[i] = sum;
    }
  }
}

/**
 * to_r = e^((x_r + shift_r) + sign · y), rows one after another; zeros for a shift of −∞. Stops before a row r > 0 with an
 * exponent above `reach`, and returns how many rows there are.
 */
export function exponentialsOfSums(
  x: Block,
  y: NumericArray,
  sign: 1 | -1,
  shifts: NumericArray,
  to: NumericArray,
  rows: number,
  count: number,
  reach = Number.POSITIVE_INFINITY,
): number {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(y) && isOnHeap(shifts) && isOnHeap(to)) {
    const from = x.data.byteOffset + 4 * x.offset;
    const [scales, lists, target] = [y.byteOffset, shifts.byteOffset, to.byteOffset];
    return fast.exponentialsOfSums(from, x.rowStride, scales, sign, lists, target, rows, count, reach);
  }
  for (let r = 0; r < rows; r++) {
    if (shifts[r] === Number.NEGATIVE_INFINITY) {
      to.fill(0, r * count, (r + 1) * count);
      continue;
    }
    const at = x.offset + r * x.rowStride;
    let largest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const exponent = x.data[at + i] + shifts[r] + sign * y[i];
      largest = Math.max(largest, exponent);
      to[r * count + i] = Math.exp(Math.min(exponent, HIGHEST));
    }
    if (largest > reach && r > 0) return r;
  }
  return rows;
}

/** to[r] = x_r · y, for rows one after another. */
export function dotsOfRows(x: NumericArray, y: NumericArray, to: NumericArray, rows: number, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y) && isOnHeap(to)) {
    fast.dotsOfRows(x.byteOffset, y.byteOffset, to.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let i = 0; i < count; i++) sum += x[r * count + i] * y[i];
    to[r] = sum;
  }
}

/** x_r = x_r ∘ by_r, where rows of `by` are one after another; zeros for a shift of −∞, whatever x_r holds. */
export function multiplyRows(x: Block, by: NumericArray, shifts: NumericArray, rows: number, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(by) && isOnHeap(shifts)) {
    const to = x.data.byteOffset + 4 * x.offset;
    fast.multiplyRows(to, x.rowStride, by.byteOffset, shifts.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const at = x.offset + r * x.rowStride;
    const isThere = shifts[r] !== Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) x.data[at + i] = isThere ? x.data[at + i] * by[r * count + i] : 0;
  }
}

/** x_r = shares[r] x_r. */
export function scaleRows(x: Block, shares: NumericArray, rows: number, count: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(shares)) {
    fast.scaleRows(x.data.byteOffset + 4 * x.offset, x.rowStride, shares.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const at = x.offset + r * x.rowStride;
    for (let i = at; i < at + count; i++) x.data[i] *= shares[r];
  }
}

/** y[at + i] += Σ_r weights[r] x_r[i], for rows one after another. */
export function addWeightedRows(
  x: NumericArray,
  weights: NumericArray,
  y: NumericArray,
  at: number,
  rows: number,
  count: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(weights) && isOnHeap(y)) {
    fast.addWeightedRows(x.byteOffset, weights.byteOffset, y.byteOffset + 4 * at, rows, count);
    return;
  }
  for (let i = 0; i < count; i++) {
    let sum = y[at + i];
    for (let r = 0; r < rows; r++) sum += weights[r] * x[r * count + i];
    y[at + i] = sum;
  }
}

/** Rows of x, one after another: to_r = own[r] to_r + kept[r] from_r. */
export function mixRows(
  x: NumericArray,
  to: number,
  own: NumericArray,
  from: number,
  kept: NumericArray,
  rows: number,
  count: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(own) && isOnHeap(kept)) {
    const [target, source] = [x.byteOffset + 4 * to, x.byteOffset + 4 * from];
    fast.mixTwoRows(target, own.byteOffset, source, kept.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    for (let i = r * count; i < (r + 1) * count; i++) x[to + i] = own[r] * x[to + i] + kept[r] * x[from + i];
  }
}
