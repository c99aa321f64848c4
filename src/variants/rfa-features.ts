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
  mean,
  multiply,
  normalizeRows,
  relu,
  scale,
  sin,
  slice,
  square,
} from '../core/ops/index.ts';
import { filled, type Tensor } from '../core/tensor.ts';

/** Which kernel the features estimate. */
export type RfaKernel = 'gaussian' | 'arccosine';
export const RFA_KERNELS = ['gaussian', 'arccosine'] as const satisfies readonly RfaKernel[];

/** Features of D random vectors. */
export const featureCount = (kernel: RfaKernel, D: number): number => (kernel === 'gaussian' ? 2 * D : D);

/**
 * φ(x/‖x‖), [batch, heads, length, 2D or D], for rows x [batch, heads, length, d]: √(1/D) times the sines and cosines of w_i·x, or
 * times relu(w_i·x), with w_i = σ ∘ ω_i, `omega` [heads, D, d] and `sigma` [heads, d]. A row of zeros has no direction, and stays
 * where it is.
 */
export function featuresOf(x: Tensor, omega: Tensor, sigma: Tensor, kernel: RfaKernel): Tensor {
  const w = multiply(omega, expandDims(sigma, 1));
  const u = matmul(normalizeRows(x), w, { transposeB: true });
  return scale(kernel === 'gaussian' ? concat([sin(u), cos(u)], 3) : relu(u), omega.shape[1] ** -0.5);
}

/**
 * The least sum of weights for each key, [heads, 1, 1] or one number.
 *
 * A Gaussian weight is at most 1, and its standard error at most √(1/(2D)). So a sum of n weights that is less than half of n
 * times that cannot be told from 0 or from a negative one. Weights of the arc-cosine kernel are not negative, and their sum is
 * small only where a query shares few features with any key. It is kept at 10⁻⁶ of n times a weight of usual size, the mean of
 * σ², so that no gradient is out of range.
 */
export function leastWeight(kernel: RfaKernel, D: number, sigma: Tensor): Tensor | number {
  return kernel === 'gaussian' ? 0.5 / Math.sqrt(2 * D) : scale(expandDims(mean(square(sigma), 1, true), 1), 1e-6);
}

/** x with a column of ones, whose sum is the denominator. */
export function withOnes(x: Tensor): Tensor {
  return concat([x, broadcastTo(filled([1], 1, x.dtype), x.shape.with(3, 1))], 3);
}

/**
 * Sums of values over the sum of weights beside them, [batch, heads, length, valueDim + 1], which is kept at `least` (see
 * `leastWeight`) for each key. `keys` is their number, [batch or 1, heads or 1, length or 1, 1]; where it is 0, the output is 0.
 */
export function quotient(sums: Tensor, keys: Tensor, least: Tensor | number): Tensor {
  const last = sums.shape[3] - 1;
  const floor = typeof least === 'number' ? scale(keys, least) : multiply(keys, least);
  return divide(slice(sums, 3, 0, last), maximum(slice(sums, 3, last, last + 1), maximum(floor, TINY)));
}
