/** The two sides of feature attention, keys and queries, in the form that kernels use for both. */
import { featureDeltasKernel } from '../kernels/feature-attention.ts';
import type { FeatureMapName } from '../kernels/feature-maps.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, filled, type Tensor, zeros } from '../tensor.ts';
import type { Attended } from './attention.ts';
import { contiguous } from './shape.ts';

/** The tokens of one side, keys or queries, in the form that kernels use for both. */
export interface TokenSide {
  /** x, [batch, heads, length, m] */
  rows: Tensor;
  /** φ: what features are made of the rows. */
  map: FeatureMapName;
  /**
   * Added to the logarithms of all features of a token, [batch, heads, length]; −∞ masks the token. Always float64: exponents may be large and
   * nearly cancel.
   */
  shifts: Tensor;
  /** [batch, heads, length, n] */
  vectors: Tensor;
  /** [batch, heads, length] */
  weights: Tensor;
}

/** An attention, and the logarithms of its denominators in float64, for the backward pass. */
export interface Read extends Attended {
  exactLogSum: Tensor;
}

/** Keys write their values, each with weight 1. */
export function keySide(
  map: FeatureMapName,
  keys: Tensor,
  values: Tensor,
  keyScale?: Tensor,
  keyMask?: Tensor,
): TokenSide {
  const [batch, heads, length] = keys.shape;
  const shifts = empty([batch, heads, length], 'float64');
  const to = elements(shifts);
  if (keyScale === undefined) to.fill(0);
  else to.set(elements(keyScale));
  const flags = keyMask === undefined ? null : elements(keyMask);
  for (let at = 0; flags !== null && at < to.length; at++) {
    if (flags[Math.floor(at / (heads * length)) * length + (at % length)] === 0) to[at] = Number.NEGATIVE_INFINITY;
  }
  return { rows: keys, map, shifts, vectors: values, weights: filled(shifts.shape, 1, keys.dtype) };
}

/** Queries write the gradients of their outputs; featureDeltasKernel computes their weights and shifts. */
export function querySide(
  map: FeatureMapName,
  queries: Tensor,
  { output, logSumExp, exactLogSum }: Read,
  ofOutput: Tensor | null,
  ofLogSum: Tensor | null,
): TokenSide {
  const { shape, dtype } = logSumExp;
  const [shifts, weights] = [empty(shape, 'float64'), empty(shape, dtype)];
  const vectors = contiguous(ofOutput ?? zeros(output.shape, dtype));
  const n = output.shape[3];
  const arrays = {
    output: elements(output),
    logSum: elements(exactLogSum),
    gradient: elements(vectors),
    logSumGradient: elements(ofLogSum ?? zeros(shape, dtype)),
    shifts: elements(shifts),
    weights: elements(weights),
  };
  parallelFor(featureDeltasKernel, logSumExp.size, arrays, { n }, { costPerItem: 2 * n });
  return { rows: queries, map, shifts, vectors, weights };
}
