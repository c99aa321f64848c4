/**
 * Rows, and for each of them the rows of a matrix that a list of int32 names: products with them, a weighted sum of them, and a
 * multiple of the one row added to each. As kernels/listed-rows.ts. Row i has the places bounds[i · step] to bounds[i · step +
 * 1] of the list; its products, or weights, begin `places` apart, at the place origins[i · step] of the list.
 */
import { sumsOf } from './tile-dots';
import { multiplyAdd } from './vector';

// @ts-ignore: decorator
@inline
function rowOf(matrix: usize, list: usize, n: i32, bytes: usize): usize {
  return matrix + (<usize>load<i32>(list + ((<usize>n) << 2))) * bytes;
}

/** to[n] = scale · row · matrix[list[n]]. */
export function dotsOfListed(
  row: usize,
  matrix: usize,
  list: usize,
  bounds: usize,
  origins: usize,
  step: i32,
  to: usize,
  places: i32,
  rows: i32,
  width: i32,
  scale: f32,
): void {
  const bytes = (<usize>width) << 2;
  const factor = f32x4.splat(scale);
  for (let i = 0; i < rows; i++) {
    const own = (<usize>(i * step)) << 2;
    const begin = load<i32>(bounds + own);
    const count = load<i32>(bounds + own, 4) - begin;
    const names = list + ((<usize>begin) << 2);
    const target = to + ((<usize>(i * places + begin - load<i32>(origins + own))) << 2);
    const last = count - 1;
    for (let n = 0; n < count; n += 4) {
      // Beyond the end, the last row is read again and its product not written.
      const dots = fourDots(
        row,
        rowOf(matrix, names, n, bytes),
        rowOf(matrix, names, min(n + 1, last), bytes),
        rowOf(matrix, names, min(n + 2, last), bytes),
        rowOf(matrix, names, min(n + 3, last), bytes),
        width,
      );
      const results = f32x4.mul(factor, dots);
      const place = target + ((<usize>n) << 2);
      if (n + 4 <= count) v128.store(place, results);
      else {
        store<f32>(place, f32x4.extract_lane(results, 0));
        if (n + 1 < count) store<f32>(place + 4, f32x4.extract_lane(results, 1));
        if (n + 2 < count) store<f32>(place + 8, f32x4.extract_lane(results, 2));
      }
    }
    row += bytes;
  }
}

// @ts-ignore: decorator
@inline
function fourDots(a: usize, b0: usize, b1: usize, b2: usize, b3: usize, width: i32): v128 {
  // Two sums for each: a single chain of additions would wait for itself.
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let t0 = s0;
  let t1 = s0;
  let t2 = s0;
  let t3 = s0;
  // With an exit between the two, for the reason given in tile-block.ts.
  for (let rest = width; rest >= 4; rest -= 8) {
    const x = v128.load(a);
    s0 = multiplyAdd(x, v128.load(b0), s0);
    s1 = multiplyAdd(x, v128.load(b1), s1);
    s2 = multiplyAdd(x, v128.load(b2), s2);
    s3 = multiplyAdd(x, v128.load(b3), s3);
    if (rest < 8) break;
    const y = v128.load(a, 16);
    t0 = multiplyAdd(y, v128.load(b0, 16), t0);
    t1 = multiplyAdd(y, v128.load(b1, 16), t1);
    t2 = multiplyAdd(y, v128.load(b2, 16), t2);
    t3 = multiplyAdd(y, v128.load(b3, 16), t3);
    a += 32;
    b0 += 32;
    b1 += 32;
    b2 += 32;
    b3 += 32;
  }
  let sums = sumsOf(f32x4.add(s0, t0), f32x4.add(s1, t1), f32x4.add(s2, t2), f32x4.add(s3, t3));
  // The exit in the middle is taken before the pointers move on.
  const begin = (<usize>(width & 4)) << 2;
  const end = begin + ((<usize>(width & 3)) << 2);
  for (let p = begin; p < end; p += 4) {
    const y = f32x4(load<f32>(b0 + p), load<f32>(b1 + p), load<f32>(b2 + p), load<f32>(b3 + p));
    sums = f32x4.add(sums, f32x4.mul(v128.load_splat<f32>(a + p), y));
  }
  return sums;
}

