/**
 * The inner loops of kernels/feature-attention.ts for φ(x) = elu(x) + 1 = e^min(x, 0) (1 + max(x, 0)), from x itself: no logarithm of
 * a feature is stored, and one exp is taken of each. Rows of float32 in the heap have a vector twin, wasm/assembly/feature-elu.ts,
 * which takes logarithms within 0.06: they are only for scales.
 */
import { HIGHEST } from './feature-exponents.ts';
import type { FeatureMap } from './feature-maps.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

const logOf = (x: number): number => (x > 0 ? Math.log1p(x) : x);

export const ELU_PLUS_ONE: FeatureMap = {
  logOf,

  largestOfSums(x, y, to, rows, count) {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x.data) && isOnHeap(y) && isOnHeap(to)) {
      const from = x.data.byteOffset + 4 * x.offset;
      fast.largestOfEluSums(from, x.rowStride, y.byteOffset, to.byteOffset, rows, count);
      return;
    }
    for (let r = 0; r < rows; r++) {
      const at = x.offset + r * x.rowStride;
      let largest = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < count; i++) largest = Math.max(largest, logOf(x.data[at + i]) + y[i]);
      to[r] = largest;
    }
  },

  raiseToSums(x, shifts, y, rows, count) {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x.data) && isOnHeap(shifts) && isOnHeap(y)) {
      const from = x.data.byteOffset + 4 * x.offset;
      fast.raiseToEluSums(from, x.rowStride, shifts.byteOffset, y.byteOffset, rows, count);
      return;
    }
    for (let r = 0; r < rows; r++) {
      if (shifts[r] === Number.NEGATIVE_INFINITY) continue;
      const at = x.offset + r * x.rowStride;
      for (let i = 0; i < count; i++) {
        const sum = logOf(x.data[at + i]) + shifts[r];
        if (sum > y[i]) y[i] = sum;
      }
    }
  },

  powersOfSums(x, y, sign, shifts, to, rows, count, reach = Number.POSITIVE_INFINITY) {
    const fast = vectorKernels();
    const most = Math.exp(reach);
    if (fast !== null && isOnHeap(x.data) && isOnHeap(y) && isOnHeap(shifts) && isOnHeap(to)) {
      const from = x.data.byteOffset + 4 * x.offset;
      const [scales, lists, target] = [y.byteOffset, shifts.byteOffset, to.byteOffset];
      return fast.powersOfElu(from, x.rowStride, scales, sign, lists, target, rows, count, most);
    }
    for (let r = 0; r < rows; r++) {
      if (shifts[r] === Number.NEGATIVE_INFINITY) {
        to.fill(0, r * count, (r + 1) * count);
        continue;
      }
      const at = x.offset + r * x.rowStride;
      let largest = 0;
      for (let i = 0; i < count; i++) {
        const each = x.data[at + i];
        const exponent = Math.min(each, 0) + shifts[r] + sign * y[i];
        const power = Math.exp(Math.min(exponent, HIGHEST)) * (1 + Math.max(each, 0));
        largest = Math.max(largest, power);
        to[r * count + i] = power;
      }
      if (largest > most && r > 0) return r;
    }
    return rows;
  },

  // φ′(x) = e^min(x, 0) is φ(x) over its second factor.
  multiplySlopes(target, by, x, shifts, rows, count) {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(target.data) && isOnHeap(by) && isOnHeap(x.data) && isOnHeap(shifts)) {
      const [to, from] = [target, x].map(({ data, offset }) => data.byteOffset + 4 * offset);
      const lists = shifts.byteOffset;
      fast.multiplyEluSlopes(to, target.rowStride, by.byteOffset, from, x.rowStride, lists, rows, count);
      return;
    }
    for (let r = 0; r < rows; r++) {
      const at = target.offset + r * target.rowStride;
      const from = x.offset + r * x.rowStride;
      const isThere = shifts[r] !== Number.NEGATIVE_INFINITY;
      for (let i = 0; i < count; i++) {
        const share = by[r * count + i] / (1 + Math.max(x.data[from + i], 0));
        target.data[at + i] = isThere ? target.data[at + i] * share : 0;
      }
    }
  },
};
