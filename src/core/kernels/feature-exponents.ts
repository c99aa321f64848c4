/**
 * The inner loops of kernels/feature-attention.ts for φ(x) = e^x: rows of exponents, and a row of scales, one for each channel. Rows
 * of float32 in the heap have a vector twin, wasm/assembly/feature-exponents.ts.
 */
import type { FeatureMap } from './feature-maps.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Exponents that rounding has made slightly larger still have a finite power. */
export const HIGHEST = 80;

export const EXPONENTIALS: FeatureMap = {
  logOf: (x) => x,

  largestOfSums(x, y, to, rows, count) {
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
  },

  raiseToSums(x, shifts, y, rows, count) {
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
  },

  powersOfSums(x, y, sign, shifts, to, rows, count, reach = Number.POSITIVE_INFINITY) {
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
  },

  // exp is its own derivative.
  multiplySlopes(target, by, _x, shifts, rows, count) {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(target.data) && isOnHeap(by) && isOnHeap(shifts)) {
      const to = target.data.byteOffset + 4 * target.offset;
      fast.multiplyRows(to, target.rowStride, by.byteOffset, shifts.byteOffset, rows, count);
      return;
    }
    for (let r = 0; r < rows; r++) {
      const at = target.offset + r * target.rowStride;
      const isThere = shifts[r] !== Number.NEGATIVE_INFINITY;
      for (let i = at; i < at + count; i++) target.data[i] = isThere ? target.data[i] * by[i - at + r * count] : 0;
    }
  },
};
