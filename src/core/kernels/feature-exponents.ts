/**
 * Runs of exponents beside a run of scales, one for each channel: the inner loops of kernels/feature-attention.ts. Every
 * run is given by its array and the place of its first element. Runs of float32 in the heap have a vector twin,
 * wasm/assembly/feature-exponents.ts.
 */
import type { NumericArray } from '../memory.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** The largest x + y. */
export function largestOfSums(x: NumericArray, atX: number, y: NumericArray, atY: number, count: number): number {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
    return fast.largestOfSums(x.byteOffset + 4 * atX, y.byteOffset + 4 * atY, count);
  }
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) largest = Math.max(largest, x[atX + i] + y[atY + i]);
  return largest;
}

/** y = the larger of y and x + shift. */
export function raiseToSums(
  x: NumericArray,
  atX: number,
  shift: number,
  y: NumericArray,
  atY: number,
  count: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
    fast.raiseToSums(x.byteOffset + 4 * atX, shift, y.byteOffset + 4 * atY, count);
    return;
  }
  for (let i = 0; i < count; i++) {
    const sum = x[atX + i] + shift;
    if (sum > y[atY + i]) y[atY + i] = sum;
  }
}

/** Exponents that rounding has made larger still have a power. */
const HIGHEST = 80;

/** to = e^((x + shift) + sign · y), and the largest exponent; those above HIGHEST count as that. */
export function exponentialsOfSums(
  x: NumericArray,
  atX: number,
  y: NumericArray,
  atY: number,
  sign: 1 | -1,
  shift: number,
  to: NumericArray,
  at: number,
  count: number,
): number {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y) && isOnHeap(to)) {
    const [first, second, target] = [x.byteOffset + 4 * atX, y.byteOffset + 4 * atY, to.byteOffset + 4 * at];
    return fast.exponentialsOfSums(first, second, sign, shift, target, count);
  }
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const exponent = x[atX + i] + shift + sign * y[atY + i];
    largest = Math.max(largest, exponent);
    to[at + i] = Math.exp(Math.min(exponent, HIGHEST));
  }
  return largest;
}

/** Σ x y. */
export function dotOfRuns(x: NumericArray, atX: number, y: NumericArray, atY: number, count: number): number {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
    return fast.dotOfRuns(x.byteOffset + 4 * atX, y.byteOffset + 4 * atY, count);
  }
  let sum = 0;
  for (let i = 0; i < count; i++) sum += x[atX + i] * y[atY + i];
  return sum;
}
