/**
 * The dense oracle: attention and its gradients as plain float64 loops over every (batch, head, query, key). All fast
 * code is checked against this file, so it shares nothing with that code, is never optimised, and should be read as a
 * definition. It holds whole L×L matrices; use small lengths.
 *
 * Every function checks its arguments first and throws a ShapeError for shapes that do not fit each other (or fewer
 * numbers than a shape says, or causal with unequal lengths), an ArgumentError for an invalid scale or mask.
 *
 * Symbols: Q, K, V queries, keys, values; S scores; P weights; O output; b, h, i, j, c batch, head, query, key, column.
 */

import { adviceForDense } from './advice.ts';
import { expectArrayLike, expectNumbers } from './dtype.ts';
import { ArgumentError, expectInteger, expectShape, formatShape, ShapeError, wrongKind } from './errors.ts';
import {
  expectBoolean,
  expectFiniteNumber,
  expectFunction,
  expectList,
  expectOptions,
  expectRecord,
} from './expect.ts';

/** Numbers in row-major order, without gaps. */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Numbers of 64 bits with a shape, in row-major order: what the oracle returns. */
export interface Dense64 extends Dense {
  readonly data: Float64Array;
}

/** Queries, keys and values in the oracle's form. */
export interface ReferenceInputs {
  /** [batch, heads, queryLength, headDim] */
  readonly queries: Dense;
  /** [batch, heads, keyLength, headDim] */
  readonly keys: Dense;
  /** [batch, heads, keyLength, valueDim] */
  readonly values: Dense;
}

/** Which keys a query may see. A pair is visible when every condition given says so. */
export interface ReferenceMasks {
  /** Key j is visible to query i only if j ≤ i. Needs keyLength = queryLength. */
  readonly causal?: boolean;
  /** [batch, keyLength], 1 = keep, 0 = padding. */
  readonly keyMask?: Dense;
}

/** The optional inputs of the oracle: masks, a scale, a pattern and a bias. */
export interface ReferenceOptions extends ReferenceMasks {
  /** The factor of q·k; 1/√headDim by default. */
  readonly scale?: number;
  /** An attention pattern, the same for the whole batch. */
  readonly allowed?: (head: number, query: number, key: number) => boolean;
  /** A pattern that depends on the data, and therefore on the batch entry. */
  readonly allowedIn?: (batch: number, head: number, query: number, key: number) => boolean;
  /** Added to the scaled score. */
  readonly bias?: (batch: number, head: number, query: number, key: number) => number;
}

/**
 * Gradients of a scalar ℓ; `scores` is ∂ℓ/∂S, [batch, heads, queryLength, keyLength], which is also the gradient of the bias.
 */
export interface ReferenceGradients {
  readonly queries: Dense64;
  readonly keys: Dense64;
  readonly values: Dense64;
  readonly scores: Dense64;
}

/**
 * P = softmax(S) over the visible keys, S_ij = scale · q_i·k_j + bias_ij: [batch, heads, queryLength, keyLength].
 * Invisible pairs weigh 0, and a query that sees no key (or only scores of −∞) has a row of zeros.
 */
export function referenceWeights(inputs: ReferenceInputs, options: ReferenceOptions = {}): Dense64 {
  expectRecord('inputs', inputs, { queries: expectRecord, keys: expectRecord, values: expectRecord });
  expectOptions('options', options, optionChecks);
  const { queries, keys, values } = inputs;
  checkInputs({ queries, keys, values }, options);
  const scale = scaleOf(queries, options);
  const weights = zeros([queries.shape[0], queries.shape[1], queries.shape[2], keys.shape[2]]);

  eachRow(weights, (b, h, i, keyLength) => {
    const scores: number[] = [];
    for (let j = 0; j < keyLength; j++) {
      if (!visible(b, h, i, j, options)) {
        scores[j] = -Infinity;
        continue;
      }
      const bias = options.bias ? options.bias(b, h, i, j) : 0;
      scores[j] = scale * dot(queries, i, keys, j, b, h) + bias;
    }
    const largest = scores.reduce((a, score) => Math.max(a, score), -Infinity);
    if (largest === -Infinity) return;

    const exponentials = scores.map((score) => Math.exp(score - largest));
    const sum = exponentials.reduce((a, e) => a + e, 0);
    for (let j = 0; j < keyLength; j++) weights.data[offset(weights, b, h, i, j)] = exponentials[j] / sum;
  });
  return weights;
}

