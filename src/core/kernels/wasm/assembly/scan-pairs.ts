/**
 * Pairs of a chunk of a scan, and rows that decay: loops of kernels/scan-chunk.ts and kernels/scan-decay.ts. `sums` are float64,
 * one for each place of the chunk; all else is float32.
 */
import { rounded, upperDoubles } from './doubles';
import { exp4 } from './elementary';
import { byRows } from './tile-rows';
import { at, multiplyAdd } from './vector';

/** Rows of a strip. */
const STRIP = 8;

/** e to the power of two and two float64: the exponent that float32 would round off is multiplied in. */
// @ts-ignore: decorator
@inline
function exponential(low: v128, high: v128): v128 {
  const x = rounded(low, high);
  const restLow = f64x2.sub(low, f64x2.promote_low_f32x4(x));
  const restHigh = f64x2.sub(high, upperDoubles(x));
  const y = exp4(x);
  return multiplyAdd(y, rounded(restLow, restHigh), y);
}

/** Pairs times e^(sums_i − sums_j), unless `sums` is 0, and zeros after the last pair of each row. */
function weighPairs(pairs: usize, stride: i32, row: i32, count: i32, columns: i32, sums: usize, strict: bool): void {
  const lanes = i32x4(0, 1, 2, 3);
  for (let i = 0; i < count; i++) {
    const last = row + i - <i32>strict;
    const limit = i32x4.splat(last);
    const own = sums == 0 ? f64x2.splat(0) : v128.load_splat<f64>(sums + ((<usize>(row + i)) << 3));
    for (let j = 0; j < columns; j += 4) {
      const place = at(pairs, i * stride + j);
      if (j > last) {
        v128.store(place, f32x4.splat(0));
        continue;
      }
      let each = v128.load(place);
      if (sums != 0) {
        const other = sums + ((<usize>j) << 3);
        const low = f64x2.sub(own, v128.load(other));
        const high = f64x2.sub(own, v128.load(other, 16));
        each = f32x4.mul(each, exponential(low, high));
      }
      if (j + 3 > last) each = v128.and(each, i32x4.le_s(i32x4.add(lanes, i32x4.splat(j)), limit));
      v128.store(place, each);
    }
  }
}

/** The twin of addPairs, with `middle` in panels; rows of `pairs` are `stride` apart, a multiple of 4. */
export function addPairs(
  target: usize,
  targetRow: i32,
  left: usize,
  leftRow: i32,
  middle: usize,
  right: usize,
  rightRow: i32,
  pairs: usize,
  stride: i32,
  rows: i32,
  inner: i32,
  width: i32,
  sums: usize,
  strict: bool,
  alpha: f32,
): void {
  const panel = (<usize>inner) << 5;
  for (let row = 0; row < rows; row += STRIP) {
    const count = min(STRIP, rows - row);
    const columns = row + count;
    byRows(pairs, stride, at(left, row * leftRow), leftRow, 1, middle, 8, panel, count, columns, inner, 1, false);
    weighPairs(pairs, stride, row, count, columns, sums, strict);
    const to = at(target, row * targetRow);
    byRows(to, targetRow, pairs, stride, 1, right, rightRow, 32, count, width, columns, alpha, true);
  }
}

/** The twin of solvePairs, likewise. */
export function solvePairs(
  x: usize,
  xRow: i32,
  weighted: usize,
  weightedRow: i32,
  left: usize,
  leftRow: i32,
  middle: usize,
  pairs: usize,
  stride: i32,
  rows: i32,
  inner: i32,
  width: i32,
  sums: usize,
  factors: usize,
): void {
  const panel = (<usize>inner) << 5;
  for (let row = 0; row < rows; row += STRIP) {
    const count = min(STRIP, rows - row);
    byRows(pairs, stride, at(left, row * leftRow), leftRow, 1, middle, 8, panel, count, row + count, inner, 1, false);
    weighPairs(pairs, stride, row, count, row + count, sums, true);
    const own = at(x, row * xRow);
    if (row > 0) byRows(own, xRow, pairs, stride, 1, weighted, weightedRow, 32, count, width, row, -1, true);
    const to = at(weighted, row * weightedRow);
    solveStrip(own, xRow, to, weightedRow, at(pairs, row), stride, count, width, at(factors, row));
  }
}

/** Row by row: each less the products with the rows of the strip before it. */
function solveStrip(
  x: usize,
  xRow: i32,
  weighted: usize,
  weightedRow: i32,
  pairs: usize,
  stride: i32,
  count: i32,
  width: i32,
  factors: usize,
): void {
  let c = 0;
  for (; c + 4 <= width; c += 4) {
    for (let i = 0; i < count; i++) {
      const own = at(x, i * xRow + c);
      let sum = v128.load(own);
      const pair = at(pairs, i * stride);
      for (let j = 0; j < i; j++) {
        const taken = f32x4.neg(v128.load_splat<f32>(at(pair, j)));
        sum = multiplyAdd(taken, v128.load(at(weighted, j * weightedRow + c)), sum);
      }
      v128.store(own, sum);
      v128.store(at(weighted, i * weightedRow + c), f32x4.mul(v128.load_splat<f32>(at(factors, i)), sum));
    }
  }
  for (; c < width; c++) {
    for (let i = 0; i < count; i++) {
      const own = at(x, i * xRow + c);
      let sum = load<f32>(own);
      for (let j = 0; j < i; j++) {
        sum -= load<f32>(at(pairs, i * stride + j)) * load<f32>(at(weighted, j * weightedRow + c));
      }
      store<f32>(own, sum);
      store<f32>(at(weighted, i * weightedRow + c), load<f32>(at(factors, i)) * sum);
    }
  }
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
  const vectors = count & ~3;
  for (let row = 0; row < rows; row++) {
    const exponent = f64x2.splat(sign * (load<f64>(sums + ((<usize>row) << 3)) - base));
    const factor = exponential(exponent, exponent);
    for (let c = 0; c < vectors; c += 4) v128.store(at(to, c), f32x4.mul(factor, v128.load(at(x, c))));
    for (let c = vectors; c < count; c++) store<f32>(at(to, c), f32x4.extract_lane(factor, 0) * load<f32>(at(x, c)));
    x = at(x, xRow);
    to = at(to, count);
  }
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
