/** The end of a tile of queries: its rows are divided by the sums of their weights and joined to the keys met before. */
import type { NumericArray } from '../memory.ts';
import type { Side } from './attention-side.ts';
import { TILE } from './attention-side.ts';
import type { KernelArrays } from './kernel.ts';
import type { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';

const scratch = new Scratch();

/** Writes the rows of a tile, whose head begins at row `start`; with `goesOn` joined to the sets of keys before. */
export function finishRows(
  queries: Side,
  softmax: OnlineSoftmax,
  start: number,
  sum: NumericArray,
  width: number,
  { output, logSumExp, largest, sums }: KernelArrays<'output' | 'logSumExp' | 'largest' | 'sums'>,
  goesOn: boolean,
): void {
  const { count, tokens } = queries;
  const isFast = isOnHeap(sum) && isOnHeap(output) && isOnHeap(logSumExp) && isOnHeap(largest) && isOnHeap(sums);
  const fast = !goesOn && isFast ? vectorKernels() : null;
  if (fast !== null && isInHeap(tokens)) {
    const [highest, totals] = softmax.places;
    const at = 4 * start;
    fast.finishRows(
      tokens.byteOffset,
      count,
      highest.byteOffset,
      totals.byteOffset,
      sum.byteOffset,
      width,
      output.byteOffset + at * width,
      logSumExp.byteOffset + at,
      largest.byteOffset + at,
      sums.byteOffset + at,
    );
    return;
  }
  const old = scratch.get('old', sum, TILE);
  const fresh = scratch.get('fresh', sum, TILE);
  for (let i = 0; i < count; i++) {
    const row = start + tokens[i];
    let top = softmax.largest(i);
    let total = softmax.sum(i);
    old[i] = 0;
    fresh[i] = total === 0 ? 0 : 1 / total;
    if (goesOn && sums[row] !== 0) {
      const highest = Math.max(top, largest[row]);
      const before = sums[row] * Math.exp(largest[row] - highest);
      const now = total === 0 ? 0 : Math.exp(top - highest);
      top = highest;
      total = before + now * total;
      old[i] = before / total;
      fresh[i] = now / total;
    }
    logSumExp[row] = total === 0 ? Number.NEGATIVE_INFINITY : top + Math.log(total);
    largest[row] = top;
    sums[row] = total;
  }
  queries.mixRows(output, start, width, sum, old, fresh);
}
