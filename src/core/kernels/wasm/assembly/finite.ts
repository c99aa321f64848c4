/** Whether numbers are finite: the loop of core/finite.ts. */

/** Whether none of `count` float32 is NaN or infinite. */
export function allFinite(x: usize, count: i32): bool {
  const end = x + ((<usize>count) << 2);
  let poison = f32x4.splat(0);
  for (; x + 16 <= end; x += 16) {
    const each = v128.load(x);
    // x − x is 0, or NaN for what is not finite.
    poison = v128.or(poison, f32x4.sub(each, each));
  }
  for (; x < end; x += 4) {
    const each = v128.load_splat<f32>(x);
    poison = v128.or(poison, f32x4.sub(each, each));
  }
  return !v128.any_true(poison);
}
