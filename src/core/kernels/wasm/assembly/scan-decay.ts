/**
 * Rows that decay: loops of kernels/scan-decay.ts. `sums` are float64, one for each place of the chunk; all else is float32.
 */
import { pairsOfProducts, rounded, sumOfDoubles, upperDoubles } from './doubles';
import { exp4 } from './elementary';
import { at, multiplyAdd } from './vector';

/** e to the power of two and two float64: the exponent that float32 would round off is multiplied in. */
// @ts-ignore: decorator
@inline
export function exponential(low: v128, high: v128): v128 {
  const x = rounded(low, high);
  const restLow = f64x2.sub(low, f64x2.promote_low_f32x4(x));
  const restHigh = f64x2.sub(high, upperDoubles(x));
  const y = exp4(x);
  return multiplyAdd(y, rounded(restLow, restHigh), y);
}

/** to_r = e^(sign (sums_r − base)) x_r, rows of `to` one after another. */
export function decayRows(
  x: usize,
  xRow: i32,
  sums: usize,
  base: f64,
  sign: f64,
  to: usize,
  rows: i32,
  count: i32,
): void {
  const bases = f64x2.splat(base);
  const signs = f64x2.splat(sign);
  for (let row = 0; row < rows; row += 4) {
    const from = sums + ((<usize>row) << 3);
    const low = f64x2.mul(signs, f64x2.sub(v128.load(from), bases));
    const high = f64x2.mul(signs, f64x2.sub(v128.load(from, 16), bases));
    const factors = exponential(low, high);
    scaleRow(x, f32x4.extract_lane(factors, 0), to, count);
    if (row + 1 < rows) scaleRow(at(x, xRow), f32x4.extract_lane(factors, 1), at(to, count), count);
    if (row + 2 < rows) scaleRow(at(x, 2 * xRow), f32x4.extract_lane(factors, 2), at(to, 2 * count), count);
    if (row + 3 < rows) scaleRow(at(x, 3 * xRow), f32x4.extract_lane(factors, 3), at(to, 3 * count), count);
    x = at(x, 4 * xRow);
    to = at(to, 4 * count);
  }
}

function scaleRow(x: usize, factor: f32, to: usize, count: i32): void {
  const vectors = count & ~3;
  const all = f32x4.splat(factor);
  for (let c = 0; c < vectors; c += 4) v128.store(at(to, c), f32x4.mul(all, v128.load(at(x, c))));
  for (let c = vectors; c < count; c++) store<f32>(at(to, c), factor * load<f32>(at(x, c)));
}

/** to_r = e^(sign · exponents_r) ∘ x_r, rows of exponents one after another. */
export function raiseRows(
  x: usize,
  xRow: i32,
  exponents: usize,
  sign: f32,
  to: usize,
  toRow: i32,
  rows: i32,
  count: i32,
): void {
  const vectors = count & ~3;
  const signs = f32x4.splat(sign);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < vectors; c += 4) {
      const factor = exp4(f32x4.mul(signs, v128.load(at(exponents, c))));
      v128.store(at(to, c), f32x4.mul(factor, v128.load(at(x, c))));
    }
    for (let c = vectors; c < count; c++) {
      const factor = exp4(f32x4.mul(signs, v128.load_splat<f32>(at(exponents, c))));
      store<f32>(at(to, c), f32x4.extract_lane(factor, 0) * load<f32>(at(x, c)));
    }
    x = at(x, xRow);
    to = at(to, toRow);
    exponents = at(exponents, count);
  }
}

/** to_r += sign · a_r · b_r, float64, for rows one after another. */
export function addDotsOfRows(a: usize, b: usize, to: usize, sign: f64, rows: i32, count: i32): void {
  const vectors = count & ~3;
  for (let row = 0; row < rows; row++) {
    let sums = f64x2.splat(0);
    for (let c = 0; c < vectors; c += 4) {
      sums = f64x2.add(sums, pairsOfProducts(v128.load(at(a, c)), v128.load(at(b, c))));
    }
    let sum = sumOfDoubles(sums);
    for (let c = vectors; c < count; c++) sum += <f64>load<f32>(at(a, c)) * <f64>load<f32>(at(b, c));
    store<f64>(to, load<f64>(to) + sign * sum);
    a = at(a, count);
    b = at(b, count);
    to += 8;
  }
}
