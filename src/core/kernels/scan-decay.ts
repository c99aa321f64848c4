/**
 * Rows of a chunk and states that decay. `sums` are the logarithms of decays so far, a float64 for each place of the chunk;
 * `exponents` have one for each channel too, in the type of the rows. Those of float32 in the heap have a vector twin,
 * wasm/assembly/scan-decay.ts.
 */
import type { NumericArray } from '../memory.ts';
import { scaleRows } from './feature-rows.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';
import type { Block } from './tile.ts';

/** to_r = e^(sign (sums_r − base)) x_r, rows of `to` one after another. */
export function decayRows(
  x: Block,
  sums: Float64Array,
  base: number,
  sign: 1 | -1,
  to: NumericArray,
  rows: number,
  count: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(to) && isInHeap(sums)) {
    const from = x.data.byteOffset + 4 * x.offset;
    fast.decayRows(from, x.rowStride, sums.byteOffset, base, sign, to.byteOffset, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const factor = Math.exp(sign * (sums[r] - base));
    const at = x.offset + r * x.rowStride;
    for (let c = 0; c < count; c++) to[r * count + c] = factor * x.data[at + c];
  }
}

/** to_r = e^(sign · exponents_r) ∘ x_r, rows of exponents one after another; `to` may be x. */
export function raiseRows(
  x: Block,
  exponents: NumericArray,
  sign: 1 | -1,
  to: Block,
  rows: number,
  count: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(x.data) && isOnHeap(to.data) && isOnHeap(exponents)) {
    const from = x.data.byteOffset + 4 * x.offset;
    const target = to.data.byteOffset + 4 * to.offset;
    fast.raiseRows(from, x.rowStride, exponents.byteOffset, sign, target, to.rowStride, rows, count);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const [at, target] = [x.offset + r * x.rowStride, to.offset + r * to.rowStride];
    for (let c = 0; c < count; c++) to.data[target + c] = Math.exp(sign * exponents[r * count + c]) * x.data[at + c];
  }
}

/** Each row of a state times its factor. What is forgotten is gone, even if it was not finite. */
export function decayState(state: Block, factors: NumericArray, rows: number, count: number): void {
  let kept = 0;
  for (let r = 0; r < rows; r++) {
    if (factors[r] === 1) kept++;
    const start = state.offset + r * state.rowStride;
    if (factors[r] === 0) state.data.fill(0, start, start + count);
  }
  if (kept < rows) scaleRows(state, factors, rows, count);
}
