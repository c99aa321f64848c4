/** Elementwise functions of kernels/vector-kernels.ts and their derivatives, over runs of float32. */
import { exp4, expm1Below0, expOfDifference, log1p4, log4, normalTail, sigmoid4, tanh4 } from './elementary';
import { multiplyAdd } from './vector';

/** Places of the functions in VECTOR_FUNCTIONS of kernels/vector-kernels.ts. */
const SCALE = 0;
const SHIFT = 1;
const EXP = 2;
const LOG = 3;
const SQRT = 4;
const SQUARE = 5;
const RECIPROCAL = 6;
const TANH = 7;
const SIGMOID = 8;
const RELU = 9;
const ELU = 10;
const LOG_ELU_PLUS_ONE = 11;
const GELU = 12;
const GELU_EXACT = 13;

const SQRT_2_OVER_PI: f32 = 0.7978845608;
const GELU_CUBIC: f32 = 0.044715;
const DENSITY_AT_0: f32 = 0.3989422804;

/**
 * e^−|2v| for the GELU's v = √(2/π) (x + 0.044715 x³): ½ (1 + tanh v) is 1 / (1 + e^−2v), which does not cancel far below 0
 * and takes half the work.
 */
// @ts-ignore: decorator
@inline
function decayOfGelu(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  const v = f32x4.add(x, f32x4.mul(f32x4.splat(GELU_CUBIC), cube));
  return expOfDifference(f32x4.mul(f32x4.splat(-2 * SQRT_2_OVER_PI), f32x4.abs(v)));
}

/** exp(−x²/2). */
// @ts-ignore: decorator
@inline
function bell(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.mul(f32x4.splat(-0.5), x), x));
}

/** Φ(x), where `bell` is exp(−x²/2). */
// @ts-ignore: decorator
@inline
function normalDistribution(x: v128, bell: v128): v128 {
  const tail = f32x4.mul(normalTail(x), bell);
  return v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(x, f32x4.splat(0)));
}

/** `which` is a constant at every call, so that the compiler keeps one branch. */
// @ts-ignore: decorator
@inline
function apply(which: i32, x: v128, c: v128): v128 {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  if (which == SCALE) return f32x4.mul(c, x);
  if (which == SHIFT) return f32x4.add(x, c);
  if (which == EXP) return exp4(x);
  if (which == LOG) return log4(x);
  if (which == SQRT) return f32x4.sqrt(x);
  if (which == SQUARE) return f32x4.mul(x, x);
  if (which == RECIPROCAL) return f32x4.div(one, x);
  if (which == TANH) return tanh4(x);
  if (which == SIGMOID) return sigmoid4(x);
  if (which == RELU) return f32x4.max(x, zero);
  if (which == ELU) return v128.bitselect(x, expm1Below0(x), f32x4.gt(x, zero));
  if (which == LOG_ELU_PLUS_ONE) return v128.bitselect(log1p4(x), x, f32x4.gt(x, zero));
  if (which == GELU_EXACT) {
    // Φ(−∞) is 0, and the product −∞ · 0 is meant to be 0 too.
    return v128.bitselect(zero, f32x4.mul(x, normalDistribution(x, bell(x))), f32x4.eq(x, f32x4.splat(-Infinity)));
  }
  const e = decayOfGelu(x);
  return f32x4.div(f32x4.mul(x, v128.bitselect(e, one, f32x4.lt(x, zero))), f32x4.add(one, e));
}

/** g times the derivative, in terms of x and y = f(x). */
// @ts-ignore: decorator
@inline
function slope(which: i32, x: v128, y: v128, g: v128, c: v128): v128 {
  const one = f32x4.splat(1);
  const zero = f32x4.splat(0);
  if (which == SCALE) return f32x4.mul(c, g);
  if (which == SHIFT) return g;
  if (which == EXP) return f32x4.mul(g, y);
  if (which == LOG) return f32x4.div(g, x);
  if (which == SQRT) return f32x4.div(f32x4.mul(f32x4.splat(0.5), g), y);
  // Twice the product: 2x may be beyond the range where the product is not.
  if (which == SQUARE) return f32x4.mul(f32x4.splat(2), f32x4.mul(x, g));
  if (which == RECIPROCAL) return f32x4.neg(f32x4.mul(f32x4.mul(g, y), y));
  if (which == TANH) return f32x4.mul(g, f32x4.sub(one, f32x4.mul(y, y)));
  if (which == SIGMOID) return f32x4.mul(f32x4.mul(g, y), f32x4.sub(one, y));
  if (which == RELU) return v128.and(g, f32x4.gt(x, zero));
  if (which == ELU) return v128.bitselect(g, f32x4.mul(g, f32x4.add(y, one)), f32x4.gt(x, zero));
  if (which == LOG_ELU_PLUS_ONE) return v128.bitselect(f32x4.div(g, f32x4.add(x, one)), g, f32x4.gt(x, zero));
  if (which == GELU_EXACT) {
    const density = bell(x);
    const ofDensity = f32x4.mul(f32x4.mul(x, f32x4.splat(DENSITY_AT_0)), density);
    return f32x4.mul(g, f32x4.add(normalDistribution(x, density), ofDensity));
  }
  const e = decayOfGelu(x);
  const share = f32x4.div(one, f32x4.add(one, e));
  // Where e is 0 the height is all there is; the cube of x there may be beyond the range.
  const near = f32x4.pmax(f32x4.splat(-64), f32x4.pmin(f32x4.splat(64), x));
  const square = f32x4.mul(near, near);
  const slopeOfV = multiplyAdd(f32x4.splat(6 * GELU_CUBIC * SQRT_2_OVER_PI), square, f32x4.splat(2 * SQRT_2_OVER_PI));
  // The slope of 1 / (1 + e^−2v) in 2v is the same on both sides of 0.
  const sides = f32x4.mul(f32x4.mul(near, slopeOfV), f32x4.mul(e, f32x4.mul(share, share)));
  const height = f32x4.mul(share, v128.bitselect(e, one, f32x4.lt(x, zero)));
  return f32x4.mul(g, f32x4.add(height, sides));
}

