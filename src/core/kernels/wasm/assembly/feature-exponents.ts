/** Rows of exponents and a row of scales: loops of kernels/feature-exponents.ts, four float32 at a time. */
import { pairsOfProducts, sumOfDoubles } from './doubles';
import { expOfDifference } from './elementary';
import { largestOf } from './feature-sizes';
import { at, multiplyAdd, sumOf } from './vector';

/** Exponents that rounding has made slightly larger still have a finite power. */
export const HIGHEST: f32 = 80;

/** to_r = e^((x_r + shift_r) + sign · y), zeros for a shift of −∞. Stops before a row r > 0 with an exponent above `reach`. */
export function exponentialsOfSums(
  x: usize,
  xRow: i32,
  y: usize,
  sign: f32,
  shifts: usize,
  to: usize,
  rows: i32,
  count: i32,
  reach: f32,
): i32 {
  const signs = f32x4.splat(sign);
  const highest = f32x4.splat(HIGHEST);
  for (let row = 0; row < rows; row++) {
    const shift = load<f32>(at(shifts, row));
    if (shift == -Infinity) memory.fill(to, 0, (<usize>count) << 2);
    else {
      const all = f32x4.splat(shift);
      let first = f32x4.splat(-Infinity);
      let second = first;
      let i = 0;
      for (; i + 8 <= count; i += 8) {
        const left = multiplyAdd(signs, v128.load(at(y, i)), f32x4.add(v128.load(at(x, i)), all));
        const right = multiplyAdd(signs, v128.load(at(y, i), 16), f32x4.add(v128.load(at(x, i), 16), all));
        first = f32x4.pmax(first, left);
        second = f32x4.pmax(second, right);
        v128.store(at(to, i), expOfDifference(f32x4.pmin(left, highest)));
        v128.store(at(to, i), expOfDifference(f32x4.pmin(right, highest)), 16);
      }
      let largest = largestOf(f32x4.pmax(first, second));
      for (; i < count; i++) {
        const exponent = load<f32>(at(x, i)) + shift + sign * load<f32>(at(y, i));
        largest = max(largest, exponent);
        store<f32>(at(to, i), f32x4.extract_lane(expOfDifference(f32x4.pmin(f32x4.splat(exponent), highest)), 0));
      }
      if (largest > reach && row > 0) return row;
    }
    x = at(x, xRow);
    to = at(to, count);
  }
  return rows;
}

/** to[r] = x_r · y. */
export function dotsOfRows(x: usize, y: usize, to: usize, rows: i32, count: i32): void {
  for (let row = 0; row < rows; row++) {
    let first = f32x4.splat(0);
    let second = first;
    let i = 0;
    for (; i + 8 <= count; i += 8) {
      first = multiplyAdd(v128.load(at(x, i)), v128.load(at(y, i)), first);
      second = multiplyAdd(v128.load(at(x, i), 16), v128.load(at(y, i), 16), second);
    }
    let sum = sumOf(f32x4.add(first, second));
    for (; i < count; i++) sum += load<f32>(at(x, i)) * load<f32>(at(y, i));
    store<f32>(at(to, row), sum);
    x = at(x, count);
  }
}

/** to_r = shares[r] to_r. */
export function scaleRows(to: usize, toRow: i32, shares: usize, rows: i32, count: i32): void {
  const vectors = count & ~3;
  for (let row = 0; row < rows; row++) {
    const share = load<f32>(at(shares, row));
    const all = f32x4.splat(share);
    for (let i = 0; i < vectors; i += 4) v128.store(at(to, i), f32x4.mul(v128.load(at(to, i)), all));
    for (let i = vectors; i < count; i++) store<f32>(at(to, i), load<f32>(at(to, i)) * share);
    to = at(to, toRow);
  }
}

