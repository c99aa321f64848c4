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
  const variations = new Float64Array(expected.data.length / width);
  const [these, those] = [actual.data, expected.data];
  for (let row = 0; row < variations.length; row++) {
    let sum = 0;
    for (let n = row * width; n < (row + 1) * width; n++) sum += Math.abs(these[n] - those[n]);
    variations[row] = sum / 2;
  }
  return variations;
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
  const wanted = largestOfRows(expected, width, k);
  const recalls = new Float64Array(wanted.counts.length);
  const room = { keys: new Int32Array(k), weights: new Float64Array(k), before: new Int32Array(k) };
  for (let row = 0; row < recalls.length; row++) {
    const most = wanted.counts[row];
    const own = wanted.keys.subarray(row * k, row * k + most);
    recalls[row] = most === 0 ? Number.NaN : amongLargest(actual.data, row * width, width, own, room) / most;
  }
  return recalls;
}

/**
 * How many of so many `wanted` keys are among as many largest weights above zero: those before which fewer than so many rank. Once
 * one has too many before it, only what ranks before the next one matters.
 */
function amongLargest(
  row: ArrayLike<number>,
  start: number,
  width: number,
  wanted: Int32Array,
  { keys, weights, before }: { keys: Int32Array; weights: Float64Array; before: Int32Array },
): number {
  let count = 0;
  for (let n = 0; n < wanted.length; n++) {
    const key = wanted[n];
    const weight = row[start + key];
    if (!(weight > 0)) continue;
    let place = count++;
    for (
      ;
      place > 0 && (weights[place - 1] < weight || (weights[place - 1] === weight && keys[place - 1] > key));
      place--
    ) {
      weights[place] = weights[place - 1];
      keys[place] = keys[place - 1];
    }
    weights[place] = weight;
    keys[place] = key;
  }
  before.fill(0);
  let least = count === 0 ? Number.POSITIVE_INFINITY : weights[count - 1];
  for (let key = 0; key < width && count > 0; key++) {
    const weight = row[start + key];
    if (!(weight >= least)) continue;
    for (let n = count - 1; n >= 0; n--) {
      if (weights[n] > weight || (weights[n] === weight && keys[n] <= key)) break;
      before[n]++;
    }
    if (before[count - 1] < wanted.length) continue;
    while (count > 0 && before[count - 1] >= wanted.length) count--;
    least = count === 0 ? Number.POSITIVE_INFINITY : weights[count - 1];
  }
  return count;
}

/** Of each row, how many keys are its largest, and these: [rows, k], of which the first so many. */
interface Largest {
  counts: Int32Array;
  keys: Int32Array;
}

/** Of what many matrices are compared with, one after the other, the largest weights are found once. */
const known = new WeakMap<Dense, { k: number; largest: Largest }>();

function largestOfRows(matrix: Dense, width: number, k: number): Largest {
  const before = known.get(matrix);
  if (before?.k === k) return before.largest;
  const counts = new Int32Array(matrix.data.length / width);
  const keys = new Int32Array(counts.length * k);
  const weights = new Float64Array(k);
  for (let row = 0; row < counts.length; row++) {
    counts[row] = largestWeights(matrix.data, row * width, width, k, keys.subarray(row * k, (row + 1) * k), weights);
  }
  const largest = { counts, keys };
  known.set(matrix, { k, largest });
  return largest;
}

/** The mean of those that are not NaN; 1 if all are. */
export function meanRecall(recalls: Float64Array): number {
  const own = recalls.filter((share) => !Number.isNaN(share));
  return own.length === 0 ? 1 : meanOf(own);
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

/**
 * Writes the keys of at most k largest weights above zero, the largest first, and of equal weights the earlier first; returns how
 * many. `values` is room for k weights.
 */
function largestWeights(
  weights: ArrayLike<number>,
  start: number,
  width: number,
  k: number,
  keys: Int32Array,
  values: Float64Array,
): number {
  let count = 0;
  // Only what is above it ranks: 0, or once there are k, the least of them.
  let least = 0;
  for (let key = 0; key < width && k > 0; key++) {
    const weight = weights[start + key];
    if (!(weight > least)) continue;
    let place = count < k ? count++ : k - 1;
    for (; place > 0 && values[place - 1] < weight; place--) {
      values[place] = values[place - 1];
      keys[place] = keys[place - 1];
    }
    values[place] = weight;
    keys[place] = key;
    if (count === k) least = values[k - 1];
  }
  return count;
}

/** NaN for an empty list. */
export function meanOf(figures: ArrayLike<number>): number {
  let sum = 0;
  for (let n = 0; n < figures.length; n++) sum += figures[n];
  return sum / figures.length;
}
