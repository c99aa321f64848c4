/** The features of Random Feature Attention (Peng et al. 2021, §2.2 and §3.1), and its denominators. */
import { TINY } from '../core/dtype.ts';
import {
  broadcastTo,
  concat,
  cos,
  divide,
  expandDims,
  matmul,
  maximum,
  multiply,
  normalizeRows,
  scale,
  sin,
  slice,
} from '../core/ops/index.ts';
import { filled, type Tensor } from '../core/tensor.ts';

/**
 * φ(x/‖x‖) of length 1, [batch, heads, length, 2D], for rows x [batch, heads, length, d]: φ(x) = √(1/D) [sin(w₁·x), …, cos(w₁·x),
 * …] with w_i = σ ∘ ω_i, `omega` [heads, D, d] and `sigma` [heads, d]. A row of zeros has no direction, and stays where it is.
 */
export function fourierFeatures(x: Tensor, omega: Tensor, sigma: Tensor): Tensor {
  const w = multiply(omega, expandDims(sigma, 1));
  const u = matmul(normalizeRows(x), w, { transposeB: true });
  return scale(concat([sin(u), cos(u)], 3), omega.shape[1] ** -0.5);
}

/** x with a column of ones, whose sum is the denominator. */
export function withOnes(x: Tensor): Tensor {
  return concat([x, broadcastTo(filled([1], 1, x.dtype), x.shape.with(3, 1))], 3);
}

/**
 * Sums of values over the sum beside them, [batch, heads, length, valueDim + 1]. A weight is at most 1, and its standard error at
 * most √(1/(2D)). So a sum of n weights that is less than half of n times that cannot be told from 0 or from a negative one: it
 * is kept at that. `keys` is n, [batch or 1, heads or 1, length or 1, 1]; where it is 0, the output is 0.
 */
export function quotient(sums: Tensor, keys: Tensor, D: number): Tensor {
  const last = sums.shape[3] - 1;
  const least = maximum(scale(keys, 0.5 / Math.sqrt(2 * D)), TINY);
  return divide(slice(sums, 3, 0, last), maximum(slice(sums, 3, last, last + 1), least));
}
