/**
 * Elementary functions of four float32 at once, by polynomials on a short interval (coefficients by S. Moshier's Cephes
 * library, single precision). Errors in units of the last place, as measured by
 * spec/core/kernels-vector.spec.ts: eˣ and ln x 1, ln(1 + x) 2.5, tanh x and eˣ − 1 1.5, the sigmoid 2.5.
 */
import { multiplyAdd } from './vector';

const LOWEST: f32 = -87.33654;
const HIGHEST: f32 = 88.72283;

/** x = n ln 2 + r: n, a whole number. */
// @ts-ignore: decorator
@inline
function multipleOfLn2(x: v128): v128 {
  return f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
}

/** x − n ln 2, with ln 2 in two parts so that the difference is exact. */
// @ts-ignore: decorator
@inline
function restOfLn2(x: v128, n: v128): v128 {
  return multiplyAdd(n, f32x4.splat(2.12194440e-4), multiplyAdd(n, f32x4.splat(-0.693359375), x));
}

/** eʳ − 1 for |r| ≤ ½ ln 2. */
// @ts-ignore: decorator
@inline
function smallExpm1(r: v128): v128 {
  let p = f32x4.splat(1.9875691500e-4);
  p = multiplyAdd(p, r, f32x4.splat(1.3981999507e-3));
  p = multiplyAdd(p, r, f32x4.splat(8.3334519073e-3));
  p = multiplyAdd(p, r, f32x4.splat(4.1665795894e-2));
  p = multiplyAdd(p, r, f32x4.splat(1.6666665459e-1));
  p = multiplyAdd(p, r, f32x4.splat(5.0000001201e-1));
  return multiplyAdd(f32x4.mul(p, r), r, r);
}

/** y · 2ⁿ for whole n, in two factors, because 2¹²⁸ is beyond float32. */
// @ts-ignore: decorator
@inline
function timesPowerOfTwo(y: v128, n: v128): v128 {
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  const first = i32x4.shl(i32x4.add(half, i32x4.splat(127)), 23);
  const second = i32x4.shl(i32x4.add(i32x4.sub(whole, half), i32x4.splat(127)), 23);
  return f32x4.mul(f32x4.mul(y, first), second);
}

/** eˣ; 0 below −87.33, where it would be subnormal. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const clamped = f32x4.pmin(f32x4.splat(HIGHEST), f32x4.pmax(f32x4.splat(LOWEST), x));
  const n = multipleOfLn2(clamped);
  const y = timesPowerOfTwo(f32x4.add(smallExpm1(restOfLn2(clamped, n)), f32x4.splat(1)), n);
  const positive = v128.andnot(y, f32x4.lt(x, f32x4.splat(LOWEST)));
  const bounded = v128.bitselect(f32x4.splat(Infinity), positive, f32x4.gt(x, f32x4.splat(HIGHEST)));
  return v128.bitselect(x, bounded, f32x4.ne(x, x));
}

/**
 * eˣ for x ≤ 0, as all differences from a largest score are, or just above: 2ⁿ · 2ᶠ with x log₂ e = n + f, at half the
 * work of exp4. Rounding x log₂ e makes its error grow with |x| while eˣ falls: it is 2 units in the last place near 0,
 * and always within one of 1. The polynomial has the smallest largest error among those with value 1 at 0. It is summed in
 * pairs of terms, a chain half as long as Horner's. 0 from −87.7 on down, and NaN for NaN.
 */
// @ts-ignore: decorator
@inline
export function expOfDifference(x: v128): v128 {
  // Below, 2 to the power −127 comes out as 0.
  const y = f32x4.pmax(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(-127));
  // Adding 1.5 · 2²³ rounds y to a whole number, which ends up in the last bits; 127 is the bias of the exponent.
  const rounded = f32x4.add(y, f32x4.splat(12583039));
  const f = f32x4.sub(y, f32x4.sub(rounded, f32x4.splat(12583039)));
  const square = f32x4.mul(f, f);
  const low = multiplyAdd(f, f32x4.splat(0.693147182), f32x4.splat(1));
  const middle = multiplyAdd(f, f32x4.splat(0.0555033237), f32x4.splat(0.240226477));
  const high = multiplyAdd(f, f32x4.splat(0.0013398875), f32x4.splat(0.00961843692));
  const upper = multiplyAdd(square, multiplyAdd(square, f32x4.splat(0.000153533634), high), middle);
  return f32x4.mul(multiplyAdd(square, upper, low), i32x4.shl(rounded, 23));
}

/** eˣ − 1 for x ≤ 0, without cancellation near 0. */
// @ts-ignore: decorator
@inline
export function expm1Below0(x: v128): v128 {
  const isNear = f32x4.gt(x, f32x4.splat(-0.34));
  return v128.bitselect(smallExpm1(x), f32x4.sub(exp4(x), f32x4.splat(1)), isNear);
}

