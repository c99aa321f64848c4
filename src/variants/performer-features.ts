/**
 * The feature maps of FAVOR+, φ: ℝ^d → ℝ^r with E[φ(x)·φ(y)] = K(x, y) (eq. 3), all of the form
 *
 *     φ(x) = h(x)/√m · (f₁(ω₁ᵀx), …, f₁(ω_mᵀx), …, f_l(ω₁ᵀx), …, f_l(ω_mᵀx))                               (eq. 5)
 *
 *     softmax-positive        h(x) = exp(−‖x‖²/2)      f₁ = exp                           Lemma 1, eq. 7
 *     softmax-hyperbolic      h(x) = exp(−‖x‖²/2)/√2   f₁(u) = exp(u), f₂(u) = exp(−u)    Lemma 1
 *     softmax-trigonometric   h(x) = exp(+‖x‖²/2)      f₁ = sin, f₂ = cos                 §2.3, below eq. 6
 *     relu                    h(x) = 1                 f₁(u) = max(u, 0) + ε              §2.2, appendix A.4
 *
 * The first three estimate SM(x, y) = exp(xᵀy) (eq. 6), without bias where ω is N(0, I_d). The first two are positive
 * whatever x is, and their error vanishes with SM where x and y are about opposite; that of the third grows without
 * limit as SM vanishes (Lemma 2).
 */
import {
  add,
  concat,
  cos,
  detach,
  exp,
  log,
  matmul,
  max,
  maximum,
  multiply,
  negate,
  relu,
  scale,
  shift,
  sin,
  square,
  subtract,
  sum,
  zeroMasked,
} from '../core/ops/index.ts';
import { elements, fromArray, scope, type Tensor } from '../core/tensor.ts';
import type { Features } from './linear-attention.ts';

export const FEATURE_KERNELS = ['softmax-positive', 'softmax-hyperbolic', 'softmax-trigonometric', 'relu'] as const;
export type FeatureKernel = (typeof FEATURE_KERNELS)[number];

/** r: kernels with an f₂ have m more features. */
export function featureCount(kernel: FeatureKernel, m: number): number {
  return kernel === 'softmax-hyperbolic' || kernel === 'softmax-trigonometric' ? 2 * m : m;
}

/**
 * From the logarithm of each row's largest feature, [batch, heads, length, 1], the c that makes φ(x)·e^−c of φ(x), so
 * that nothing overflows: not an exp, and no sum of products of features. Eq. 4 must divide e^−c out again.
 */
export type Stabiliser = (largest: Tensor) => Tensor;

/** Each query has a c of its own: e^−c is in the numerator and denominator of its output, and nowhere else. */
export const perQuery: Stabiliser = (largest) => largest;

/**
 * All keys of a head have one c, over length and features (and no less than `atLeast`, [batch, heads, 1, 1]): e^−c is in
 * every term of both sums. With a c for each key, keys would be weighed wrongly against each other; with one for each
 * prefix of a causal sequence, the sums would mix terms of different scales.
 */
export function overKeys(atLeast?: Tensor): Stabiliser {
  return (largest) => maximum(max(largest, 2, true), atLeast ?? LOWEST);
}

/** For −∞, where all keys are masked: −∞ − c shall be −∞ and not NaN. */
const LOWEST = -1e30;
/** For a largest feature of 0, whose logarithm would be −∞ again. */
const SMALLEST = 1e-30;

export interface KernelSettings {
  kernel: FeatureKernel;
  /** ε of the relu kernel; the others have none. */
  epsilon: number;
}

export interface Stabilisation {
  stabiliser?: Stabiliser;
  /** [batch, length], uint8: where it is 0, φ(x) = 0, and x does not count for the stabiliser. */
  mask?: Tensor | undefined;
  /** Added to every exp, except where masked. */
  floor?: number;
}

export interface StabilisedFeatures extends Features {
  /** c; null without a stabiliser. */
  stabiliser: Tensor | null;
}

/**
 * φ of every row of x [batch, heads, length, d], with ω₁ … ω_m the rows of `omega` [m, d]: eq. 5 to the factor, or
 * stabilised. Differentiable in x; c counts as a constant, since no output depends on it.
 */
