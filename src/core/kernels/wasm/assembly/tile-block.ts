/** The tile that most of the work of a product is done in: four rows by eight columns of results, in eight registers. */
import { at, multiplyAdd } from './vector';

/**
 * For rows of A in one piece. Two steps of the inner index share the cost of a turn of the loop. The exit between them makes
 * this pay off: without it, the compiler of V8 moves the loads of both steps to the front, registers run out, and a quarter
 * of the speed is lost; with it the tile rises from 70 to 85 % of the multiply-add peak.
 */
export function blockOfRows(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
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
  const stepB = (<usize>bRow) << 2;
  let a1 = at(a, aRow);
  let a2 = at(a, 2 * aRow);
  let a3 = at(a, 3 * aRow);
  for (let rest = inner; rest > 0; rest -= 2) {
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
    b += stepB;
    if (rest == 1) break;
    const b10 = v128.load(b);
    const b11 = v128.load(b, 16);
    const x10 = v128.load_splat<f32>(a, 4);
    s00 = multiplyAdd(x10, b10, s00);
    s01 = multiplyAdd(x10, b11, s01);
    const x11 = v128.load_splat<f32>(a1, 4);
    s10 = multiplyAdd(x11, b10, s10);
    s11 = multiplyAdd(x11, b11, s11);
    const x12 = v128.load_splat<f32>(a2, 4);
    s20 = multiplyAdd(x12, b10, s20);
    s21 = multiplyAdd(x12, b11, s21);
    const x13 = v128.load_splat<f32>(a3, 4);
    s30 = multiplyAdd(x13, b10, s30);
    s31 = multiplyAdd(x13, b11, s31);
    b += stepB;
    a += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
  }
  put(c, cRow, s00, s01, s10, s11, s20, s21, s30, s31, alpha, accumulate);
}

/** For columns of A in one piece: the four elements are at offsets of one pointer. */
export function blockOfColumns(
  c: usize,
  cRow: i32,
  a: usize,
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
  const stepB = (<usize>bRow) << 2;
  const stepA = (<usize>aColumn) << 2;
  for (let rest = inner; rest > 0; rest -= 2) {
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
    b += stepB;
    a += stepA;
    if (rest == 1) break;
    const b10 = v128.load(b);
    const b11 = v128.load(b, 16);
    const x10 = v128.load_splat<f32>(a);
    s00 = multiplyAdd(x10, b10, s00);
    s01 = multiplyAdd(x10, b11, s01);
    const x11 = v128.load_splat<f32>(a, 4);
    s10 = multiplyAdd(x11, b10, s10);
    s11 = multiplyAdd(x11, b11, s11);
    const x12 = v128.load_splat<f32>(a, 8);
    s20 = multiplyAdd(x12, b10, s20);
    s21 = multiplyAdd(x12, b11, s21);
    const x13 = v128.load_splat<f32>(a, 12);
    s30 = multiplyAdd(x13, b10, s30);
    s31 = multiplyAdd(x13, b11, s31);
    b += stepB;
    a += stepA;
  }
  put(c, cRow, s00, s01, s10, s11, s20, s21, s30, s31, alpha, accumulate);
}

// @ts-ignore: decorator
@inline
function put(
  c: usize,
  cRow: i32,
  s00: v128,
  s01: v128,
  s10: v128,
  s11: v128,
  s20: v128,
  s21: v128,
  s30: v128,
  s31: v128,
  alpha: f32,
  accumulate: bool,
): void {
  const factor = f32x4.splat(alpha);
  putScaled(c, s00, factor, accumulate);
  putScaled(c + 16, s01, factor, accumulate);
  putScaled(at(c, cRow), s10, factor, accumulate);
  putScaled(at(c, cRow) + 16, s11, factor, accumulate);
  putScaled(at(c, 2 * cRow), s20, factor, accumulate);
  putScaled(at(c, 2 * cRow) + 16, s21, factor, accumulate);
  putScaled(at(c, 3 * cRow), s30, factor, accumulate);
  putScaled(at(c, 3 * cRow) + 16, s31, factor, accumulate);
}

// @ts-ignore: decorator
@inline
export function putScaled(c: usize, sum: v128, factor: v128, accumulate: bool): void {
  const scaled = f32x4.mul(factor, sum);
  v128.store(c, accumulate ? f32x4.add(v128.load(c), scaled) : scaled);
}