/** ln((1 + m) 2ⁿ) for 1 + m in [√½, √2). */
// @ts-ignore: decorator
@inline
function logOfParts(m: v128, n: v128): v128 {
  const square = f32x4.mul(m, m);
  let p = f32x4.splat(7.0376836292e-2);
  p = multiplyAdd(p, m, f32x4.splat(-1.1514610310e-1));
  p = multiplyAdd(p, m, f32x4.splat(1.1676998740e-1));
  p = multiplyAdd(p, m, f32x4.splat(-1.2420140846e-1));
  p = multiplyAdd(p, m, f32x4.splat(1.4249322787e-1));
  p = multiplyAdd(p, m, f32x4.splat(-1.6668057665e-1));
  p = multiplyAdd(p, m, f32x4.splat(2.0000714765e-1));
  p = multiplyAdd(p, m, f32x4.splat(-2.4999993993e-1));
  p = multiplyAdd(p, m, f32x4.splat(3.3333331174e-1));
  let y = multiplyAdd(n, f32x4.splat(-2.12194440e-4), f32x4.mul(f32x4.mul(p, m), square));
  y = multiplyAdd(square, f32x4.splat(-0.5), y);
  return multiplyAdd(n, f32x4.splat(0.693359375), f32x4.add(m, y));
}

/** ln x; −∞ at 0, NaN below. */
// @ts-ignore: decorator
@inline
export function log4(x: v128): v128 {
  // The exponent bits of a subnormal number are 0.
  const isTiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, isTiny);
  let exponent = i32x4.sub(i32x4.shr_u(scaled, 23), i32x4.splat(126));
  exponent = i32x4.sub(exponent, v128.and(isTiny, i32x4.splat(23)));
  // m in [½, 1), then in [√½, √2).
  let m = v128.or(v128.and(scaled, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const isLow = f32x4.lt(m, f32x4.splat(0.707106781186547524));
  const n = f32x4.convert_i32x4_s(i32x4.add(exponent, isLow));
  m = f32x4.sub(f32x4.add(m, v128.and(m, isLow)), f32x4.splat(1));
  let y = logOfParts(m, n);
  y = v128.bitselect(x, y, f32x4.eq(x, f32x4.splat(Infinity)));
  y = v128.bitselect(f32x4.splat(-Infinity), y, f32x4.eq(x, f32x4.splat(0)));
  // Negative numbers and NaN.
  return v128.bitselect(y, f32x4.splat(NaN), f32x4.ge(x, f32x4.splat(0)));
}

/** ln(1 + x) for x ≥ 0: a correction term restores what rounding 1 + x has lost. */
// @ts-ignore: decorator
@inline
export function log1p4(x: v128): v128 {
  const one = f32x4.splat(1);
  const sum = f32x4.add(x, one);
  // m in [½, 1), then in [√½, √2).
  let m = v128.or(v128.and(sum, i32x4.splat(0x007fffff)), i32x4.splat(0x3f000000));
  const isLow = f32x4.lt(m, f32x4.splat(0.707106781186547524));
  const exponent = i32x4.sub(i32x4.shr_u(sum, 23), i32x4.splat(126));
  const n = f32x4.convert_i32x4_s(i32x4.add(exponent, isLow));
  m = f32x4.sub(f32x4.add(m, v128.and(m, isLow)), one);
  // The rest of x, divided by 1 + x: the next term of the series, and 0 where x is large.
  const rest = f32x4.sub(x, f32x4.sub(sum, one));
  const y = f32x4.add(logOfParts(m, n), f32x4.div(rest, sum));
  return v128.bitselect(x, y, f32x4.eq(x, f32x4.splat(Infinity)));
}

/** tanh x. */
// @ts-ignore: decorator
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const z = f32x4.mul(x, x);
  let p = f32x4.splat(-5.70498872745e-3);
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(2.06390887954e-2));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-5.37397155531e-2));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(1.33314422036e-1));
  p = f32x4.add(f32x4.mul(p, z), f32x4.splat(-3.33332819422e-1));
  const near = f32x4.add(f32x4.mul(f32x4.mul(p, z), x), x);
  const e = exp4(f32x4.add(size, size));
  const far = f32x4.sub(f32x4.splat(1), f32x4.div(f32x4.splat(2), f32x4.add(e, f32x4.splat(1))));
  const signed = v128.or(far, v128.and(x, f32x4.splat(-0.0)));
  const y = v128.bitselect(near, signed, f32x4.lt(size, f32x4.splat(0.625)));
  return v128.bitselect(x, y, f32x4.ne(x, x));
}

/** 1 / (1 + e⁻ˣ). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

/**
 * (1 − Φ(|x|)) exp(x²/2), Φ the normal distribution function: as kernels/normal-distribution.ts, but to the 10th degree,
 * whose relative error is 10⁻⁸.
 */
// @ts-ignore: decorator
@inline
export function normalTail(x: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.707106781));
  const t = f32x4.div(f32x4.splat(2), f32x4.add(f32x4.splat(2), z));
  const u = f32x4.sub(f32x4.add(t, t), f32x4.splat(1));
  let h = f32x4.splat(4.216119720e-05);
  h = multiplyAdd(h, u, f32x4.splat(-3.660187694e-05));
  h = multiplyAdd(h, u, f32x4.splat(-2.993827121e-04));
  h = multiplyAdd(h, u, f32x4.splat(4.306704884e-04));
  h = multiplyAdd(h, u, f32x4.splat(1.529157161e-03));
  h = multiplyAdd(h, u, f32x4.splat(-3.243451918e-03));
  h = multiplyAdd(h, u, f32x4.splat(-1.075162619e-02));
  h = multiplyAdd(h, u, f32x4.splat(1.822166943e-02));
  h = multiplyAdd(h, u, f32x4.splat(1.397357335e-01));
  h = multiplyAdd(h, u, f32x4.splat(3.435803187e-01));
  h = multiplyAdd(h, u, f32x4.splat(5.107913569e-01));
  return f32x4.mul(f32x4.mul(f32x4.splat(0.5), t), h);
}