/**
 * Full attention by the oracle, O = P V: [batch, heads, queryLength, valueDim]. A weight of 0 contributes 0 even if the value
 * is not finite.
 *
 * @example
 * ```ts
 * const dense = (tensor: Tensor) => ({ shape: tensor.shape, data: tensor.toArray() });
 * const expected = referenceAttention({ queries: dense(queries), keys: dense(keys), values: dense(values) });
 * console.log(relativeFrobeniusError(dense(attend(full, { queries, keys, values })), expected));
 * ```
 */
export function referenceAttention(inputs: ReferenceInputs, options: ReferenceOptions = {}): Dense64 {
  const weights = referenceWeights(inputs, options);
  return mixValues(weights, inputs.values);
}

/**
 * Gradients of a scalar ℓ, given G = ∂ℓ/∂O of shape [batch, heads, queryLength, valueDim]:
 *
 *     O_i = Σ_j P_ij v_j         →  ∂ℓ/∂v_j = Σ_i P_ij G_i      and  ∂ℓ/∂P_ij = G_i · v_j
 *     P_ij = e^S_ij / Σ_n e^S_in  →  ∂P_in/∂S_ij = P_in ([n = j] − P_ij)
 *                                 →  ∂ℓ/∂S_ij = P_ij (∂ℓ/∂P_ij − Σ_n P_in ∂ℓ/∂P_in)
 *     S_ij = scale · q_i·k_j + …  →  ∂ℓ/∂q_i = scale Σ_j ∂ℓ/∂S_ij k_j  and  ∂ℓ/∂k_j = scale Σ_i ∂ℓ/∂S_ij q_i
 */
export function referenceAttentionGradients(
  inputs: ReferenceInputs,
  outputGradient: Dense,
  options: ReferenceOptions = {},
): ReferenceGradients {
  expectRecord('inputs', inputs, { queries: expectRecord, keys: expectRecord, values: expectRecord });
  expectOptions('options', options, optionChecks);
  const { queries, keys, values } = inputs;
  checkInputs({ queries, keys, values }, options);
  expectDense('outputGradient', outputGradient, [...queries.shape.slice(0, 3), values.shape[3]]);
  const scale = scaleOf(queries, options);
  const weights = referenceWeights(inputs, options);
  const gradients = {
    queries: zeros(queries.shape),
    keys: zeros(keys.shape),
    values: zeros(values.shape),
    scores: zeros(weights.shape),
  };

  eachRow(weights, (b, h, i, keyLength) => {
    const weight = (j: number) => weights.data[offset(weights, b, h, i, j)];
    const weightGradient = (j: number) => dot(outputGradient, i, values, j, b, h);

    let mean = 0;
    for (let j = 0; j < keyLength; j++) if (weight(j) !== 0) mean += weight(j) * weightGradient(j);

    for (let j = 0; j < keyLength; j++) {
      if (weight(j) === 0) continue;
      const scoreGradient = weight(j) * (weightGradient(j) - mean);
      gradients.scores.data[offset(weights, b, h, i, j)] = scoreGradient;
      for (let c = 0; c < values.shape[3]; c++) {
        gradients.values.data[offset(values, b, h, j, c)] += weight(j) * at(outputGradient, b, h, i, c);
      }
      for (let c = 0; c < queries.shape[3]; c++) {
        gradients.queries.data[offset(queries, b, h, i, c)] += scale * scoreGradient * at(keys, b, h, j, c);
        gradients.keys.data[offset(keys, b, h, j, c)] += scale * scoreGradient * at(queries, b, h, i, c);
      }
    }
  });
  return gradients;
}

/**
 * Kernel weights A_ij = φ(q_i)·φ(k_j) / Σ_n φ(q_i)·φ(k_n), n over the visible keys, from features that the caller has
 * already computed: [batch, heads, length, features] each. A row whose sum is 0 is a row of zeros.
 */
