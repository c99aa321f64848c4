/**
 * Sums over rows of features, for kernels/feature-attention.ts. Rows of float32 in the heap have a vector twin,
 * wasm/assembly/feature-exponents.ts.
 */
import type { NumericArray } from '../memory.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import type { Block } from './tile.ts';

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