export function featureMap(
  x: Tensor,
  omega: Tensor,
  { kernel, epsilon }: KernelSettings,
  { stabiliser, mask, floor = 0 }: Stabilisation = {},
): StabilisedFeatures {
  const logRootM = Math.log(omega.shape[0]) / 2;
  // The hyperbolic f₂ is f₁ of −ω.
  const vectors = kernel === 'softmax-hyperbolic' ? concat([omega, negate(omega)], 0) : omega;
  const u = matmul(x, vectors, { transposeB: true });
  if (kernel === 'relu') {
    const f = zeroMasked(shift(relu(u), epsilon), mask);
    const largest = shift(log(maximum(max(f, 3, true), SMALLEST)), -logRootM);
    const c = stabiliser?.(largest) ?? null;
    const factor = c === null ? Math.exp(-logRootM) : exp(shift(negate(c), -logRootM));
    return { phi: multiply(f, factor), norm: null, stabiliser: c };
  }

  // log(h(x)/√m), and −∞ where masked.
  const halfSquare = scale(sum(square(x), -1, true), kernel === 'softmax-trigonometric' ? 0.5 : -0.5);
  const ofAll = shift(halfSquare, kernel === 'softmax-hyperbolic' ? -logRootM - Math.LN2 / 2 : -logRootM);
  const logH = mask === undefined ? ofAll : add(ofAll, column(mask, x, 0, Number.NEGATIVE_INFINITY));
  const raised = (powers: Tensor) => {
    if (floor === 0) return powers;
    return mask === undefined ? shift(powers, floor) : add(powers, column(mask, x, floor, 0));
  };

  if (kernel === 'softmax-trigonometric') {
    const c = stabiliser?.(detach(logH)) ?? null;
    const h = raised(exp(c === null ? logH : subtract(logH, c)));
    // sin² + cos² = 1, m times.
    return { phi: multiply(concat([sin(u), cos(u)], 3), h), norm: scale(h, Math.exp(logRootM)), stabiliser: c };
  }
  const largestU = max(u, 3, true);
  const largest = add(largestU, logH);
  const c = stabiliser?.(detach(largest)) ?? null;
  // log h − c, in an order that leaves −max u exactly where c is a query's own: 0 is then the largest exponent, however
  // large ‖x‖² is.
  const rest = c === null ? logH : subtract(subtract(largest, c), largestU);
  return { phi: raised(exp(add(u, rest))), norm: null, stabiliser: c };
}

/** φ of queries, stabilised. */
export function queryFeatures(x: Tensor, omega: Tensor, settings: KernelSettings): StabilisedFeatures {
  return scope(() => featureMap(x, omega, settings, { stabiliser: perQuery }));
}

/** φ of keys, stabilised: zero where `mask` [batch, length] is, and c no less than `atLeast`, as in `overKeys`. */
export function keyFeatures(
  x: Tensor,
  omega: Tensor,
  settings: KernelSettings,
  { mask, atLeast }: { mask?: Tensor | undefined; atLeast?: Tensor | undefined } = {},
): StabilisedFeatures {
  const floor = FLOOR[x.dtype as keyof typeof FLOOR];
  return scope(() => featureMap(x, omega, settings, { stabiliser: overKeys(atLeast), mask, floor }));
}

/**
 * ε for the keys. Where a whole prefix of keys lies so far below the largest key that exp gives zeros, the queries that
 * see only those take the mean of their values, rather than 0/0. It must do no more than that: an ε that is felt, such
 * as 10⁻⁶, outweighs small similarities, and with c taken over all keys, its share in an early output would tell how
 * large the later keys are. These are below the rounding of any denominator over 10⁻¹⁵ (float32) or 10⁻²⁶⁰, in units of
 * the largest feature, and yet far enough from the smallest number that a gradient can be divided by them.
 */
const FLOOR = { float32: 1e-30, float64: 1e-290 };

/** A [batch, length] mask as numbers that broadcast over [batch, heads, length, r]. */
function column(mask: Tensor, like: Tensor, real: number, masked: number): Tensor {
  const numbers = Array.from(elements(mask), (flag) => (flag === 0 ? masked : real));
  return fromArray(numbers, [mask.shape[0], 1, mask.shape[1], 1], like.dtype);
}
