/**
 * Rows of mean 0 and variance 1, and the gradients: the kernels of kernels/layer-norm.ts. Sums over a row and means are
 * float64. Means are subtracted in two float32 parts, so that rows far from 0 are as exact as rows near it.
 */
import { pairsOf, sumOfDoubles, upperDoubles } from './doubles';
import { at, firstFactor, multiplyAdd } from './vector';

// @ts-ignore: decorator
@inline
function double(pointer: usize, index: i32): f64 {
  return load<f64>(pointer + ((<usize>index) << 3));
}

/**
 * (x − μ) · share, with the share in factors and the mean in two parts. The first factor is applied before the mean is
 * subtracted: the difference of very large numbers might overflow a float32, and the mean of very small ones has few digits
 * in it.
 */
// @ts-ignore: decorator
@inline
function normal(x: v128, before: v128, high: v128, low: v128, after: v128, rest: v128): v128 {
  return f32x4.mul(rest, f32x4.mul(after, f32x4.sub(f32x4.sub(f32x4.mul(before, x), high), low)));
}

/**
 * The first factor, or 1 where the mean times it would overflow a float32: such rows are so even that the factor can wait.
 */
// @ts-ignore: decorator
@inline
function factorBefore(factor: f32, mean: f64): f32 {
  return abs(mean) * <f64>factor < 1e38 ? factor : 1;
}

/** The rest of a number after rounding to float32. */
// @ts-ignore: decorator
@inline
function restOf(x: f64): f32 {
  return <f32>(x - <f64>(<f32>x));
}

// @ts-ignore: decorator
@inline
function meanOf(row: usize, columns: i32): f64 {
  const vectors = columns & ~3;
  let first = f64x2.splat(0);
  let second = first;
  for (let c = 0; c < vectors; c += 4) {
    const x = v128.load(at(row, c));
    first = f64x2.add(first, f64x2.promote_low_f32x4(x));
    second = f64x2.add(second, upperDoubles(x));
  }
  let sum = sumOfDoubles(f64x2.add(first, second));
  for (let c = vectors; c < columns; c++) sum += <f64>load<f32>(at(row, c));
  return sum / <f64>columns;
}

// @ts-ignore: decorator
@inline
function varianceOf(row: usize, columns: i32, mean: f64): f64 {
  const vectors = columns & ~3;
  const means = f64x2.splat(mean);
  let first = f64x2.splat(0);
  let second = first;
  for (let c = 0; c < vectors; c += 4) {
    const x = v128.load(at(row, c));
    const low = f64x2.sub(f64x2.promote_low_f32x4(x), means);
    const high = f64x2.sub(upperDoubles(x), means);
    first = f64x2.add(first, f64x2.mul(low, low));
    second = f64x2.add(second, f64x2.mul(high, high));
  }
  let sum = sumOfDoubles(f64x2.add(first, second));
  for (let c = vectors; c < columns; c++) {
    const rest = <f64>load<f32>(at(row, c)) - mean;
    sum += rest * rest;
  }
  return sum / <f64>columns;
}

/** Rows `begin` … `end` − 1; `means` and `shares` are float64. */
export function layerNormRows(
  x: usize,
  gain: usize,
  bias: usize,
  y: usize,
  means: usize,
  shares: usize,
  begin: i32,
  end: i32,
  columns: i32,
  epsilon: f64,
): void {
  const vectors = columns & ~3;
  for (let row = begin; row < end; row++) {
    const from = at(x, row * columns);
    const to = at(y, row * columns);
    const mean = meanOf(from, columns);
    const share = 1 / sqrt(varianceOf(from, columns, mean) + epsilon);
    store<f64>(means + ((<usize>row) << 3), mean);
    store<f64>(shares + ((<usize>row) << 3), share);
    const factor = firstFactor(share);
    const first = factorBefore(factor, mean);
    const before = f32x4.splat(first);
    const after = f32x4.splat(factor / first);
    const rest = f32x4.splat(<f32>(share / <f64>factor));
    const scaledMean = mean * <f64>first;
    const high = f32x4.splat(<f32>scaledMean);
    const low = f32x4.splat(restOf(scaledMean));
    for (let c = 0; c < vectors; c += 4) {
      const scaled = normal(v128.load(at(from, c)), before, high, low, after, rest);
      v128.store(at(to, c), multiplyAdd(v128.load(at(gain, c)), scaled, v128.load(at(bias, c))));
    }
    for (let c = vectors; c < columns; c++) {
      const scaled = normal(v128.load_splat<f32>(at(from, c)), before, high, low, after, rest);
      const result = multiplyAdd(v128.load_splat<f32>(at(gain, c)), scaled, v128.load_splat<f32>(at(bias, c)));
      store<f32>(at(to, c), f32x4.extract_lane(result, 0));
    }
  }
}

