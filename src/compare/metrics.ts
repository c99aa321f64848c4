/**
 * How far the rows of an approximate attention matrix are from the true ones; the errors of outputs are
 * `relativeFrobeniusError` and `maxAbsoluteError` of the oracle. A row is the last axis; all throw ShapeError for
 * different shapes.
 */
import { expectInteger, expectShape } from '../core/errors.ts';
import type { Dense } from '../core/reference.ts';

/** k of the top-k recall that `compare` reports; a row with fewer visible keys is judged by those it has. */
export const TOP_K = 16;

/**
 * Total-variation distance ½ Σ_j |A_ij − Â_ij|, mean over the rows (the last axis is j): 0 for the same rows, 1 for
 * distributions that share no key. Rows with negative weights, or sums above one, can exceed 1.
 */
export function meanTotalVariation(actual: Dense, expected: Dense): number {
  expectShape('actual', actual.shape, expected.shape, 'to match expected');
  let sum = 0;
  for (let n = 0; n < expected.data.length; n++) sum += Math.abs(actual.data[n] - expected.data[n]);
  return sum / 2 / rowCount(expected);
}

/**
 * The share of the k largest weights of an expected row that are among the k largest of the actual one, mean over the
 * rows. Only weights above zero rank: a key that is not attended to is never recalled by chance. Of equal weights the
 * earlier key ranks higher. A row that attends to fewer than k keys is judged by those; one that attends to none
 * is left out (1 if all are).
 */
export function meanTopKRecall(actual: Dense, expected: Dense, k = TOP_K): number {
  expectInteger('k', k, 1);
  expectShape('actual', actual.shape, expected.shape, 'to match expected');
  const width = expected.shape[expected.shape.length - 1];
  let sum = 0;
  let counted = 0;
  for (let start = 0; start < expected.data.length; start += width) {
    const wanted = largestWeights(expected.data, start, width, k);
    if (wanted.length === 0) continue;
    const found = new Set(largestWeights(actual.data, start, width, wanted.length));
    sum += wanted.filter((key) => found.has(key)).length / wanted.length;
    counted++;
  }
  return counted === 0 ? 1 : sum / counted;
}

/** Keys of the at most k largest weights above zero, largest first, of equal ones the earlier first. */
function largestWeights(weights: ArrayLike<number>, start: number, width: number, k: number): number[] {
  const keys: number[] = [];
  for (let key = 0; key < width; key++) {
    const weight = weights[start + key];
    if (!(weight > 0)) continue;
    if (keys.length === k && weight <= weights[start + keys[k - 1]]) continue;
    let place = keys.length;
    while (place > 0 && weights[start + keys[place - 1]] < weight) place--;
    keys.splice(place, 0, key);
    if (keys.length > k) keys.pop();
  }
  return keys;
}

function rowCount({ shape, data }: Dense): number {
  return data.length / shape[shape.length - 1];
}
