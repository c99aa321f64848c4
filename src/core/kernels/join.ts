/**
 * One attention from attentions over disjoint sets of keys: o_i = Σ_p s_ip o_ip with the shares s_ip = exp(lse_ip −
 * lse_i), lse_i = log Σ_p exp lse_ip. Items are rows.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { Scratch, scratchInt32 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** The most parts, and arrays, that the vector kernels are told of at once. */
const MOST_PARTS = 32;
const scratch = new Scratch();
let pointers: Int32Array | null = null;

/** Where the arrays lie, for the vector kernels; null where the plain loops have to run. */
function tableOf(arrays: readonly NumericArray[], parts: number) {
  const fast = vectorKernels();
  if (fast === null || parts > MOST_PARTS || !arrays.every(isOnHeap)) return null;
  pointers ??= scratchInt32(4 * MOST_PARTS + 4);
  const shares = scratch.get('shares', arrays[0], MOST_PARTS);
  if (!isOnHeap(shares) || !(pointers.buffer instanceof SharedArrayBuffer)) return null;
  for (let n = 0; n < arrays.length; n++) pointers[n] = arrays[n].byteOffset;
  return { fast, pointers: pointers.byteOffset, shares: shares.byteOffset };
}

/** arrays: the outputs of the parts, their log-sum-exps, output, log-sum-exp; numbers: parts, width. */
export const joinKernel = defineKernel('join', (begin, end, arrays, [parts, width]) => {
  const outputs = arrays.slice(0, parts);
  const logSumExps = arrays.slice(parts, 2 * parts);
  const [output, logSumExp] = arrays.slice(2 * parts);
  const table = tableOf(arrays, parts);
  if (table !== null) {
    table.fast.joinRows(table.pointers, parts, width, begin, end, table.shares);
    return;
  }
  const shares = new Float64Array(parts);
  for (let row = begin; row < end; row++) {
    logSumExp[row] = shareOut(logSumExps, row, shares);
    const start = row * width;
    output.fill(0, start, start + width);
    for (let p = 0; p < parts; p++) {
      // What counts for nothing may be anything, even NaN where a query met no key.
      if (shares[p] !== 0) addScaled(output, outputs[p], shares[p], start, width);
    }
  }
});

/**
 * arrays: the outputs of the parts, their log-sum-exps, output, log-sum-exp, their gradients, then the gradients of the
 * parts' outputs and of their log-sum-exps; numbers: parts, width, whether there is a gradient of the log-sum-exp.
 *
 *     ∂o_p = s_p ∂o        ∂lse_p = s_p (∂o · (o_p − o) + ∂lse)
 */
export const joinGradientKernel = defineKernel('join-gradient', (begin, end, arrays, [parts, width, both]) => {
  const outputs = arrays.slice(0, parts);
  const logSumExps = arrays.slice(parts, 2 * parts);
  const [output, , gradient, logSumExpGradient] = arrays.slice(2 * parts, 2 * parts + 4);
  const results = arrays.slice(2 * parts + 4);
  const table = tableOf(arrays, parts);
  if (table !== null) {
    table.fast.joinGradientRows(table.pointers, parts, width, both, begin, end, table.shares);
    return;
  }
  const shares = new Float64Array(parts);
  for (let row = begin; row < end; row++) {
    const start = row * width;
    const along = dot(gradient, output, start, width);
    shareOut(logSumExps, row, shares);
    for (let p = 0; p < parts; p++) {
      const share = shares[p];
      results[p].fill(0, start, start + width);
      results[parts + p][row] = 0;
      if (share === 0) continue;
      addScaled(results[p], gradient, share, start, width);
      const slope = dot(gradient, outputs[p], start, width) - along + (both ? logSumExpGradient[row] : 0);
      results[parts + p][row] = share * slope;
    }
  }
});

/**
 * Fills in the parts' shares of a row and returns the log-sum-exp of all. The shares add up to 1 whatever the scale:
 * relative to the log-sum-exp itself, which is rounded, they would not where it is large.
 */
function shareOut(logSumExps: readonly NumericArray[], row: number, shares: Float64Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const each of logSumExps) largest = Math.max(largest, each[row]);
  if (largest === Number.NEGATIVE_INFINITY) {
    shares.fill(0);
    return largest;
  }
  let sum = 0;
  for (let p = 0; p < shares.length; p++) {
    shares[p] = Math.exp(logSumExps[p][row] - largest);
    sum += shares[p];
  }
  for (let p = 0; p < shares.length; p++) shares[p] /= sum;
  return largest + Math.log(sum);
}

function addScaled(target: NumericArray, source: NumericArray, factor: number, start: number, width: number): void {
  for (let c = start; c < start + width; c++) target[c] += factor * source[c];
}

function dot(a: NumericArray, b: NumericArray, start: number, width: number): number {
  let sum = 0;
  for (let c = start; c < start + width; c++) sum += a[c] * b[c];
  return sum;
}
