/**
 * Outputs computed without reading queries or keys, which an approximation has to beat. They are not variants, because they
 * are useless in a model; but an output that is no nearer to full attention gained nothing from reading queries and keys.
 */
import { measureMemory } from '../core/memory.ts';
import { type Dense, maxAbsoluteError, relativeFrobeniusError } from '../core/reference.ts';
import { scope } from '../core/scope.ts';
import { elements, empty, type Tensor, zeros } from '../core/tensor.ts';
import type { AttentionInputs, AttentionShape } from '../variants/variant.ts';
import { zeroUncounted } from './counted.ts';
import { rowFigures, type Subject } from './measure.ts';
import type { BaselineResult } from './result.ts';

export type BaselineName = BaselineResult['baseline'];

/** In the table's order. `zeros` has a relative error of exactly 1 for any input. */
export const BASELINES: readonly BaselineName[] = ['zeros', 'mean of values'];

/** The figures of one baseline, and one pass of it for the stopwatch. */
export interface MeasuredBaseline {
  baseline: BaselineName;
  figures: ReturnType<typeof rowFigures> & Pick<BaselineResult, 'relativeError' | 'maxAbsError' | 'peakBytes'>;
  flops: number;
  forward: () => void;
}

/**
 * Each baseline on the input of a comparison, measured like a cell: `full` is the output of full attention, `rows` are the
 * oracle's rows of its matrix.
 */
export function measureBaselines(
  { inputs, shape, real, rows: positions }: Subject,
  causal: boolean,
  full: { output: Dense; rows: Dense },
): MeasuredBaseline[] {
  const subject = { shape, real, rows: positions };
  return BASELINES.map((baseline) => {
    const attended = (): Tensor => baselineOutput(baseline, inputs, causal);
    const { output, peakBytes } = scope(() => {
      const { result, peakBytes } = measureMemory(attended);
      const numbers = result.toArray() as Float32Array | Float64Array;
      return { output: { shape: result.shape, data: zeroUncounted(numbers, result.shape[3], subject) }, peakBytes };
    });
    return {
      baseline,
      figures: {
        relativeError: relativeFrobeniusError(output, full.output),
        maxAbsError: maxAbsoluteError(output, full.output),
        ...rowFigures(baselineRows(baseline, inputs, causal, positions), full.rows, subject),
        peakBytes,
      },
      flops: baselineFlops(baseline, shape, inputs.values.shape[3], causal),
      forward: () => scope(() => void attended()),
    };
  });
}

/**
 * [batch, heads, queryLength, valueDim]: zeros; or for each query the mean of the values that it may see, zeros where it
 * sees none. Causal inputs have as many queries as keys. The contents of padding are not read.
 */
export function baselineOutput(
  baseline: BaselineName,
  { queries, values, keyMask }: AttentionInputs,
  causal: boolean,
): Tensor {
  const [batch, heads, queryLength] = queries.shape;
  const [, , keyLength, width] = values.shape;
  const extents = [batch, heads, queryLength, width];
  if (baseline === 'zeros') return zeros(extents, values.dtype);
  const output = empty(extents, values.dtype);
  const [from, to] = [elements(values), elements(output)];
  const seen = keyMask === undefined ? null : elements(keyMask);
  for (let head = 0; head < batch * heads; head++) {
    const mask = Math.floor(head / heads) * keyLength;
    const sum = new Float64Array(width);
    let count = 0;
    let next = 0;
    for (let query = 0; query < queryLength; query++) {
      for (const end = causal ? query + 1 : keyLength; next < end; next++) {
        if (seen !== null && seen[mask + next] === 0) continue;
        count++;
        for (let c = 0, at = (head * keyLength + next) * width; c < width; c++, at++) sum[c] += from[at];
      }
      const row = (head * queryLength + query) * width;
      for (let c = 0; c < width; c++) to[row + c] = count === 0 ? 0 : sum[c] / count;
    }
  }
  return output;
}

/** Rows `positions` of the matrix that a baseline implies: [batch, heads, positions.length, keyLength]. */
export function baselineRows(
  baseline: BaselineName,
  { queries, keys, keyMask }: AttentionInputs,
  causal: boolean,
  positions: ArrayLike<number>,
): Dense {
  const [batch, heads] = queries.shape;
  const keyLength = keys.shape[2];
  const shape = [batch, heads, positions.length, keyLength];
  const data = new Float64Array(batch * heads * positions.length * keyLength);
  if (baseline === 'zeros') return { shape, data };
  const seen = keyMask === undefined ? null : elements(keyMask);
  for (let row = 0; row < batch * heads * positions.length; row++) {
    const mask = Math.floor(row / (heads * positions.length)) * keyLength;
    const end = causal ? positions[row % positions.length] + 1 : keyLength;
    let count = 0;
    for (let key = 0; key < end; key++) if (seen === null || seen[mask + key] !== 0) count++;
    for (let key = 0; key < end; key++) {
      if (seen === null || seen[mask + key] !== 0) data[row * keyLength + key] = 1 / count;
    }
  }
  return { shape, data };
}

/** Every value is added once; the sum is divided for every query, or once if all queries see the same keys. */
function baselineFlops(
  baseline: BaselineName,
  { batch, heads, queryLength, keyLength }: AttentionShape,
  width: number,
  causal: boolean,
): number {
  if (baseline === 'zeros') return 0;
  return batch * heads * width * (keyLength + (causal ? queryLength : 1));
}
