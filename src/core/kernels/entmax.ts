/**
 * α-entmax of one row: weights that are 0 below a threshold, p_i = [(α − 1) x_i − τ]₊^{1/(α − 1)} with τ so that Σ p_i = 1 (Correia et
 * al. 2019, §3). α = 1 is softmax, α = 2 sparsemax.
 *
 * Below the threshold nothing counts, so numbers more than 1/(α − 1) below the largest are set aside at once. With s_i = (α − 1)
 * (x_i − max x) and v = −τ, ‖[s + v]₊‖ of the norm 1/(α − 1) is a convex function of v, and a straight line where one number
 * is left. Newton's steps towards ‖·‖ = 1 begin at v = 1, where it is 1 or more, and come down without ever passing the
 * solution: some two to six of them end at the last digit. Whatever the type of the tensor, this is done in float64.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';

/** α counts as this much above 1 at least: the weights are then those of softmax to 10⁻⁶ or so. */
export const LEAST_EXCESS = 1e-6;
/** The derivative by α is that at α = 1 below this; its terms, which divide by (α − 1)², would round to 10⁻⁶. */
const NEAR_SOFTMAX = 1e-5;
/** More than any row takes. */
const STEPS = 100;
/** A step is about as wrong as its square: after one that is smaller than this, nothing is left but rounding. */
const CLOSE = 1e-8;

/** The weights that are not 0: their places in the row, and the weights in float64. */
export interface Support {
  places: Int32Array;
  weights: Float64Array;
}

export const newSupport = (length: number): Support => ({
  places: new Int32Array(length),
  weights: new Float64Array(length),
});

/**
 * Weights in place of x[at … at + length − 1], and the number of those that are not 0. Where flags[first + i] is 0, x_i does not
 * count. A row without numbers, or of −∞ alone, gets zeros; one with NaN or +∞ gets NaN.
 */
export function entmaxRow(
  x: NumericArray,
  at: number,
  length: number,
  alpha: number,
  { places, weights }: Support,
  flags?: NumericArray,
  first = 0,
): number {
  const excess = Math.max(alpha - 1, LEAST_EXCESS);
  const power = 1 / excess;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    const value = x[at + i];
    // Once NaN, it stays.
    if ((value > largest || Number.isNaN(value)) && (flags === undefined || flags[first + i] !== 0)) largest = value;
  }
  if (!Number.isFinite(largest) || Number.isNaN(excess)) {
    x.fill(largest === Number.NEGATIVE_INFINITY ? 0 : Number.NaN, at, at + length);
    return 0;
  }
  let count = 0;
  for (let i = 0; i < length; i++) {
    const s = excess * (x[at + i] - largest);
    x[at + i] = 0;
    if (!(s > -1) || (flags !== undefined && flags[first + i] === 0)) continue;
    places[count] = i;
    weights[count++] = s;
  }
  let v = 1;
  for (let step = 0; step < STEPS; step++) {
    let [sum, slope, kept] = [0, 0, 0];
    for (let n = 0; n < count; n++) {
      const u = weights[n] + v;
      if (u <= 0) continue;
      const p = power === 2 ? u * u : power === 1 ? u : Math.exp(power * Math.log(u));
      sum += p;
      slope += p / u;
      places[kept] = places[n];
      weights[kept++] = weights[n];
    }
    count = kept;
    // (‖·‖ − 1) over its derivative, with ‖·‖ = sum^(α − 1)
    const down = (-Math.expm1(-excess * Math.log(sum)) * sum) / slope;
    if (!(down > 0)) break;
    v -= down;
    if (down < CLOSE * v) break;
  }
  return writeWeights(x, at, count, v, power, places, weights);
}