/** The gradient of x, rows `begin` … `end` − 1. */
export function layerNormGradientRows(
  x: usize,
  gain: usize,
  means: usize,
  shares: usize,
  gradient: usize,
  result: usize,
  begin: i32,
  end: i32,
  columns: i32,
): void {
  const vectors = columns & ~3;
  for (let row = begin; row < end; row++) {
    const from = at(x, row * columns);
    const g = at(gradient, row * columns);
    const to = at(result, row * columns);
    const mean = double(means, row);
    const share = double(shares, row);
    const factor = firstFactor(share);
    const first = factorBefore(factor, mean);
    const before = f32x4.splat(first);
    const after = f32x4.splat(factor / first);
    const rest = f32x4.splat(<f32>(share / <f64>factor));
    const scaledMean = mean * <f64>first;
    const high = f32x4.splat(<f32>scaledMean);
    const low = f32x4.splat(restOf(scaledMean));
    const factors = f32x4.splat(factor);
    let sums = f64x2.splat(0);
    let products = sums;
    for (let c = 0; c < vectors; c += 4) {
      const scaled = f32x4.mul(v128.load(at(gain, c)), v128.load(at(g, c)));
      const each = normal(v128.load(at(from, c)), before, high, low, after, rest);
      sums = f64x2.add(sums, pairsOf(scaled));
      products = f64x2.add(products, pairsOf(f32x4.mul(scaled, each)));
    }
    let sum = sumOfDoubles(sums);
    let along = sumOfDoubles(products);
    for (let c = vectors; c < columns; c++) {
      const scaled = load<f32>(at(gain, c)) * load<f32>(at(g, c));
      const each = normal(v128.load_splat<f32>(at(from, c)), before, high, low, after, rest);
      sum += <f64>scaled;
      along += <f64>(scaled * f32x4.extract_lane(each, 0));
    }
    const shift = f32x4.splat(<f32>(sum / <f64>columns));
    const tilt = f32x4.splat(<f32>(-along / <f64>columns));
    for (let c = 0; c < vectors; c += 4) {
      const scaled = f32x4.mul(v128.load(at(gain, c)), v128.load(at(g, c)));
      const each = normal(v128.load(at(from, c)), before, high, low, after, rest);
      const sum = multiplyAdd(tilt, each, f32x4.sub(scaled, shift));
      v128.store(at(to, c), f32x4.mul(rest, f32x4.mul(factors, sum)));
    }
    for (let c = vectors; c < columns; c++) {
      const scaled = f32x4.mul(v128.load_splat<f32>(at(gain, c)), v128.load_splat<f32>(at(g, c)));
      const each = normal(v128.load_splat<f32>(at(from, c)), before, high, low, after, rest);
      const sum = multiplyAdd(tilt, each, f32x4.sub(scaled, shift));
      store<f32>(at(to, c), f32x4.extract_lane(f32x4.mul(rest, f32x4.mul(factors, sum)), 0));
    }
  }
}

/**
 * Σ ȳ ∘ x̂ and Σ ȳ over `rows` rows, for each column: to `toGain` and `toBias`, float64. `x` and `gradient` point at the
 * first of the rows, `means` and `shares` at its entry. The rows are few enough to be summed in float32 without harm.
 */
export function layerNormPartial(
  x: usize,
  means: usize,
  shares: usize,
  gradient: usize,
  toGain: usize,
  toBias: usize,
  rows: i32,
  columns: i32,
): void {
  let c = 0;
  for (; c + 8 <= columns; c += 8) {
    let ofGain = f32x4.splat(0);
    let ofBias = ofGain;
    let nextOfGain = ofGain;
    let nextOfBias = ofGain;
    for (let row = 0; row < rows; row++) {
      const place = row * columns + c;
      const factor = firstFactor(double(shares, row));
      const first = factorBefore(factor, double(means, row));
      const before = f32x4.splat(first);
      const after = f32x4.splat(factor / first);
      const rest = f32x4.splat(<f32>(double(shares, row) / <f64>factor));
      const mean = double(means, row) * <f64>first;
      const high = f32x4.splat(<f32>mean);
      const low = f32x4.splat(restOf(mean));
      const g = v128.load(at(gradient, place));
      const next = v128.load(at(gradient, place), 16);
      ofGain = multiplyAdd(g, normal(v128.load(at(x, place)), before, high, low, after, rest), ofGain);
      nextOfGain = multiplyAdd(next, normal(v128.load(at(x, place), 16), before, high, low, after, rest), nextOfGain);
      ofBias = f32x4.add(ofBias, g);
      nextOfBias = f32x4.add(nextOfBias, next);
    }
    putDoubles(toGain, ofGain, c);
    putDoubles(toGain, nextOfGain, c + 4);
    putDoubles(toBias, ofBias, c);
    putDoubles(toBias, nextOfBias, c + 4);
  }
  for (; c < columns; c++) {
    let ofGain: f32 = 0;
    let ofBias: f32 = 0;
    for (let row = 0; row < rows; row++) {
      const place = row * columns + c;
      const factor = firstFactor(double(shares, row));
      const first = factorBefore(factor, double(means, row));
      const mean = double(means, row) * <f64>first;
      const less = first * load<f32>(at(x, place)) - <f32>mean - restOf(mean);
      const g = load<f32>(at(gradient, place));
      ofGain += g * (less * (factor / first) * <f32>(double(shares, row) / <f64>factor));
      ofBias += g;
    }
    store<f64>(toGain + ((<usize>c) << 3), <f64>ofGain);
    store<f64>(toBias + ((<usize>c) << 3), <f64>ofBias);
  }
}

/** Four float32, as float64 from column c on. */
// @ts-ignore: decorator
@inline
function putDoubles(target: usize, lanes: v128, c: i32): void {
  const to = target + ((<usize>c) << 3);
  v128.store(to, f64x2.promote_low_f32x4(lanes));
  v128.store(to, upperDoubles(lanes), 16);
}