export function referenceKernelWeights(phiQueries: Dense, phiKeys: Dense, masks: ReferenceMasks = {}): Dense64 {
  expectOptions('masks', masks, maskChecks);
  checkInputs({ phiQueries, phiKeys, values: phiKeys }, masks);
  const weights = zeros([phiQueries.shape[0], phiQueries.shape[1], phiQueries.shape[2], phiKeys.shape[2]]);

  eachRow(weights, (b, h, i, keyLength) => {
    const similarities: number[] = [];
    for (let j = 0; j < keyLength; j++) {
      similarities[j] = visible(b, h, i, j, masks) ? dot(phiQueries, i, phiKeys, j, b, h) : 0;
    }
    const sum = similarities.reduce((a, similarity) => a + similarity, 0);
    if (sum === 0) return;
    for (let j = 0; j < keyLength; j++) weights.data[offset(weights, b, h, i, j)] = similarities[j] / sum;
  });
  return weights;
}

/**
 * Linear attention O = A V with the kernel weights A: [batch, heads, queryLength, valueDim].
 */
export function referenceLinearAttention(
  phiQueries: Dense,
  phiKeys: Dense,
  values: Dense,
  masks: ReferenceMasks = {},
): Dense64 {
  expectOptions('masks', masks, maskChecks);
  checkInputs({ phiQueries, phiKeys, values }, masks);
  return mixValues(referenceKernelWeights(phiQueries, phiKeys, masks), values);
}

/**
 * Linear attention from the logarithms of positive features, of any size: A_ij = e^{L_ij − log Σ_n e^{L_in}} for L_ij = log
 * Σ_f exp(a_if + b_jf). A query that sees no key has a row of zeros.
 */
export function referenceExponentAttention(
  logQueries: Dense,
  logKeys: Dense,
  values: Dense,
  masks: ReferenceMasks = {},
): Dense64 {
  checkInputs({ logQueries, logKeys, values }, masks);
  const weights = zeros([...logQueries.shape.slice(0, 3), logKeys.shape[2]]);
  eachRow(weights, (b, h, i, keyLength) => {
    const logs: number[] = [];
    for (let j = 0; j < keyLength; j++) {
      const terms: number[] = [];
      for (let f = 0; f < logQueries.shape[3]; f++) terms.push(at(logQueries, b, h, i, f) + at(logKeys, b, h, j, f));
      logs.push(visible(b, h, i, j, masks) ? logSumExp(terms) : -Infinity);
    }
    const whole = logSumExp(logs);
    if (whole === -Infinity) return;
    for (let j = 0; j < keyLength; j++) weights.data[offset(weights, b, h, i, j)] = Math.exp(logs[j] - whole);
  });
  return mixValues(weights, values);
}

export interface ReferenceRecurrence {
  /** [batch, heads, length] or [batch, heads, length, m] */
  readonly logDecay?: Dense;
  /** [batch, heads, length] */
  readonly beta?: Dense;
  /** [batch, length], 1 = keep, 0 = padding. */
  readonly keyMask?: Dense;
  /** [batch, heads, m, n] */
  readonly state?: Dense;
}

/**
 * A linear recurrence, token by token: S is decayed, then k_t u_tᵀ is added, and o_t = S_tᵀ q_t is read. u_t = v_t, or with
 * a β the delta rule's β_t (v_t − Sᵀ k_t) for the decayed S. A padded token leaves S as it is.
 */