/** p_i, divided by their sum, which rounding has left near 1. */
function writeWeights(
  x: NumericArray,
  at: number,
  count: number,
  v: number,
  power: number,
  places: Int32Array,
  weights: Float64Array,
): number {
  let sum = 0;
  let kept = 0;
  for (let n = 0; n < count; n++) {
    const u = weights[n] + v;
    const p = u <= 0 ? 0 : power === 2 ? u * u : power === 1 ? u : Math.exp(power * Math.log(u));
    if (p === 0) continue;
    sum += p;
    places[kept] = places[n];
    weights[kept++] = p;
  }
  for (let n = 0; n < kept; n++) {
    weights[n] /= sum;
    x[at + places[n]] = weights[n];
  }
  return kept;
}

/**
 * The gradient of x in place of g, that of the weights, at g[at … at + length − 1]; returns that of α. With s_i = p_i^{2 − α} on the
 * support, p̃ = s/Σ s and ḡ = Σ p̃_i g_i (Correia et al. 2019, proposition 1 and its appendix):
 *
 *     ∂x_i = s_i (g_i − ḡ),   ∂α = (Σ g p − ḡ)/(α − 1)² − (Σ g p log p − ḡ Σ p log p)/(α − 1)
 *
 * and where α is 1 to within rounding ∂α = ½ (Σ g p Σ p log² p − Σ g p log² p).
 */
export function entmaxRowGradient(
  g: NumericArray,
  at: number,
  length: number,
  alpha: number,
  { places, weights }: Support,
  count: number,
): number {
  const excess = Math.max(alpha - 1, LEAST_EXCESS);
  const exponent = 1 - excess;
  let [total, mixed, entropy, squares, ofP, ofEntropy, ofSquares] = [0, 0, 0, 0, 0, 0, 0];
  for (let n = 0; n < count; n++) {
    const p = weights[n];
    const gradient = g[at + places[n]];
    const log = Math.log(p);
    const s = exponent === 0 ? 1 : exponent === 0.5 ? Math.sqrt(p) : Math.exp(exponent * log);
    weights[n] = s;
    total += s;
    mixed += s * gradient;
    entropy += p * log;
    squares += p * log * log;
    ofP += gradient * p;
    ofEntropy += gradient * p * log;
    ofSquares += gradient * p * log * log;
  }
  const mean = count === 0 ? 0 : mixed / total;
  for (let n = 0; n < count; n++) weights[n] *= g[at + places[n]] - mean;
  g.fill(0, at, at + length);
  for (let n = 0; n < count; n++) g[at + places[n]] = weights[n];
  if (excess < NEAR_SOFTMAX) return (ofP * squares - ofSquares) / 2;
  return (ofP - mean) / excess ** 2 - (ofEntropy - mean * entropy) / excess;
}

/** x [rows, columns], alpha [heads], of which `perHead` rows in a row share one. Items: rows. */
export const entmaxKernel = defineKernel(
  'entmax',
  { arrays: ['x', 'y', 'alpha'], numbers: ['columns', 'perHead', 'heads'] },
  (begin, end, { x, y, alpha }, { columns, perHead, heads }) => {
    const support = newSupport(columns);
    for (let row = begin; row < end; row++) {
      const at = row * columns;
      for (let i = at; i < at + columns; i++) y[i] = x[i];
      entmaxRow(y, at, columns, alpha[Math.floor(row / perHead) % heads], support);
    }
  },
);

/** The gradients of x, and of α from each row. Items: rows. */
export const entmaxGradientKernel = defineKernel(
  'entmax-gradient',
  { arrays: ['x', 'alpha', 'gradient', 'result', 'ofAlpha'], numbers: ['columns', 'perHead', 'heads'] },
  (begin, end, { x, alpha, gradient, result, ofAlpha }, { columns, perHead, heads }) => {
    const support = newSupport(columns);
    const row64 = new Float64Array(columns);
    for (let row = begin; row < end; row++) {
      const at = row * columns;
      const own = alpha[Math.floor(row / perHead) % heads];
      for (let i = 0; i < columns; i++) {
        row64[i] = x[at + i];
        result[at + i] = gradient[at + i];
      }
      const count = entmaxRow(row64, 0, columns, own, support);
      ofAlpha[row] = entmaxRowGradient(result, at, columns, own, support, count);
    }
  },
);
