/** Products of tiles where the rows of A and the columns of B are contiguous: Q·Kᵀ. */
import { at, multiplyAdd } from './vector';

/** Every result is a dot product, four partial sums wide. */
export function byDots(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  b: usize,
  bColumn: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  for (let row = 0; row < rows; row += 2) {
    // A block beyond the edge recomputes its last row or column and does not write it.
    const second = min(row + 1, rows - 1);
    for (let column = 0; column < columns; column += 4) {
      rows2columns4(
        at(c, row * cRow + column),
        at(c, second * cRow + column),
        at(a, row * aRow),
        at(a, second * aRow),
        at(b, column * bColumn),
        at(b, min(column + 1, columns - 1) * bColumn),
        at(b, min(column + 2, columns - 1) * bColumn),
        at(b, min(column + 3, columns - 1) * bColumn),
        inner,
        second > row,
        columns - column,
        alpha,
        accumulate,
      );
    }
  }
}

/** Two steps in each turn, with an exit between them, for the reason given in tile-block.ts. */
function rows2columns4(
  c0: usize,
  c1: usize,
  a0: usize,
  a1: usize,
  b0: usize,
  b1: usize,
  b2: usize,
  b3: usize,
  inner: i32,
  both: bool,
  width: i32,
  alpha: f32,
  accumulate: bool,
): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s02 = s00;
  let s03 = s00;
  let s10 = s00;
  let s11 = s00;
  let s12 = s00;
  let s13 = s00;
  let rest = inner;
  for (; rest >= 4; rest -= 8) {
    const x00 = v128.load(a0);
    const x01 = v128.load(a1);
    const y00 = v128.load(b0);
    s00 = multiplyAdd(x00, y00, s00);
    s10 = multiplyAdd(x01, y00, s10);
    const y01 = v128.load(b1);
    s01 = multiplyAdd(x00, y01, s01);
    s11 = multiplyAdd(x01, y01, s11);
    const y02 = v128.load(b2);
    s02 = multiplyAdd(x00, y02, s02);
    s12 = multiplyAdd(x01, y02, s12);
    const y03 = v128.load(b3);
    s03 = multiplyAdd(x00, y03, s03);
    s13 = multiplyAdd(x01, y03, s13);
    if (rest < 8) break;
    const x10 = v128.load(a0, 16);
    const x11 = v128.load(a1, 16);
    const y10 = v128.load(b0, 16);
    s00 = multiplyAdd(x10, y10, s00);
    s10 = multiplyAdd(x11, y10, s10);
    const y11 = v128.load(b1, 16);
    s01 = multiplyAdd(x10, y11, s01);
    s11 = multiplyAdd(x11, y11, s11);
    const y12 = v128.load(b2, 16);
    s02 = multiplyAdd(x10, y12, s02);
    s12 = multiplyAdd(x11, y12, s12);
    const y13 = v128.load(b3, 16);
    s03 = multiplyAdd(x10, y13, s03);
    s13 = multiplyAdd(x11, y13, s13);
    a0 += 32;
    a1 += 32;
    b0 += 32;
    b1 += 32;
    b2 += 32;
    b3 += 32;
  }
  let first = sumsOf(s00, s01, s02, s03);
  let second = sumsOf(s10, s11, s12, s13);
  // The exit in the middle is taken before the pointers move on.
  const begin = (<usize>(inner & 4)) << 2;
  const end = begin + ((<usize>(inner & 3)) << 2);
  for (let p = begin; p < end; p += 4) {
    const y = f32x4(load<f32>(b0 + p), load<f32>(b1 + p), load<f32>(b2 + p), load<f32>(b3 + p));
    first = f32x4.add(first, f32x4.mul(v128.load_splat<f32>(a0 + p), y));
    second = f32x4.add(second, f32x4.mul(v128.load_splat<f32>(a1 + p), y));
  }
  const factor = f32x4.splat(alpha);
  put(c0, f32x4.mul(factor, first), width, accumulate);
  if (both) put(c1, f32x4.mul(factor, second), width, accumulate);
}

/** The sums of the lanes of four vectors, each in one lane. */
// @ts-ignore: decorator
@inline
export function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** The first `width` of four results, or all of them. */
// @ts-ignore: decorator
@inline
function put(c: usize, results: v128, width: i32, accumulate: bool): void {
  if (width >= 4) {
    v128.store(c, accumulate ? f32x4.add(v128.load(c), results) : results);
    return;
  }
  putLane(c, f32x4.extract_lane(results, 0), accumulate);
  if (width > 1) putLane(c + 4, f32x4.extract_lane(results, 1), accumulate);
  if (width > 2) putLane(c + 8, f32x4.extract_lane(results, 2), accumulate);
}

// @ts-ignore: decorator
@inline
function putLane(c: usize, result: f32, accumulate: bool): void {
  store<f32>(c, accumulate ? load<f32>(c) + result : result);
}
