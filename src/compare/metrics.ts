/**
 * Distances of the rows of an approximate attention matrix from the true ones; the errors of outputs are
 * `relativeFrobeniusError` and `maxAbsoluteError` of the oracle. A row is the last axis; all throw ShapeError for different
 * shapes.
 */
import { expectInteger, expectShape } from '../core/errors.ts';
import type { Dense } from '../core/reference.ts';

/** k of the top-k recall that `compare` reports; a row with fewer visible keys is judged by these. */
export const TOP_K = 16;

/**
 * Total-variation distance ½ Σ_j |A_ij − Â_ij| of each row (the last axis is j): 0 for the same rows, 1 for distributions
 * that share no key. Rows with negative weights, or sums above one, can exceed 1.
 */
export function totalVariations(actual: Dense, expected: Dense): Float64Array {
  expectShape('actual', actual.shape, expected.shape, 'to match expected');
  const width = expected.shape[expected.shape.length - 1];
  return Float64Array.from({ length: expected.data.length / width }, (_, row) => {
    let sum = 0;
    for (let n = row * width; n < (row + 1) * width; n++) sum += Math.abs(actual.data[n] - expected.data[n]);
    return sum / 2;
  });
}

/** Their mean over the rows. */
export function meanTotalVariation(actual: Dense, expected: Dense): number {
  return meanOf(totalVariations(actual, expected));
}

/**
 * The share of the k largest weights of each expected row that are among the k largest of the actual one. Only weights
 * above zero rank: a key that is not attended to is never recalled by chance. Of equal weights the earlier key ranks
 * higher. A row that attends to fewer than k keys is judged by those; one that attends to none is NaN.
 */
export function topKRecalls(actual: Dense, expected: Dense, k = TOP_K): Float64Array {
  expectInteger('k', k, 1);
  expectShape('actual', actual.shape, expected.shape, 'to match expected');
  const width = expected.shape[expected.shape.length - 1];
  const largest = largestOfRows(expected, width, k);
  return Float64Array.from(largest, (wanted, row) => {
    if (wanted.length === 0) return Number.NaN;
    const found = new Set(largestWeights(actual.data, row * width, width, wanted.length));
    return wanted.filter((key) => found.has(key)).length / wanted.length;
  });
}

/** Of what many matrices are compared with, one after the other, the largest weights are found once. */
const found = new WeakMap<Dense, { k: number; rows: number[][] }>();

function largestOfRows(matrix: Dense, width: number, k: number): number[][] {
  const known = found.get(matrix);
  if (known?.k === k) return known.rows;
  const count = matrix.data.length / width;
  const rows = Array.from({ length: count }, (_, row) => largestWeights(matrix.data, row * width, width, k));
  found.set(matrix, { k, rows });
  return rows;
}

/** Their mean over the rows that attend to something; 1 if none does. */
export function meanTopKRecall(actual: Dense, expected: Dense, k = TOP_K): number {
  const known = topKRecalls(actual, expected, k).filter((share) => !Number.isNaN(share));
  return known.length === 0 ? 1 : meanOf(known);
}

/**
 * The standard error of a mean over rows of which only a sample was measured: `figures` [groups, sampled], where a group is a
 * head of a batch entry, with NaN for rows that do not count. All groups are sampled at the same positions, so the sample is
 * one of positions, drawn without replacement from `length`. 0 if all were drawn.
 */
export function errorOfMean(figures: Float64Array, sampled: number, length: number): number {
  const byPosition = Array.from({ length: sampled }, (_, position) => {
    const own = figures.filter((figure, at) => at % sampled === position && !Number.isNaN(figure));
    return own.length === 0 ? Number.NaN : meanOf(own);
  }).filter((figure) => !Number.isNaN(figure));
  if (sampled >= length || byPosition.length < 2) return 0;
  const mean = meanOf(byPosition);
  const squares = byPosition.reduce((sum, figure) => sum + (figure - mean) ** 2, 0);
  const variance = squares / (byPosition.length - 1);
  return Math.sqrt((variance / byPosition.length) * (1 - sampled / length));
}

/** The keys of at most k largest weights above zero, the largest first; of equal weights, the earlier first. */
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

/** NaN for an empty list. */
export function meanOf(figures: ArrayLike<number>): number {
  let sum = 0;
  for (let n = 0; n < figures.length; n++) sum += figures[n];
  return sum / figures.length;
}
