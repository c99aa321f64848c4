/** Entries dropped at random: the kernel of kernels/dropout.ts. */
import { rounded, upperDoubles } from './doubles';
import { at } from './vector';

/** `scramble` of core/random.ts. */
// @ts-ignore: decorator
@inline
function scramble(words: v128): v128 {
  let bits = i32x4.mul(v128.xor(words, i32x4.shr_u(words, 16)), i32x4.splat(0x85ebca6b));
  bits = i32x4.mul(v128.xor(bits, i32x4.shr_u(bits, 13)), i32x4.splat(0xc2b2ae35));
  return v128.xor(bits, i32x4.shr_u(bits, 16));
}

/** Elements `begin` … `end` − 1; the keys and the threshold are words of 32 bits without a sign. */
export function dropout(
  x: usize,
  y: usize,
  begin: i32,
  end: i32,
  firstKey: u32,
  secondKey: u32,
  threshold: u32,
  share: f64,
): void {
  const key = i32x4.splat(secondKey);
  const limit = i32x4.splat(threshold);
  const shares = f64x2.splat(share);
  let places = i32x4.add(i32x4.splat(begin + firstKey), i32x4(0, 1, 2, 3));
  let i = begin;
  for (; i + 4 <= end; i += 4) {
    const isKept = i32x4.ge_u(scramble(v128.xor(scramble(places), key)), limit);
    const each = v128.load(at(x, i));
    // In float64 and rounded once, as in the plain kernel.
    const low = f64x2.mul(shares, f64x2.promote_low_f32x4(each));
    const high = f64x2.mul(shares, upperDoubles(each));
    v128.store(at(y, i), v128.and(rounded(low, high), isKept));
    places = i32x4.add(places, i32x4.splat(4));
  }
  for (; i < end; i++) {
    const bits = <u32>i32x4.extract_lane(scramble(v128.xor(scramble(i32x4.splat(i + firstKey)), key)), 0);
    store<f32>(at(y, i), bits < threshold ? 0 : <f32>(share * <f64>load<f32>(at(x, i))));
  }
}