// @ts-ignore: decorator
@inline
function forwardLoop(which: i32, x: usize, y: usize, count: i32, constant: f32): void {
  const c = f32x4.splat(constant);
  const end = ((<usize>count) & ~3) << 2;
  let done: usize = 0;
  // Two at once: each is a chain of operations, and they hide each other's latency.
  for (; done + 32 <= end; done += 32) {
    const first = apply(which, v128.load(x + done), c);
    const second = apply(which, v128.load(x + done, 16), c);
    v128.store(y + done, first);
    v128.store(y + done, second, 16);
  }
  for (let at: usize = done; at < end; at += 16) v128.store(y + at, apply(which, v128.load(x + at), c));
  for (let at: usize = end; at < (<usize>count) << 2; at += 4) {
    store<f32>(y + at, f32x4.extract_lane(apply(which, v128.load_splat<f32>(x + at), c), 0));
  }
}

// @ts-ignore: decorator
@inline
function derivativeLoop(which: i32, x: usize, y: usize, g: usize, d: usize, count: i32, constant: f32): void {
  const c = f32x4.splat(constant);
  const end = ((<usize>count) & ~3) << 2;
  let done: usize = 0;
  for (; done + 32 <= end; done += 32) {
    const first = slope(which, v128.load(x + done), v128.load(y + done), v128.load(g + done), c);
    const second = slope(which, v128.load(x + done, 16), v128.load(y + done, 16), v128.load(g + done, 16), c);
    v128.store(d + done, first);
    v128.store(d + done, second, 16);
  }
  for (let at: usize = done; at < end; at += 16) {
    v128.store(d + at, slope(which, v128.load(x + at), v128.load(y + at), v128.load(g + at), c));
  }
  for (let at: usize = end; at < (<usize>count) << 2; at += 4) {
    const result = slope(
      which,
      v128.load_splat<f32>(x + at),
      v128.load_splat<f32>(y + at),
      v128.load_splat<f32>(g + at),
      c,
    );
    store<f32>(d + at, f32x4.extract_lane(result, 0));
  }
}

/** Exported so that it stays a separate function: inside the next one it would slow down the loop of exp by a fifth. */
export function gelu(x: usize, y: usize, count: i32): void {
  forwardLoop(GELU, x, y, count, 0);
}

/** Likewise. */
export function geluDerivative(x: usize, y: usize, g: usize, d: usize, count: i32): void {
  derivativeLoop(GELU, x, y, g, d, count, 0);
}

/** y = f(x), f the function at place `which`. */
export function unaryForward(which: i32, x: usize, y: usize, count: i32, constant: f32): void {
  if (which == SCALE) forwardLoop(SCALE, x, y, count, constant);
  else if (which == SHIFT) forwardLoop(SHIFT, x, y, count, constant);
  else if (which == EXP) forwardLoop(EXP, x, y, count, constant);
  else if (which == LOG) forwardLoop(LOG, x, y, count, constant);
  else if (which == SQRT) forwardLoop(SQRT, x, y, count, constant);
  else if (which == SQUARE) forwardLoop(SQUARE, x, y, count, constant);
  else if (which == RECIPROCAL) forwardLoop(RECIPROCAL, x, y, count, constant);
  else if (which == TANH) forwardLoop(TANH, x, y, count, constant);
  else if (which == SIGMOID) forwardLoop(SIGMOID, x, y, count, constant);
  else if (which == RELU) forwardLoop(RELU, x, y, count, constant);
  else if (which == ELU) forwardLoop(ELU, x, y, count, constant);
  else if (which == GELU) gelu(x, y, count);
  else if (which == LOG_ELU_PLUS_ONE) forwardLoop(LOG_ELU_PLUS_ONE, x, y, count, constant);
  else forwardLoop(GELU_EXACT, x, y, count, constant);
}

/** d = g f′(x). */
export function unaryDerivative(which: i32, x: usize, y: usize, g: usize, d: usize, count: i32, constant: f32): void {
  if (which == SCALE) derivativeLoop(SCALE, x, y, g, d, count, constant);
  else if (which == SHIFT) derivativeLoop(SHIFT, x, y, g, d, count, constant);
  else if (which == EXP) derivativeLoop(EXP, x, y, g, d, count, constant);
  else if (which == LOG) derivativeLoop(LOG, x, y, g, d, count, constant);
  else if (which == SQRT) derivativeLoop(SQRT, x, y, g, d, count, constant);
  else if (which == SQUARE) derivativeLoop(SQUARE, x, y, g, d, count, constant);
  else if (which == RECIPROCAL) derivativeLoop(RECIPROCAL, x, y, g, d, count, constant);
  else if (which == TANH) derivativeLoop(TANH, x, y, g, d, count, constant);
  else if (which == SIGMOID) derivativeLoop(SIGMOID, x, y, g, d, count, constant);
  else if (which == RELU) derivativeLoop(RELU, x, y, g, d, count, constant);
  else if (which == ELU) derivativeLoop(ELU, x, y, g, d, count, constant);
  else if (which == GELU) geluDerivative(x, y, g, d, count);
  else if (which == LOG_ELU_PLUS_ONE) derivativeLoop(LOG_ELU_PLUS_ONE, x, y, g, d, count, constant);
  else derivativeLoop(GELU_EXACT, x, y, g, d, count, constant);
}
