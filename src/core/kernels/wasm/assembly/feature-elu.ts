/**
 * Rows of x with φ(x) = elu(x) + 1 = e^min(x, 0) (1 + max(x, 0)), and a row of scales: loops of kernels/feature-elu.ts, four float32
 * at a time.
 */
import { expOfDifference } from './elementary';
import { HIGHEST } from './feature-exponents';
import { above0, below0, largestOf } from './feature-sizes';
import { at, multiplyAdd } from './vector';

/** Above, e^−87 may be too large a share of φ. */
const HUGE: f32 = 1e14;

/** φ(x) e^(exponent − min(x, 0)). */
// @ts-ignore: decorator
@inline
function power(x: v128, exponent: v128): v128 {
  const highest = f32x4.splat(HIGHEST);
  return f32x4.mul(expOfDifference(f32x4.pmin(exponent, highest)), f32x4.add(above0(x), f32x4.splat(1)));
}

/** The same for any x: 1 + max(x, 0) is 2ᵏ times a number of [1, 2), and 2ᵏ goes into the exponent. */
function powerOfHuge(x: v128, exponent: v128): v128 {
  const factor = f32x4.add(above0(x), f32x4.splat(1));
  const k = f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.sub(factor, i32x4.splat(0x3f800000)), 23));
  const sum = f32x4.pmin(multiplyAdd(k, f32x4.splat(0.693147182), exponent), f32x4.splat(HIGHEST));
  const fraction = v128.or(v128.and(factor, i32x4.splat(0x007fffff)), i32x4.splat(0x3f800000));
  const isFinite = f32x4.lt(factor, f32x4.splat(Infinity));
  return f32x4.mul(expOfDifference(sum), v128.bitselect(fraction, factor, isFinite));
}

/** to_r = φ(x_r) e^(shift_r + sign · y), zeros for a shift of −∞. Stops before a row r > 0 with a power above `most`. */
export function powersOfElu(
  x: usize,
  xRow: i32,
  y: usize,
  sign: f32,
  shifts: usize,
  to: usize,
  rows: i32,
  count: i32,
  most: f32,
): i32 {
  const signs = f32x4.splat(sign);
  for (let row = 0; row < rows; row++) {
    const shift = load<f32>(at(shifts, row));
    if (shift == -Infinity) memory.fill(to, 0, (<usize>count) << 2);
    else {
      const all = f32x4.splat(shift);
      let largest = f32x4.splat(0);
      let inputs = largest;
      let i = 0;
      for (; i + 8 <= count; i += 8) {
        let left = v128.load(at(x, i));
        let right = v128.load(at(x, i), 16);
        inputs = f32x4.pmax(f32x4.pmax(inputs, left), right);
        left = power(left, multiplyAdd(signs, v128.load(at(y, i)), f32x4.add(below0(left), all)));
        right = power(right, multiplyAdd(signs, v128.load(at(y, i), 16), f32x4.add(below0(right), all)));
        largest = f32x4.pmax(f32x4.pmax(largest, left), right);
        v128.store(at(to, i), left);
        v128.store(at(to, i), right, 16);
      }
      for (; i < count; i++) {
        const each = v128.load_splat<f32>(at(x, i));
        const value = power(each, multiplyAdd(signs, v128.load_splat<f32>(at(y, i)), f32x4.add(below0(each), all)));
        inputs = f32x4.pmax(inputs, each);
        largest = f32x4.pmax(largest, value);
        store<f32>(at(to, i), f32x4.extract_lane(value, 0));
      }
      let peak = largestOf(largest);
      if (largestOf(inputs) > HUGE) peak = powersOfHuge(x, y, sign, shift, to, count);
      if (peak > most && row > 0) return row;
    }
    x = at(x, xRow);
    to = at(to, count);
  }
  return rows;
}

/** One row of it, and the largest power. */
function powersOfHuge(x: usize, y: usize, sign: f32, shift: f32, to: usize, count: i32): f32 {
  let largest: f32 = 0;
  for (let i = 0; i < count; i++) {
    const each = v128.load_splat<f32>(at(x, i));
    const exponent = f32x4.add(below0(each), f32x4.splat(shift + sign * load<f32>(at(y, i))));
    const value = f32x4.extract_lane(powerOfHuge(each, exponent), 0);
    largest = max(largest, value);
    store<f32>(at(to, i), value);
  }
  return largest;
}

/** to_r = to_r ∘ by_r / (1 + max(x_r, 0)), zeros for a shift of −∞. */
export function multiplyEluSlopes(
  to: usize,
  toRow: i32,
  by: usize,
  x: usize,
  xRow: i32,
  shifts: usize,
  rows: i32,
  count: i32,
): void {
  const vectors = count & ~3;
  const one = f32x4.splat(1);
  for (let row = 0; row < rows; row++) {
    if (load<f32>(at(shifts, row)) == -Infinity) memory.fill(to, 0, (<usize>count) << 2);
    else {
      for (let i = 0; i < vectors; i += 4) {
        const share = f32x4.div(v128.load(at(by, i)), f32x4.add(above0(v128.load(at(x, i))), one));
        v128.store(at(to, i), f32x4.mul(v128.load(at(to, i)), share));
      }
      for (let i = vectors; i < count; i++) {
        const each = load<f32>(at(x, i));
        const share = load<f32>(at(by, i)) / (each > 0 ? each + 1 : 1);
        store<f32>(at(to, i), load<f32>(at(to, i)) * share);
      }
    }
    to = at(to, toRow);
    by = at(by, count);
    x = at(x, xRow);
  }
}