function addRowsOf(
  row: usize,
  matrix: usize,
  list: usize,
  weights: usize,
  count: i32,
  width: i32,
  factor: f32,
): void {
  const bytes = (<usize>width) << 2;
  const factors = f32x4.splat(factor);
  let column: usize = 0;
  for (; column + 128 <= bytes; column += 128) {
    let s0 = f32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    let s4 = s0;
    let s5 = s0;
    let s6 = s0;
    let s7 = s0;
    for (let n = 0; n < count; n++) {
      const w = v128.load_splat<f32>(weights + ((<usize>n) << 2));
      const from = rowOf(matrix, list, n, bytes) + column;
      s0 = multiplyAdd(w, v128.load(from), s0);
      s1 = multiplyAdd(w, v128.load(from, 16), s1);
      s2 = multiplyAdd(w, v128.load(from, 32), s2);
      s3 = multiplyAdd(w, v128.load(from, 48), s3);
      // Never taken: it keeps the compiler from moving all loads to the front, where registers run out, as in tile-block.ts.
      if (n > count) break;
      s4 = multiplyAdd(w, v128.load(from, 64), s4);
      s5 = multiplyAdd(w, v128.load(from, 80), s5);
      s6 = multiplyAdd(w, v128.load(from, 96), s6);
      s7 = multiplyAdd(w, v128.load(from, 112), s7);
    }
    const to = row + column;
    v128.store(to, multiplyAdd(factors, s0, v128.load(to)));
    v128.store(to, multiplyAdd(factors, s1, v128.load(to, 16)), 16);
    v128.store(to, multiplyAdd(factors, s2, v128.load(to, 32)), 32);
    v128.store(to, multiplyAdd(factors, s3, v128.load(to, 48)), 48);
    v128.store(to, multiplyAdd(factors, s4, v128.load(to, 64)), 64);
    v128.store(to, multiplyAdd(factors, s5, v128.load(to, 80)), 80);
    v128.store(to, multiplyAdd(factors, s6, v128.load(to, 96)), 96);
    v128.store(to, multiplyAdd(factors, s7, v128.load(to, 112)), 112);
  }
  for (; column + 16 <= bytes; column += 16) {
    let sum = f32x4.splat(0);
    for (let n = 0; n < count; n++) {
      const w = v128.load_splat<f32>(weights + ((<usize>n) << 2));
      sum = multiplyAdd(w, v128.load(rowOf(matrix, list, n, bytes) + column), sum);
    }
    v128.store(row + column, multiplyAdd(factors, sum, v128.load(row + column)));
  }
  for (; column < bytes; column += 4) {
    let sum: f32 = 0;
    for (let n = 0; n < count; n++) {
      sum += load<f32>(weights + ((<usize>n) << 2)) * load<f32>(rowOf(matrix, list, n, bytes) + column);
    }
    store<f32>(row + column, load<f32>(row + column) + factor * sum);
  }
}

function addToRowsOf(
  matrix: usize,
  row: usize,
  list: usize,
  weights: usize,
  count: i32,
  width: i32,
  factor: f32,
): void {
  const bytes = (<usize>width) << 2;
  let column: usize = 0;
  for (; column + 128 <= bytes; column += 128) {
    const from = row + column;
    const x0 = v128.load(from);
    const x1 = v128.load(from, 16);
    const x2 = v128.load(from, 32);
    const x3 = v128.load(from, 48);
    const x4 = v128.load(from, 64);
    const x5 = v128.load(from, 80);
    const x6 = v128.load(from, 96);
    const x7 = v128.load(from, 112);
    for (let n = 0; n < count; n++) {
      const w = f32x4.splat(factor * load<f32>(weights + ((<usize>n) << 2)));
      const to = rowOf(matrix, list, n, bytes) + column;
      v128.store(to, multiplyAdd(w, x0, v128.load(to)));
      v128.store(to, multiplyAdd(w, x1, v128.load(to, 16)), 16);
      v128.store(to, multiplyAdd(w, x2, v128.load(to, 32)), 32);
      v128.store(to, multiplyAdd(w, x3, v128.load(to, 48)), 48);
      if (n > count) break;
      v128.store(to, multiplyAdd(w, x4, v128.load(to, 64)), 64);
      v128.store(to, multiplyAdd(w, x5, v128.load(to, 80)), 80);
      v128.store(to, multiplyAdd(w, x6, v128.load(to, 96)), 96);
      v128.store(to, multiplyAdd(w, x7, v128.load(to, 112)), 112);
    }
  }
  for (; column + 16 <= bytes; column += 16) {
    const x = v128.load(row + column);
    for (let n = 0; n < count; n++) {
      const w = f32x4.splat(factor * load<f32>(weights + ((<usize>n) << 2)));
      const to = rowOf(matrix, list, n, bytes) + column;
      v128.store(to, multiplyAdd(w, x, v128.load(to)));
    }
  }
  for (; column < bytes; column += 4) {
    const x = load<f32>(row + column);
    for (let n = 0; n < count; n++) {
      const to = rowOf(matrix, list, n, bytes) + column;
      store<f32>(to, load<f32>(to) + factor * load<f32>(weights + ((<usize>n) << 2)) * x);
    }
  }
}

/** row += factor · Σ_n weights[n] · matrix[list[n]]. */
export function addListedRows(
  row: usize,
  matrix: usize,
  list: usize,
  bounds: usize,
  origins: usize,
  step: i32,
  weights: usize,
  places: i32,
  rows: i32,
  width: i32,
  factor: f32,
): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < rows; i++) {
    const own = (<usize>(i * step)) << 2;
    const begin = load<i32>(bounds + own);
    const count = load<i32>(bounds + own, 4) - begin;
    const from = weights + ((<usize>(i * places + begin - load<i32>(origins + own))) << 2);
    addRowsOf(row, matrix, list + ((<usize>begin) << 2), from, count, width, factor);
    row += bytes;
  }
}

/** matrix[list[n]] += factor · weights[n] · row. */
export function addToListedRows(
  row: usize,
  matrix: usize,
  list: usize,
  bounds: usize,
  origins: usize,
  step: i32,
  weights: usize,
  places: i32,
  rows: i32,
  width: i32,
  factor: f32,
): void {
  const bytes = (<usize>width) << 2;
  for (let i = 0; i < rows; i++) {
    const own = (<usize>(i * step)) << 2;
    const begin = load<i32>(bounds + own);
    const count = load<i32>(bounds + own, 4) - begin;
    const from = weights + ((<usize>(i * places + begin - load<i32>(origins + own))) << 2);
    addToRowsOf(matrix, row, list + ((<usize>begin) << 2), from, count, width, factor);
    row += bytes;
  }
}