export function referenceScan(
  queries: Dense,
  keys: Dense,
  values: Dense,
  { logDecay, beta, keyMask, state }: ReferenceRecurrence = {},
): { output: Dense64; state: Dense64 } {
  checkInputs({ queries, keys, values }, { causal: true, ...(keyMask && { keyMask }) });
  const [batch, heads, length, m] = queries.shape;
  const n = values.shape[3];
  const output = zeros(values.shape);
  const S = zeros([batch, heads, m, n]);
  for (let i = 0; i < S.data.length; i++) S.data[i] = state === undefined ? 0 : state.data[i];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let t = 0; t < length; t++) {
        const token = (b * heads + h) * length + t;
        if (keyMask === undefined || keyMask.data[b * length + t] !== 0) {
          for (let f = 0; f < m; f++) {
            const g = logDecay === undefined ? 0 : logDecay.data[logDecay.shape.length === 3 ? token : token * m + f];
            for (let c = 0; c < n; c++) S.data[offset(S, b, h, f, c)] *= Math.exp(g);
          }
          for (let c = 0; c < n; c++) {
            let known = 0;
            for (let f = 0; f < m; f++) known += at(S, b, h, f, c) * at(keys, b, h, t, f);
            const value = at(values, b, h, t, c);
            const written = beta === undefined ? value : beta.data[token] * (value - known);
            for (let f = 0; f < m; f++) S.data[offset(S, b, h, f, c)] += at(keys, b, h, t, f) * written;
          }
        }
        for (let c = 0; c < n; c++) {
          for (let f = 0; f < m; f++)
            output.data[offset(output, b, h, t, c)] += at(S, b, h, f, c) * at(queries, b, h, t, f);
        }
      }
    }
  }
  return { output, state: S };
}

/**
 * C_ij = Σ_n A_in B_nj: [..., rows, inner] × [..., inner, columns], with the same leading axes on both sides.
 */
export function referenceMatmul(a: Dense, b: Dense): Dense64 {
  if (a.shape.length < 2) throw new ShapeError(`a: expected at least 2 axes, got ${formatShape(a.shape)}`);
  const batch = a.shape.slice(0, -2);
  const [rows, inner] = a.shape.slice(-2);
  const columns = b.shape[b.shape.length - 1];
  expectDense('a', a, a.shape);
  expectDense('b', b, [...batch, inner, columns], `to follow a of ${formatShape(a.shape)}`);

  const product = zeros([...batch, rows, columns]);
  const matrices = batch.reduce((count, extent) => count * extent, 1);
  for (let m = 0; m < matrices; m++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let n = 0; n < inner; n++) {
          sum += a.data[(m * rows + i) * inner + n] * b.data[(m * inner + n) * columns + j];
        }
        product.data[(m * rows + i) * columns + j] = sum;
      }
    }
  }
  return product;
}

/**
 * ‖actual − expected‖ / ‖expected‖, Frobenius norms. Where expected is all zeros: 0 if actual is too, else Infinity.
 * NaN if either holds a NaN, which no `error < tolerance` lets pass.
 */
export function relativeFrobeniusError(actual: Dense, expected: Dense): number {
  expectRecord('expected', expected);
  expectDense('expected', expected, expected.shape);
  expectDense('actual', actual, expected.shape, 'to match expected');
  let difference = 0;
  let norm = 0;
  for (let n = 0; n < expected.data.length; n++) {
    difference += (actual.data[n] - expected.data[n]) ** 2;
    norm += expected.data[n] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/**
 * max |actual − expected|; NaN if either holds a NaN.
 */
export function maxAbsoluteError(actual: Dense, expected: Dense): number {
  expectRecord('expected', expected);
  expectDense('expected', expected, expected.shape);
  expectDense('actual', actual, expected.shape, 'to match expected');
  let largest = 0;
  for (let n = 0; n < expected.data.length; n++) {
    largest = Math.max(largest, Math.abs(actual.data[n] - expected.data[n]));
  }
  return largest;
}

function logSumExp(terms: readonly number[]): number {
  const largest = terms.reduce((a, term) => Math.max(a, term), -Infinity);
  if (largest === -Infinity) return -Infinity;
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}

function visible(b: number, h: number, i: number, j: number, options: ReferenceOptions): boolean {
  if (options.causal && j > i) return false;
  if (options.keyMask && options.keyMask.data[b * options.keyMask.shape[1] + j] === 0) return false;
  if (options.allowed && !options.allowed(h, i, j)) return false;
  if (options.allowedIn && !options.allowedIn(b, h, i, j)) return false;
  return true;
}

function mixValues(weights: Dense64, values: Dense): Dense64 {
  const output = zeros([...weights.shape.slice(0, 3), values.shape[3]]);
  eachRow(weights, (b, h, i, keyLength) => {
    for (let j = 0; j < keyLength; j++) {
      const weight = at(weights, b, h, i, j);
      if (weight === 0) continue;
      for (let c = 0; c < values.shape[3]; c++) {
        output.data[offset(output, b, h, i, c)] += weight * at(values, b, h, j, c);
      }
    }
  });
  return output;
}

/** Row i of `left` times row j of `right`. */
function dot(left: Dense, i: number, right: Dense, j: number, b: number, h: number): number {
  let sum = 0;
  for (let c = 0; c < left.shape[3]; c++) sum += at(left, b, h, i, c) * at(right, b, h, j, c);
  return sum;
}

function eachRow(
  weights: Dense64,
  visit: (batch: number, head: number, query: number, keyLength: number) => void,
): void {
  const [batch, heads, queryLength, keyLength] = weights.shape;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queryLength; i++) visit(b, h, i, keyLength);
    }
  }
}

