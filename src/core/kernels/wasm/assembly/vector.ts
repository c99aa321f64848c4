/** The small pieces that the loops share. */

/** a · b + c: fused where the module is built for engines with relaxed SIMD, else two roundings. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  // @ts-ignore: a constant of the build
  if (RELAXED) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** The address of the float32 this many elements further on. */
// @ts-ignore: decorator
@inline
export function at(pointer: usize, elements: i32): usize {
  return pointer + ((<usize>elements) << 2);
}

/**
 * Multiplying by `factor` is done in two steps, because `factor` itself may be beyond float32, or subnormal with few digits.
 * This is the first step: a power of two, so that nothing is rounded, such that `factor` over it is far from both ends of the
 * range. 1 where one step is enough.
 */
// @ts-ignore: decorator
@inline
export function firstFactor(factor: f64): f32 {
  if (factor > 1.152921504606847e18) return 1.8446744073709552e19;
  return factor < 8.673617379884035e-19 ? 5.421010862427522e-20 : 1;
}

// @ts-ignore: decorator
@inline
export function sumOf(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}
