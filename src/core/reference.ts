/**
 * The dense oracle: attention and its gradients as plain float64 loops over every (batch, head, query, key). All fast
 * code is checked against this file and the folder reference/, so they share nothing with that code, are never optimised, and
 * should be read as definitions. They hold whole L×L matrices; use small lengths.
 *
 * Every function checks its arguments first and throws a ShapeError for shapes that do not fit each other (or fewer
 * numbers than a shape says, or causal with unequal lengths), an ArgumentError for an invalid scale or mask.
 *
 * Symbols: Q, K, V queries, keys, values; S scores; P weights; O output; b, h, i, j, c batch, head, query, key, column.
 */

import { expectOptions, expectRecord } from './expect.ts';
import { at, type Dense, type Dense64, dot, eachRow, expectDense, offset, zeros } from './reference/dense.ts';
import {
  checkInputs,
  mixValues,
  optionChecks,
  type ReferenceInputs,
  type ReferenceOptions,
  visible,
} from './reference/inputs.ts';

export type { Dense, Dense64 } from './reference/dense.ts';
export type { ReferenceInputs, ReferenceMasks, ReferenceOptions } from './reference/inputs.ts';
export * from './reference/linear.ts';
export * from './reference/matrices.ts';

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

function scaleOf(queries: Dense, options: ReferenceOptions): number {
  return options.scale ?? 1 / Math.sqrt(queries.shape[3]);
}
