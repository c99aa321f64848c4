/**
 * How large features are: the logarithms of φ(x) = e^x, which are x, and those of φ(x) = elu(x) + 1, roughly. Loops of
 * kernels/feature-exponents.ts and kernels/feature-elu.ts, four float32 at a time.
 */
import { at, multiplyAdd } from './vector';

// @ts-ignore: decorator
@inline
export function above0(x: v128): v128 {
  return f32x4.pmax(x, f32x4.splat(0));
}

// @ts-ignore: decorator
@inline
export function below0(x: v128): v128 {
  return f32x4.pmin(x, f32x4.splat(0));
}

/**
 * log φ(x) within 0.06, and never above it: the logarithm of 1 + x as a line between powers of two, which is what the bits of a
 * float32 say when they are read as a whole number.
 */
// @ts-ignore: decorator
@inline
function roughLog(x: v128): v128 {
  const bits = i32x4.sub(f32x4.add(above0(x), f32x4.splat(1)), i32x4.splat(0x3f800000));
  // ln 2 · 2⁻²³
  return multiplyAdd(f32x4.convert_i32x4_s(bits), f32x4.splat(8.26295829e-8), below0(x));
}

// @ts-ignore: decorator
@inline
function logOf(isElu: bool, x: v128): v128 {
  return isElu ? roughLog(x) : x;
}

// @ts-ignore: decorator
@inline
function logOfOne(isElu: bool, x: usize): f32 {
  return isElu ? f32x4.extract_lane(roughLog(v128.load_splat<f32>(x)), 0) : load<f32>(x);
}

// @ts-ignore: decorator
@inline
export function largestOf(x: v128): f32 {
  const pairs = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

// `isElu` is known where these two are called, so that no loop asks.

// @ts-ignore: decorator
@inline
function largest(isElu: bool, x: usize, xRow: i32, y: usize, to: usize, rows: i32, count: i32): void {
  for (let row = 0; row < rows; row++) {
    let first = f32x4.splat(-Infinity);
    let second = first;
    let i = 0;
    for (; i + 8 <= count; i += 8) {
      first = f32x4.pmax(first, f32x4.add(logOf(isElu, v128.load(at(x, i))), v128.load(at(y, i))));
      second = f32x4.pmax(second, f32x4.add(logOf(isElu, v128.load(at(x, i), 16)), v128.load(at(y, i), 16)));
    }
    let sum = largestOf(f32x4.pmax(first, second));
    for (; i < count; i++) sum = max(sum, logOfOne(isElu, at(x, i)) + load<f32>(at(y, i)));
    store<f32>(at(to, row), sum);
    x = at(x, xRow);
  }
}

// @ts-ignore: decorator
@inline
function raise(isElu: bool, x: usize, xRow: i32, shifts: usize, y: usize, rows: i32, count: i32): void {
  const vectors = count & ~3;
  for (let row = 0; row < rows; row++) {
    const shift = load<f32>(at(shifts, row));
    if (shift != -Infinity) {
      const all = f32x4.splat(shift);
      for (let i = 0; i < vectors; i += 4) {
        const to = at(y, i);
        v128.store(to, f32x4.pmax(v128.load(to), f32x4.add(logOf(isElu, v128.load(at(x, i))), all)));
      }
      for (let i = vectors; i < count; i++) {
        const sum = logOfOne(isElu, at(x, i)) + shift;
        if (sum > load<f32>(at(y, i))) store<f32>(at(y, i), sum);
      }
    }
    x = at(x, xRow);
  }
}

/** to[r] = the largest x_r + y. */
export function largestOfSums(x: usize, xRow: i32, y: usize, to: usize, rows: i32, count: i32): void {
  largest(false, x, xRow, y, to, rows, count);
}

/** to[r] = about the largest log φ(x_r) + y. */
export function largestOfEluSums(x: usize, xRow: i32, y: usize, to: usize, rows: i32, count: i32): void {
  largest(true, x, xRow, y, to, rows, count);
}

/** y = the largest of y and all x_r + shift_r. */
export function raiseToSums(x: usize, xRow: i32, shifts: usize, y: usize, rows: i32, count: i32): void {
  raise(false, x, xRow, shifts, y, rows, count);
}

/** y = about the largest of y and all log φ(x_r) + shift_r. */
export function raiseToEluSums(x: usize, xRow: i32, shifts: usize, y: usize, rows: i32, count: i32): void {
  raise(true, x, xRow, shifts, y, rows, count);
}
