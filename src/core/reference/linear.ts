/** The oracle of linear attention: weights from features, and the recurrence that continues token by token. */

import { expectOptions } from '../expect.ts';
import { at, type Dense, type Dense64, dot, eachRow, offset, zeros } from './dense.ts';
import { checkInputs, maskChecks, mixValues, type ReferenceMasks, visible } from './inputs.ts';

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
  /** [batch, heads, length, m], with `erases`. */
  readonly reads?: Dense;
  /** [batch, heads, length, m] */
  readonly erases?: Dense;
  /** [batch, length], 1 = keep, 0 = padding. */
  readonly keyMask?: Dense;
  /** [batch, heads, m, n] */
  readonly state?: Dense;
}

/**
 * A linear recurrence, token by token: S is decayed, then k_t u_tᵀ is added, and o_t = S_tᵀ q_t is read. u_t = v_t, or with
 * a β the delta rule's β_t (v_t − Sᵀ k_t) for the decayed S. With reads
 * r and erases e, e_t (Sᵀ r_t)ᵀ is taken off the decayed S before. A padded token leaves S as it is.
 */
export function referenceScan(
  queries: Dense,
  keys: Dense,
  values: Dense,
  { logDecay, beta, reads, erases, keyMask, state }: ReferenceRecurrence = {},
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
          for (let c = 0; c < n && reads !== undefined && erases !== undefined; c++) {
            let taken = 0;
            for (let f = 0; f < m; f++) taken += at(S, b, h, f, c) * at(reads, b, h, t, f);
            for (let f = 0; f < m; f++) S.data[offset(S, b, h, f, c)] -= at(erases, b, h, t, f) * taken;
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

/** What `referenceSelectiveScan` takes beside queries, keys and values. */
export interface ReferenceSelection {
  /** Δ, [batch, heads, length, n] */
  readonly steps: Dense;
  /** A, [heads, n, m] */
  readonly rates: Dense;
  /** [batch, length], 1 = keep, 0 = padding. */
  readonly keyMask?: Dense;
  /** [batch, heads, n, m] */
  readonly state?: Dense;
}

/**
 * The selective scan, token by token: h[c][f] is decayed by exp(Δ_t[c] A[c][f]), Δ_t[c] x_t[c] B_t[f] is added, and y_t[c] = Σ_f
 * C_t[f] h[c][f] is read, for queries C, keys B, [batch, heads, length, m], and values x, [batch, heads, length, n]. A padded
 * token leaves h as it is.
 */
export function referenceSelectiveScan(
  queries: Dense,
  keys: Dense,
  values: Dense,
  { steps, rates, keyMask, state }: ReferenceSelection,
): { output: Dense64; state: Dense64 } {
  checkInputs({ queries, keys, values }, { causal: true, ...(keyMask && { keyMask }) });
  const [batch, heads, length, m] = queries.shape;
  const n = values.shape[3];
  const output = zeros(values.shape);
  const h = zeros([batch, heads, n, m]);
  for (let i = 0; i < h.data.length; i++) h.data[i] = state === undefined ? 0 : state.data[i];
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      for (let t = 0; t < length; t++) {
        for (let c = 0; c < n; c++) {
          const step = at(steps, b, head, t, c);
          for (let f = 0; f < m; f++) {
            const own = offset(h, b, head, c, f);
            if (keyMask === undefined || keyMask.data[b * length + t] !== 0) {
              h.data[own] *= Math.exp(step * rates.data[(head * n + c) * m + f]);
              h.data[own] += step * at(values, b, head, t, c) * at(keys, b, head, t, f);
            }
            output.data[offset(output, b, head, t, c)] += at(queries, b, head, t, f) * h.data[own];
          }
        }
      }
    }
  }
  return { output, state: h };
}

function logSumExp(terms: readonly number[]): number {
  const largest = terms.reduce((a, term) => Math.max(a, term), -Infinity);
  if (largest === -Infinity) return -Infinity;
  return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - largest), 0));
}
