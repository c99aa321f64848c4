/**
 * Pairs of a chunk of a scan: loops of kernels/scan-chunk.ts. `sums` are float64, one for each place of the chunk; all else is
 * float32.
 */
import { exponential } from './scan-decay';
import { byRows } from './tile-rows';
import { at, multiplyAdd, sumOf } from './vector';

/** Rows of a strip. */
const STRIP = 8;
/** e^−LOWEST is in range, and so is every product with it of a power of a higher sum. */
const LOWEST: f64 = -40;

/**
 * e^sums and e^−sums of a chunk, after the pairs of a strip. A row whose sum is not too low has products of them for its
 * decays, which does not depend on later rows.
 */
function powersOf(powers: usize, stride: i32, sums: usize, rows: i32): void {
  for (let row = 0; row < rows; row += 4) {
    const from = sums + ((<usize>row) << 3);
    const low = v128.load(from);
    const high = v128.load(from, 16);
    v128.store(at(powers, row), exponential(low, high));
    v128.store(at(powers, stride + row), exponential(f64x2.neg(low), f64x2.neg(high)));
  }
}

/** Pairs times e^(sums_i − sums_j), unless `sums` is 0, and zeros after the last pair of each row. */
function weighPairs(pairs: usize, stride: i32, row: i32, count: i32, columns: i32, sums: usize, strict: bool): void {
  const lanes = i32x4(0, 1, 2, 3);
  const powers = at(pairs, STRIP * stride);
  for (let i = 0; i < count; i++) {
    const last = row + i - <i32>strict;
    const limit = i32x4.splat(last);
    const sum = sums == 0 ? 0 : load<f64>(sums + ((<usize>(row + i)) << 3));
    const isNear = sum >= LOWEST;
    const factor = v128.load_splat<f32>(at(powers, row + i));
    for (let j = 0; j < columns; j += 4) {
      const place = at(pairs, i * stride + j);
      if (j > last) {
        v128.store(place, f32x4.splat(0));
        continue;
      }
      let each = v128.load(place);
      if (sums != 0) {
        if (isNear) each = f32x4.mul(each, f32x4.mul(factor, v128.load(at(powers, stride + j))));
        else {
          const other = sums + ((<usize>j) << 3);
          const low = f64x2.sub(f64x2.splat(sum), v128.load(other));
          const high = f64x2.sub(f64x2.splat(sum), v128.load(other, 16));
          each = f32x4.mul(each, exponential(low, high));
        }
      }
      if (j + 3 > last) each = v128.and(each, i32x4.le_s(i32x4.add(lanes, i32x4.splat(j)), limit));
      v128.store(place, each);
    }
  }
}

/** pair_ij += a_i b_j. */
function addProducts(pairs: usize, stride: i32, a: usize, b: usize, count: i32, columns: i32): void {
  for (let i = 0; i < count; i++) {
    const factor = v128.load_splat<f32>(at(a, i));
    for (let j = 0; j < columns; j += 4) {
      const place = at(pairs, i * stride + j);
      v128.store(place, multiplyAdd(factor, v128.load(at(b, j)), v128.load(place)));
    }
  }
}

/** to_i += Σ_j pair_ij b_j. */
function addTotals(to: usize, pairs: usize, stride: i32, b: usize, count: i32, columns: i32): void {
  for (let i = 0; i < count; i++) {
    let sums = f32x4.splat(0);
    for (let j = 0; j < columns; j += 4) {
      sums = multiplyAdd(v128.load(at(pairs, i * stride + j)), v128.load(at(b, j)), sums);
    }
    store<f32>(at(to, i), load<f32>(at(to, i)) + sumOf(sums));
  }
}

/**
 * The twin of addPairs, with `middle` in panels; rows of `pairs` are `stride` apart, a multiple of 4, and two more rows hold
 * powers. `weights` has zeros after the last row, up to a multiple of 4; addresses of 0 stand for what is left out.
 */
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
  weights: usize,
  ownWeights: usize,
  totals: usize,
): void {
  const panel = (<usize>inner) << 5;
  if (sums != 0) powersOf(at(pairs, STRIP * stride), stride, sums, rows);
  for (let row = 0; row < rows; row += STRIP) {
    const count = min(STRIP, rows - row);
    const columns = row + count;
    byRows(pairs, stride, at(left, row * leftRow), leftRow, 1, middle, 8, panel, count, columns, inner, 1, false);
    if (ownWeights != 0) addProducts(pairs, stride, at(ownWeights, row), weights, count, columns);
    weighPairs(pairs, stride, row, count, columns, sums, strict);
    if (totals != 0) addTotals(at(totals, row), pairs, stride, weights, count, columns);
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
  if (sums != 0) powersOf(at(pairs, STRIP * stride), stride, sums, rows);
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
