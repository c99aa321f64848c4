/** Sums and largest entries along an axis: loops of kernels/rows.ts. */
import { pairsOf, rounded, sumOfDoubles, upperDoubles } from './doubles';
import { at } from './vector';

/** Sums of `rows` rows of `columns` elements, each in float64. */
export function sumsOfRuns(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    const from = at(x, row * columns);
    let first = f64x2.splat(0);
    let second = first;
    let c = 0;
    for (; c + 8 <= columns; c += 8) {
      first = f64x2.add(first, pairsOf(v128.load(at(from, c))));
      second = f64x2.add(second, pairsOf(v128.load(at(from, c), 16)));
    }
    let sum = sumOfDoubles(f64x2.add(first, second));
    for (; c < columns; c++) sum += <f64>load<f32>(at(from, c));
    store<f32>(at(y, row), <f32>sum);
  }
}

/**
 * Sums of `columns` columns over `extent` rows, `stride` apart. In order and in float64, so they have the same bits as the
 * plain loop.
 */
export function sumOfRows(x: usize, y: usize, extent: i32, stride: i32, columns: i32): void {
  const step = (<usize>stride) << 2;
  let c = 0;
  for (; c + 8 <= columns; c += 8) {
    let first = f64x2.splat(0);
    let second = first;
    let third = first;
    let fourth = first;
    let from = at(x, c);
    for (let k = 0; k < extent; k++) {
      const left = v128.load(from);
      const right = v128.load(from, 16);
      first = f64x2.add(first, f64x2.promote_low_f32x4(left));
      second = f64x2.add(second, upperDoubles(left));
      third = f64x2.add(third, f64x2.promote_low_f32x4(right));
      fourth = f64x2.add(fourth, upperDoubles(right));
      from += step;
    }
    v128.store(at(y, c), rounded(first, second));
    v128.store(at(y, c), rounded(third, fourth), 16);
  }
  for (; c < columns; c++) {
    let sum: f64 = 0;
    let from = at(x, c);
    for (let k = 0; k < extent; k++) {
      sum += <f64>load<f32>(from);
      from += step;
    }
    store<f32>(at(y, c), <f32>sum);
  }
}

/** The largest entries of `rows` rows of `columns` elements; NaN where there is one. */
export function largestOfRuns(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) store<f32>(at(y, row), largestOfRun(at(x, row * columns), columns));
}

/** The largest entry of a run; NaN if it holds one, −∞ if it is empty. */
export function largestOfRun(x: usize, count: i32): f32 {
  let first = f32x4.splat(-Infinity);
  let second = first;
  // f32x4.max lets a NaN through by itself, but takes five instructions where this takes three.
  let isNaN = i32x4.splat(0);
  let c = 0;
  for (; c + 8 <= count; c += 8) {
    const left = v128.load(at(x, c));
    const right = v128.load(at(x, c), 16);
    first = f32x4.pmax(first, left);
    second = f32x4.pmax(second, right);
    isNaN = v128.or(isNaN, v128.or(f32x4.ne(left, left), f32x4.ne(right, right)));
  }
  if (v128.any_true(isNaN)) return NaN;
  first = f32x4.pmax(first, second);
  first = f32x4.pmax(first, v128.shuffle<f32>(first, first, 2, 3, 0, 1));
  let largest = max(f32x4.extract_lane(first, 0), f32x4.extract_lane(first, 1));
  for (; c < count; c++) largest = max(largest, load<f32>(at(x, c)));
  return largest;
}
