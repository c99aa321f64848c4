/** Products of tiles where the rows of A and the columns of B are contiguous: Q·Kᵀ. */
import { at, multiplyAdd, sumOf } from './vector';

/** Rows of A and columns of B are contiguous: every result is a dot product, four partial sums wide. */
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
  for (let row = 0; row < rows; row += 4) {
    const height = min(4, rows - row);
    for (let column = 0; column < columns; column += 2) {
      const width = min(2, columns - column);
      // A block that sticks out computes its last row or column again, and does not write it.
      const a0 = at(a, row * aRow);
      const a1 = at(a, min(row + 1, rows - 1) * aRow);
      const a2 = at(a, min(row + 2, rows - 1) * aRow);
      const a3 = at(a, min(row + 3, rows - 1) * aRow);
      const b0 = at(b, column * bColumn);
      const b1 = at(b, min(column + 1, columns - 1) * bColumn);
      dots(at(c, row * cRow + column), cRow, a0, a1, a2, a3, b0, b1, inner, height, width, alpha, accumulate);
    }
  }
}

function dots(
  c: usize,
  cRow: i32,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  b0: usize,
  b1: usize,
  inner: i32,
  height: i32,
  width: i32,
  alpha: f32,
  accumulate: bool,
): void {
  let s00 = f32x4.splat(0);
  let s01 = s00;
  let s10 = s00;
  let s11 = s00;
  let s20 = s00;
  let s21 = s00;
  let s30 = s00;
  let s31 = s00;
  const end = (<usize>(inner & ~3)) << 2;
  for (let p: usize = 0; p < end; p += 16) {
    const y0 = v128.load(b0 + p);
    const y1 = v128.load(b1 + p);
    const x0 = v128.load(a0 + p);
    s00 = multiplyAdd(x0, y0, s00);
    s01 = multiplyAdd(x0, y1, s01);
    const x1 = v128.load(a1 + p);
    s10 = multiplyAdd(x1, y0, s10);
    s11 = multiplyAdd(x1, y1, s11);
    const x2 = v128.load(a2 + p);
    s20 = multiplyAdd(x2, y0, s20);
    s21 = multiplyAdd(x2, y1, s21);
    const x3 = v128.load(a3 + p);
    s30 = multiplyAdd(x3, y0, s30);
    s31 = multiplyAdd(x3, y1, s31);
  }
  finish(c, s00, s01, a0 + end, b0 + end, b1 + end, inner & 3, width, alpha, accumulate);
  if (height > 1) finish(at(c, cRow), s10, s11, a1 + end, b0 + end, b1 + end, inner & 3, width, alpha, accumulate);
  if (height > 2) finish(at(c, 2 * cRow), s20, s21, a2 + end, b0 + end, b1 + end, inner & 3, width, alpha, accumulate);
  if (height > 3) finish(at(c, 3 * cRow), s30, s31, a3 + end, b0 + end, b1 + end, inner & 3, width, alpha, accumulate);
}

// @ts-ignore: decorator
@inline
function finish(
  c: usize,
  s0: v128,
  s1: v128,
  a: usize,
  b0: usize,
  b1: usize,
  rest: i32,
  width: i32,
  alpha: f32,
  accumulate: bool,
): void {
  let first = sumOf(s0);
  let second = sumOf(s1);
  for (let p = 0; p < rest; p++) {
    const x = load<f32>(at(a, p));
    first += x * load<f32>(at(b0, p));
    second += x * load<f32>(at(b1, p));
  }
  first *= alpha;
  second *= alpha;
  store<f32>(c, accumulate ? load<f32>(c) + first : first);
  if (width > 1) store<f32>(c + 4, accumulate ? load<f32>(c + 4) + second : second);
}