/** The loop of featureDeltasKernel, for rows one after another; `logSum` and `shifts` are float64. */
export function deltasOfRows(
  output: usize,
  logSum: usize,
  gradient: usize,
  logSumGradient: usize,
  shifts: usize,
  weights: usize,
  rows: i32,
  count: i32,
): void {
  const zero = f32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    let sums = f64x2.splat(0);
    let found = f32x4.splat(0);
    let i = 0;
    for (; i + 4 <= count; i += 4) {
      const each = v128.load(at(gradient, i));
      sums = f64x2.add(sums, pairsOfProducts(each, v128.load(at(output, i))));
      found = v128.or(found, f32x4.ne(each, zero));
    }
    let product = sumOfDoubles(sums);
    const ofLogSum = load<f32>(at(logSumGradient, row));
    let isThere = v128.any_true(found) || ofLogSum != 0;
    for (; i < count; i++) {
      const each = load<f32>(at(gradient, i));
      product += <f64>each * <f64>load<f32>(at(output, i));
      if (each != 0) isThere = true;
    }
    const place = (<usize>row) << 3;
    const size = load<f64>(logSum + place);
    if (size == -Infinity) isThere = false;
    store<f64>(shifts + place, isThere ? -size : -Infinity);
    store<f32>(at(weights, row), isThere ? <f32>(<f64>ofLogSum - product) : 0);
    output = at(output, count);
    gradient = at(gradient, count);
  }
}

/** to_r = to_r ∘ by_r, zeros for a shift of −∞. */
export function multiplyRows(to: usize, toRow: i32, by: usize, shifts: usize, rows: i32, count: i32): void {
  const vectors = count & ~3;
  for (let row = 0; row < rows; row++) {
    if (load<f32>(at(shifts, row)) == -Infinity) memory.fill(to, 0, (<usize>count) << 2);
    else {
      for (let i = 0; i < vectors; i += 4) {
        v128.store(at(to, i), f32x4.mul(v128.load(at(to, i)), v128.load(at(by, i))));
      }
      for (let i = vectors; i < count; i++) store<f32>(at(to, i), load<f32>(at(to, i)) * load<f32>(at(by, i)));
    }
    to = at(to, toRow);
    by = at(by, count);
  }
}

/** y += Σ_r weights[r] x_r, rows one after another: sixteen columns at a time. */
export function addWeightedRows(x: usize, weights: usize, y: usize, rows: i32, count: i32): void {
  let i = 0;
  for (; i + 16 <= count; i += 16) {
    const to = at(y, i);
    let first = v128.load(to);
    let second = v128.load(to, 16);
    let third = v128.load(to, 32);
    let fourth = v128.load(to, 48);
    let from = at(x, i);
    for (let row = 0; row < rows; row++) {
      const weight = v128.load_splat<f32>(at(weights, row));
      first = multiplyAdd(weight, v128.load(from), first);
      second = multiplyAdd(weight, v128.load(from, 16), second);
      third = multiplyAdd(weight, v128.load(from, 32), third);
      fourth = multiplyAdd(weight, v128.load(from, 48), fourth);
      from = at(from, count);
    }
    v128.store(to, first);
    v128.store(to, second, 16);
    v128.store(to, third, 32);
    v128.store(to, fourth, 48);
  }
  for (; i < count; i++) {
    let sum = load<f32>(at(y, i));
    for (let row = 0; row < rows; row++) sum += load<f32>(at(weights, row)) * load<f32>(at(x, row * count + i));
    store<f32>(at(y, i), sum);
  }
}

/** Rows one after another: to_r = own[r] to_r + kept[r] from_r. */
export function mixTwoRows(to: usize, own: usize, from: usize, kept: usize, rows: i32, count: i32): void {
  const vectors = count & ~3;
  for (let row = 0; row < rows; row++) {
    const ofTo = load<f32>(at(own, row));
    const ofFrom = load<f32>(at(kept, row));
    const first = f32x4.splat(ofTo);
    const second = f32x4.splat(ofFrom);
    for (let i = 0; i < vectors; i += 4) {
      const old = f32x4.mul(second, v128.load(at(from, i)));
      v128.store(at(to, i), multiplyAdd(first, v128.load(at(to, i)), old));
    }
    for (let i = vectors; i < count; i++) {
      store<f32>(at(to, i), ofTo * load<f32>(at(to, i)) + ofFrom * load<f32>(at(from, i)));
    }
    to = at(to, count);
    from = at(from, count);
  }
}
