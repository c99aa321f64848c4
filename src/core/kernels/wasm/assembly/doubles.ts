/**
 * Sums of float32 in float64, so that the rounding errors of a long sum, or of a mean far from 0, are below a float32's
 * precision.
 */

/** The last two lanes as float64. */
// @ts-ignore: decorator
@inline
export function upperDoubles(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
}

/** Four float32 added up to two float64. */
// @ts-ignore: decorator
@inline
export function pairsOf(x: v128): v128 {
  return f64x2.add(f64x2.promote_low_f32x4(x), upperDoubles(x));
}

/** Likewise their squares, which a float32 might not hold. */
// @ts-ignore: decorator
@inline
export function pairsOfSquares(x: v128): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = upperDoubles(x);
  return f64x2.add(f64x2.mul(low, low), f64x2.mul(high, high));
}

/** Likewise the products of two vectors. */
// @ts-ignore: decorator
@inline
export function pairsOfProducts(a: v128, b: v128): v128 {
  const low = f64x2.mul(f64x2.promote_low_f32x4(a), f64x2.promote_low_f32x4(b));
  return f64x2.add(low, f64x2.mul(upperDoubles(a), upperDoubles(b)));
}

/** Two float64 each from two vectors, as four float32. */
// @ts-ignore: decorator
@inline
export function rounded(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

// @ts-ignore: decorator
@inline
export function sumOfDoubles(x: v128): f64 {
  return f64x2.extract_lane(x, 0) + f64x2.extract_lane(x, 1);
}