function offset({ shape }: Dense, b: number, h: number, row: number, column: number): number {
  return ((b * shape[1] + h) * shape[2] + row) * shape[3] + column;
}

function at(dense: Dense, b: number, h: number, row: number, column: number): number {
  return dense.data[offset(dense, b, h, row, column)];
}

function zeros(shape: readonly number[]): Dense64 {
  return { shape, data: new Float64Array(shape.reduce((size, extent) => size * extent, 1)) };
}

function scaleOf(queries: Dense, options: ReferenceOptions): number {
  return options.scale ?? 1 / Math.sqrt(queries.shape[3]);
}

const maskChecks = { causal: expectBoolean, keyMask: expectRecord };
const optionChecks = {
  ...maskChecks,
  scale: expectFiniteNumber,
  allowed: expectFunction,
  allowedIn: expectFunction,
  bias: expectFunction,
};

/** Checks queries, keys and values in this order, under the names of the arguments. */
function checkInputs(inputs: object, { causal, keyMask }: ReferenceMasks): void {
  const named = Object.entries(inputs) as [string, Dense][];
  for (const [name, dense] of named) {
    expectRecord(name, dense);
    const { shape } = dense;
    expectList(`${name}.shape`, shape);
    if (shape.length === 4) continue;
    throw new ShapeError(`${name}: expected [batch, heads, length, columns], got ${formatShape(shape)}`);
  }
  const [[ofQueries, queries], [ofKeys, keys], [ofValues, values]] = named;
  const [batch, heads, queryLength, headDim] = queries.shape;
  const keyLength = keys.shape[2];
  expectDense(ofQueries, queries, queries.shape);
  expectDense(ofKeys, keys, [batch, heads, keyLength, headDim], `to match ${ofQueries}`);
  expectDense(ofValues, values, [batch, heads, keyLength, values.shape[3]], `to match ${ofKeys}`);
  if (causal && keyLength !== queryLength) {
    throw new ShapeError(`causal: expected as many keys as queries (${queryLength}), got ${keyLength} keys`);
  }
  if (keyMask === undefined) return;
  expectDense('keyMask', keyMask, [batch, keyLength], 'to match keys');
  for (let n = 0; n < keyMask.data.length; n++) {
    const value = keyMask.data[n];
    if (value !== 0 && value !== 1) throw new ArgumentError(`keyMask: expected 0 or 1, got ${value} at ${n}`);
  }
}

/** Throws unless `dense` has this shape, with extents of at least 1 and as many numbers as they say. */
function expectDense(name: string, dense: Dense, shape: readonly number[], because = ''): void {
  const advice = adviceForDense(name, dense);
  if (advice !== '') throw wrongKind(name, 'a shape and its numbers', dense, advice);
  expectRecord(name, dense);
  expectList(`${name}.shape`, dense.shape);
  expectShape(name, dense.shape, shape, because);
  dense.shape.forEach((extent, axis) => {
    expectInteger(`${name}.shape[${axis}]`, extent, 1);
  });
  const size = dense.shape.reduce((count, extent) => count * extent, 1);
  const { length } = expectArrayLike(`${name}.data`, dense.data);
  if (length !== size) {
    throw new ShapeError(`${name}: expected ${size} numbers for ${formatShape(shape)}, got ${length}`);
  }
  expectNumbers(`${name}.data`, dense.data, 'float64');
}
