/** The rows of attention before any key is met. */
import type { NumericArray } from '../memory.ts';
import { elements, type Tensor } from '../tensor.ts';

/** Sets the rows before the first set. True if the first set has to be joined to them. */
export function beginRows(
  sinks: Tensor | undefined,
  output: NumericArray,
  logSumExp: NumericArray,
  largest: NumericArray,
  sums: NumericArray,
  queryLength: number,
): boolean {
  largest.fill(Number.NEGATIVE_INFINITY);
  sums.fill(0);
  if (sinks === undefined) return false;
  const scores = elements(sinks);
  output.fill(0);
  logSumExp.fill(Number.NEGATIVE_INFINITY);
  for (let row = 0; row < logSumExp.length; row++) {
    const score = scores[Math.floor(row / queryLength) % scores.length];
    if (score === Number.NEGATIVE_INFINITY) continue;
    logSumExp[row] = score;
    largest[row] = score;
    sums[row] = 1;
  }
  return true;
}
