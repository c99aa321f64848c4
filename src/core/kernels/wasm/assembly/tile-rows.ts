/** Products of tiles where the rows of B are contiguous: P·V, and all of the backward pass. */
import { at, multiplyAdd } from './vector';

/** Rows of B are contiguous: every element of A scales a vector of a row of B. */
export function byRows(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  const tail = columns & 3;
  const lastRow = rows & ~3;
  for (let row = 0; row < lastRow; row += 4) {
    const x = at(a, row * aRow);
    let z = at(c, row * cRow);
    let y = b;
    let rest = columns;
    for (; rest >= 8; rest -= 8) {
      rows4columns8(z, cRow, x, aRow, aColumn, y, bRow, inner, alpha, accumulate);
      y += 32;
      z += 32;
    }
    if (rest >= 4) {
      rows4columns4(z, cRow, x, aRow, aColumn, y, bRow, inner, alpha, accumulate);
      y += 16;
      z += 16;
    }
    if (tail > 0) rows4tail(z, cRow, x, aRow, aColumn, y, bRow, tail, inner, alpha, accumulate);
  }
  for (let row = lastRow; row < rows; row++) {
    let z = at(c, row * cRow);
    let y = b;
    for (let rest = columns; rest > 0; rest -= 4) {
      rows1columns4(z, at(a, row * aRow), aColumn, y, bRow, min(4, rest), inner, alpha, accumulate);
      y += 16;
      z += 16;
    }
  }
}

// @ts-ignore: decorator
@inline
function put(c: usize, sum: v128, alpha: v128, accumulate: bool): void {
  const scaled = f32x4.mul(alpha, sum);
  v128.store(c, accumulate ? f32x4.add(v128.load(c), scaled) : scaled);
}

/**
 * The tile that most of the work is done in. Down a column of A that lies in one piece, the four elements are at offsets
 * of one pointer. Unrolling over the inner index was tried: registers run out, and a quarter of the speed is lost.
 */
function rows4columns8(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  inner: i32,
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
  const stepA = (<usize>aColumn) << 2;
  const stepB = (<usize>bRow) << 2;
  const row = (<usize>aRow) << 2;
  let p = 0;
  if (aRow == 1) {
    for (; p < inner; p++) {
      const b00 = v128.load(b);
      const b01 = v128.load(b, 16);
      const x00 = v128.load_splat<f32>(a);
      s00 = multiplyAdd(x00, b00, s00);
      s01 = multiplyAdd(x00, b01, s01);
      const x01 = v128.load_splat<f32>(a, 4);
      s10 = multiplyAdd(x01, b00, s10);
      s11 = multiplyAdd(x01, b01, s11);
      const x02 = v128.load_splat<f32>(a, 8);
      s20 = multiplyAdd(x02, b00, s20);
      s21 = multiplyAdd(x02, b01, s21);
      const x03 = v128.load_splat<f32>(a, 12);
      s30 = multiplyAdd(x03, b00, s30);
      s31 = multiplyAdd(x03, b01, s31);
      a += stepA;
      b += stepB;
    }
  }
  let a1 = a + row;
  let a2 = a1 + row;
  let a3 = a2 + row;
  for (; p < inner; p++) {
    const b00 = v128.load(b);
    const b01 = v128.load(b, 16);
    const x00 = v128.load_splat<f32>(a);
    s00 = multiplyAdd(x00, b00, s00);
    s01 = multiplyAdd(x00, b01, s01);
    const x01 = v128.load_splat<f32>(a1);
    s10 = multiplyAdd(x01, b00, s10);
    s11 = multiplyAdd(x01, b01, s11);
    const x02 = v128.load_splat<f32>(a2);
    s20 = multiplyAdd(x02, b00, s20);
    s21 = multiplyAdd(x02, b01, s21);
    const x03 = v128.load_splat<f32>(a3);
    s30 = multiplyAdd(x03, b00, s30);
    s31 = multiplyAdd(x03, b01, s31);
    a += stepA;
    a1 += stepA;
    a2 += stepA;
    a3 += stepA;
    b += stepB;
  }
  const factor = f32x4.splat(alpha);
  put(c, s00, factor, accumulate);
  put(c + 16, s01, factor, accumulate);
  put(at(c, cRow), s10, factor, accumulate);
  put(at(c, cRow) + 16, s11, factor, accumulate);
  put(at(c, 2 * cRow), s20, factor, accumulate);
  put(at(c, 2 * cRow) + 16, s21, factor, accumulate);
  put(at(c, 3 * cRow), s30, factor, accumulate);
  put(at(c, 3 * cRow) + 16, s31, factor, accumulate);
}

