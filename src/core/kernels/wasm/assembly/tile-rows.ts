/** Products of tiles where the rows of B are contiguous: P·V, and all of the backward pass. */
import { blockOfColumns, blockOfRows, putScaled } from './tile-block';
import { at, multiplyAdd } from './vector';

/**
 * Every element of A scales a vector of a row of B. Eight columns of B make a panel, and panels lie `panel` bytes apart:
 * 32 in a matrix, more where they were packed one after the other.
 */
export function byRows(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  panel: usize,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  // No block fits an A with gaps in both directions: row by row.
  const lastRow = aColumn == 1 || aRow == 1 ? rows & ~3 : 0;
  for (let row = 0; row < lastRow; row += 4) {
    const x = at(a, row * aRow);
    let z = at(c, row * cRow);
    let y = b;
    let rest = columns;
    for (; rest >= 8; rest -= 8) {
      if (aColumn == 1) blockOfRows(z, cRow, x, aRow, y, bRow, inner, alpha, accumulate);
      else blockOfColumns(z, cRow, x, aColumn, y, bRow, inner, alpha, accumulate);
      y += panel;
      z += 32;
    }
    if (rest >= 4) rows4columns4(z, cRow, x, aRow, aColumn, y, bRow, inner, alpha, accumulate);
    const whole = rest & 4;
    if (rest > whole) {
      rows4tail(at(z, whole), cRow, x, aRow, aColumn, at(y, whole), bRow, rest - whole, inner, alpha, accumulate);
    }
  }
  for (let row = lastRow; row < rows; row++) {
    const x = at(a, row * aRow);
    let z = at(c, row * cRow);
    let y = b;
    for (let rest = columns; rest > 0; rest -= 8) {
      rows1columns4(z, x, aColumn, y, bRow, min(4, rest), inner, alpha, accumulate);
      if (rest > 4) rows1columns4(z + 16, x, aColumn, y + 16, bRow, min(4, rest - 4), inner, alpha, accumulate);
      y += panel;
      z += 32;
    }
  }
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
  putScaled(c, s0, factor, accumulate);
  putScaled(at(c, cRow), s1, factor, accumulate);
  putScaled(at(c, 2 * cRow), s2, factor, accumulate);
  putScaled(at(c, 3 * cRow), s3, factor, accumulate);
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

/** One to four numbers, then zeros: nothing beyond the numbers is read. */
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
