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
    if (means != 0) store<f64>(means + ((<usize>row) << 3), mean);
    if (shares != 0) store<f64>(shares + ((<usize>row) << 3), share);
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

/**
 * The gradients of `rows` rows, all pointers at the first of them: that of x to `result`, and Σ ȳ ∘ x̂ and Σ ȳ for each column to
 * `toGain` and `toBias`, float64. What is at 0 is not wanted. The rows are few enough to be summed in float32 without harm.
 */
export function layerNormGradients(
  x: usize,
  gain: usize,
  means: usize,
  shares: usize,
  gradient: usize,
  result: usize,
  toGain: usize,
  toBias: usize,
  rows: i32,
  columns: i32,
): void {
  const vectors = columns & ~3;
  const sums = toGain != 0;
  // Until the end, sums are float32 in the first half of their room.
  if (sums) memory.fill(toGain, 0, (<usize>columns) << 2);
  if (sums) memory.fill(toBias, 0, (<usize>columns) << 2);
  for (let row = 0; row < rows; row++) {
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
    if (sums) {
      for (let c = 0; c < vectors; c += 4) {
        const own = v128.load(at(g, c));
        const each = normal(v128.load(at(from, c)), before, high, low, after, rest);
        v128.store(at(toGain, c), multiplyAdd(own, each, v128.load(at(toGain, c))));
        v128.store(at(toBias, c), f32x4.add(v128.load(at(toBias, c)), own));
      }
      for (let c = vectors; c < columns; c++) {
        const own = load<f32>(at(g, c));
        const each = f32x4.extract_lane(normal(v128.load_splat<f32>(at(from, c)), before, high, low, after, rest), 0);
        store<f32>(at(toGain, c), load<f32>(at(toGain, c)) + own * each);
        store<f32>(at(toBias, c), load<f32>(at(toBias, c)) + own);
      }
    }
    if (result == 0) continue;
    const factors = f32x4.splat(factor);
    let pairs = f64x2.splat(0);
    let products = pairs;
    for (let c = 0; c < vectors; c += 4) {
      const scaled = f32x4.mul(v128.load(at(gain, c)), v128.load(at(g, c)));
      const each = normal(v128.load(at(from, c)), before, high, low, after, rest);
      pairs = f64x2.add(pairs, pairsOf(scaled));
      products = f64x2.add(products, pairsOf(f32x4.mul(scaled, each)));
    }
    let sum = sumOfDoubles(pairs);
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
  if (sums) widen(toGain, columns);
  if (sums) widen(toBias, columns);
}

/** `count` float32, as float64 from the same place on. From the end, so that none is overwritten before it is read. */
function widen(place: usize, count: i32): void {
  for (let c = count - 1; c >= 0; c--) store<f64>(place + ((<usize>c) << 3), <f64>load<f32>(at(place, c)));
}
