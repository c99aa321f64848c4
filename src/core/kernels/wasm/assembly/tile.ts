/**
 * C += or = α · A · B on strided blocks, float32: the vector twin of multiplyTile in kernels/tile.ts. Each result sums
 * its products in an order that depends on the strides and the inner extent alone, so where a tile is cut never changes
 * a bit. Pointers are in bytes, strides in elements.
 */
import { multiplyAdd } from './multiply-add';

/** C[rows × columns] = α · A[rows × inner] · B[inner × columns], added to C if `accumulate`. C has unit column stride. */
export function multiplyTile(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  bColumn: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  if (bColumn == 1) byRows(c, cRow, a, aRow, aColumn, b, bRow, rows, columns, inner, alpha, accumulate);
  else if (aColumn == 1 && bRow == 1) byDots(c, cRow, a, aRow, b, bColumn, rows, columns, inner, alpha, accumulate);
  else scalar(c, cRow, a, aRow, aColumn, b, bRow, bColumn, rows, columns, inner, alpha, accumulate);
}

/** Rows of B are contiguous: every element of A scales a vector of a row of B. */
function byRows(
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
function at(pointer: usize, elements: i32): usize {
  return pointer + ((<usize>elements) << 2);
}

// @ts-ignore: decorator
@inline
function put(c: usize, sum: v128, alpha: v128, accumulate: bool): void {
  const scaled = f32x4.mul(alpha, sum);
  v128.store(c, accumulate ? f32x4.add(v128.load(c), scaled) : scaled);
}

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
  let a0 = a;
  let a1 = a0 + row;
  let a2 = a1 + row;
  let a3 = a2 + row;
  for (let p = 0; p < inner; p++) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a0);
    s00 = multiplyAdd(x0, b0, s00);
    s01 = multiplyAdd(x0, b1, s01);
    const x1 = v128.load_splat<f32>(a1);
    s10 = multiplyAdd(x1, b0, s10);
    s11 = multiplyAdd(x1, b1, s11);
    const x2 = v128.load_splat<f32>(a2);
    s20 = multiplyAdd(x2, b0, s20);
    s21 = multiplyAdd(x2, b1, s21);
    const x3 = v128.load_splat<f32>(a3);
    s30 = multiplyAdd(x3, b0, s30);
    s31 = multiplyAdd(x3, b1, s31);
    a0 += stepA;
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

/** Rows of A and columns of B are contiguous: every result is a dot product, four partial sums wide. */
function byDots(
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

// @ts-ignore: decorator
@inline
export function sumOf(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

/** What no vector fits. */
function scalar(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  bColumn: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum: f32 = 0;
      for (let p = 0; p < inner; p++) {
        sum += load<f32>(at(a, row * aRow + p * aColumn)) * load<f32>(at(b, p * bRow + column * bColumn));
      }
      const place = at(c, row * cRow + column);
      store<f32>(place, accumulate ? load<f32>(place) + alpha * sum : alpha * sum);
    }
  }
}
