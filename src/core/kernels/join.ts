/**
 * One attention from attentions over disjoint sets of keys: o_i = Σ_p s_ip o_ip with the shares s_ip = exp(lse_ip −
 * lse_i), lse_i = log Σ_p exp lse_ip. Items are rows.
 */
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import { defineKernel, type KernelArrays } from './kernel.ts';
import { Scratch, scratchInt32 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** The parts that one pass can join: the names of their outputs and log-sum-exps, and of the gradients of both. */
export const OUTPUTS = ['output1', 'output2', 'output3', 'output4', 'output5'] as const;
export const LOG_SUM_EXPS = ['logSumExp1', 'logSumExp2', 'logSumExp3', 'logSumExp4', 'logSumExp5'] as const;
export const OF_OUTPUTS = ['ofOutput1', 'ofOutput2', 'ofOutput3', 'ofOutput4', 'ofOutput5'] as const;
export const OF_LOG_SUM_EXPS = [
  'ofLogSumExp1',
  'ofLogSumExp2',
  'ofLogSumExp3',
  'ofLogSumExp4',
  'ofLogSumExp5',
] as const;
export const MOST_PARTS = OUTPUTS.length;

/** The arrays of the parts that are present. */
function partsOf<Name extends string>(
  arrays: KernelArrays<never, Name>,
  names: readonly Name[],
  parts: number,
): NumericArray[] {
  return names.slice(0, parts).map((name) => arrays[name] as NumericArray);
}

const scratch = new Scratch();
let pointers: Int32Array | null = null;

/** The addresses of the arrays, for the vector kernels; null where the plain loops have to run. */
function tableOf(arrays: readonly NumericArray[]) {
  const fast = vectorKernels();
  if (fast === null || !arrays.every(isOnHeap)) return null;
  pointers ??= scratchInt32(4 * MOST_PARTS + 4);
  const shares = scratch.get('shares', arrays[0], MOST_PARTS);
  if (!isOnHeap(shares) || !(pointers.buffer instanceof SharedBuffer)) return null;
  for (let n = 0; n < arrays.length; n++) pointers[n] = arrays[n].byteOffset;
  return { fast, pointers: pointers.byteOffset, shares: shares.byteOffset };
}

export const joinKernel = defineKernel(
  'join',
  { arrays: ['output', 'logSumExp'], optional: [...OUTPUTS, ...LOG_SUM_EXPS], numbers: ['parts', 'width'] },
  (begin, end, arrays, { parts, width }) => {
    const { output, logSumExp } = arrays;
    const outputs = partsOf(arrays, OUTPUTS, parts);
    const logSumExps = partsOf(arrays, LOG_SUM_EXPS, parts);
    const table = tableOf([...outputs, ...logSumExps, output, logSumExp]);
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
        // A part with a share of 0 may hold anything, even NaN where a query met no key.
        if (shares[p] !== 0) addScaled(output, outputs[p], shares[p], start, width);
      }
    }
  },
);

/**
 * `both`: there is a gradient of the log-sum-exp.
 *
 *     ∂o_p = s_p ∂o        ∂lse_p = s_p (∂o · (o_p − o) + ∂lse)
 */
export const joinGradientKernel = defineKernel(
  'join-gradient',
  {
    arrays: ['output', 'logSumExp', 'gradient', 'logSumExpGradient'],
    optional: [...OUTPUTS, ...LOG_SUM_EXPS, ...OF_OUTPUTS, ...OF_LOG_SUM_EXPS],
    numbers: ['parts', 'width', 'both'],
  },
  (begin, end, arrays, { parts, width, both }) => {
    const { output, logSumExp, gradient, logSumExpGradient } = arrays;
    const outputs = partsOf(arrays, OUTPUTS, parts);
    const logSumExps = partsOf(arrays, LOG_SUM_EXPS, parts);
    const ofOutputs = partsOf(arrays, OF_OUTPUTS, parts);
    const ofLogSumExps = partsOf(arrays, OF_LOG_SUM_EXPS, parts);
    const given = [...outputs, ...logSumExps, output, logSumExp, gradient, logSumExpGradient];
    const table = tableOf([...given, ...ofOutputs, ...ofLogSumExps]);
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
        ofOutputs[p].fill(0, start, start + width);
        ofLogSumExps[p][row] = 0;
        if (share === 0) continue;
        addScaled(ofOutputs[p], gradient, share, start, width);
        const slope = dot(gradient, outputs[p], start, width) - along + (both ? logSumExpGradient[row] : 0);
        ofLogSumExps[p][row] = share * slope;
      }
    }
  },
);

/**
 * Fills in the parts' shares of a row and returns the log-sum-exp of all. The shares add up to 1 whatever the scale:
 * relative to the log-sum-exp itself, which is rounded, they would not add up to 1 where it is large.
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