function rows4columns4(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const stepA = (<usize>aColumn) << 2;
  const stepB = (<usize>bRow) << 2;
  const row = (<usize>aRow) << 2;
  for (let p = 0; p < inner; p++) {
    const y = v128.load(b);
    s0 = multiplyAdd(v128.load_splat<f32>(a), y, s0);
    s1 = multiplyAdd(v128.load_splat<f32>(a + row), y, s1);
    s2 = multiplyAdd(v128.load_splat<f32>(a + 2 * row), y, s2);
    s3 = multiplyAdd(v128.load_splat<f32>(a + 3 * row), y, s3);
    a += stepA;
    b += stepB;
  }
  const factor = f32x4.splat(alpha);
  put(c, s0, factor, accumulate);
  put(at(c, cRow), s1, factor, accumulate);
  put(at(c, 2 * cRow), s2, factor, accumulate);
  put(at(c, 3 * cRow), s3, factor, accumulate);
}

/** The last one to three columns. */
function rows4tail(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  const stepA = (<usize>aColumn) << 2;
  const stepB = (<usize>bRow) << 2;
  const row = (<usize>aRow) << 2;
  for (let p = 0; p < inner; p++) {
    const y = loadUpTo4(b, columns);
    s0 = multiplyAdd(v128.load_splat<f32>(a), y, s0);
    s1 = multiplyAdd(v128.load_splat<f32>(a + row), y, s1);
    s2 = multiplyAdd(v128.load_splat<f32>(a + 2 * row), y, s2);
    s3 = multiplyAdd(v128.load_splat<f32>(a + 3 * row), y, s3);
    a += stepA;
    b += stepB;
  }
  putUpTo4(c, s0, columns, alpha, accumulate);
  putUpTo4(at(c, cRow), s1, columns, alpha, accumulate);
  putUpTo4(at(c, 2 * cRow), s2, columns, alpha, accumulate);
  putUpTo4(at(c, 3 * cRow), s3, columns, alpha, accumulate);
}

function rows1columns4(
  c: usize,
  a: usize,
  aColumn: i32,
  b: usize,
  bRow: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  let sum = f32x4.splat(0);
  const stepA = (<usize>aColumn) << 2;
  const stepB = (<usize>bRow) << 2;
  for (let p = 0; p < inner; p++) {
    sum = multiplyAdd(v128.load_splat<f32>(a), loadUpTo4(b, columns), sum);
    a += stepA;
    b += stepB;
  }
  putUpTo4(c, sum, columns, alpha, accumulate);
}

/** One to four numbers, and zeros: nothing beyond them is read. */
// @ts-ignore: decorator
@inline
function loadUpTo4(from: usize, count: i32): v128 {
  if (count == 4) return v128.load(from);
  if (count == 1) return v128.load32_zero(from);
  const two = v128.load64_zero(from);
  return count == 2 ? two : v128.load_lane<f32>(from + 8, two, 2);
}

// @ts-ignore: decorator
@inline
function putUpTo4(c: usize, sum: v128, count: i32, alpha: f32, accumulate: bool): void {
  let scaled = f32x4.mul(f32x4.splat(alpha), sum);
  if (accumulate) scaled = f32x4.add(loadUpTo4(c, count), scaled);
  if (count == 4) {
    v128.store(c, scaled);
    return;
  }
  store<f32>(c, f32x4.extract_lane(scaled, 0));
  if (count > 1) store<f32>(c + 4, f32x4.extract_lane(scaled, 1));
  if (count > 2) store<f32>(c + 8, f32x4.extract_lane(scaled, 2));
}
