/** Exponentials of score rows: the online softmax, its backward pass, and whole rows. */
import { expOfDifference } from './elementary';
import { sumOf } from './vector';

// @ts-ignore: decorator
@inline
function maxOf(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** The largest element, or start if that is larger. A NaN may be passed over, unless nothing else is above −∞. */
// @ts-ignore: decorator
@inline
function largestOf(row: usize, columns: i32, start: f32): f32 {
  let largest = start;
  const vectors = columns & ~3;
  if (vectors > 0) {
    let lanes = v128.load(row);
    // One instruction, where f32x4.max, which lets a NaN through, is seven.
    for (let j = 4; j < vectors; j += 4) lanes = f32x4.pmax(lanes, v128.load(row + ((<usize>j) << 2)));
    largest = max(largest, maxOf(lanes));
  }
  for (let j = vectors; j < columns; j++) largest = max(largest, load<f32>(row + ((<usize>j) << 2)));
  return largest == -Infinity && columns > 0 ? sumOfRow(row, columns) : largest;
}

/** x ← e^(x − shift) for a row. */
// @ts-ignore: decorator
@inline
function exponentials(from: usize, to: usize, columns: i32, shift: f32): void {
  const shifts = f32x4.splat(shift);
  let j = 0;
  // Two at once: they are chains of operations, and hide each other's latency.
  for (; j + 8 <= columns; j += 8) {
    const at = (<usize>j) << 2;
    const first = f32x4.sub(v128.load(from + at), shifts);
    const second = f32x4.sub(v128.load(from + at, 16), shifts);
    v128.store(to + at, expOfDifference(first));
    v128.store(to + at, expOfDifference(second), 16);
  }
  if (j + 4 <= columns) {
    const at = (<usize>j) << 2;
    v128.store(to + at, expOfDifference(f32x4.sub(v128.load(from + at), shifts)));
    j += 4;
  }
  for (; j < columns; j++) {
    const at = (<usize>j) << 2;
    store<f32>(to + at, f32x4.extract_lane(expOfDifference(f32x4.splat(load<f32>(from + at) - shift)), 0));
  }
}

/** A loop apart from the exponentials, which take all registers. */
// @ts-ignore: decorator
@inline
function sumOfRow(row: usize, columns: i32): f32 {
  const vectors = columns & ~3;
  let sums = f32x4.splat(0);
  for (let j = 0; j < vectors; j += 4) sums = f32x4.add(sums, v128.load(row + ((<usize>j) << 2)));
  let sum = sumOf(sums);
  for (let j = vectors; j < columns; j++) sum += load<f32>(row + ((<usize>j) << 2));
  return sum;
}

// @ts-ignore: decorator
@inline
function scaleRow(row: usize, columns: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  const vectors = columns & ~3;
  for (let j = 0; j < vectors; j += 4) {
    const at = row + ((<usize>j) << 2);
    v128.store(at, f32x4.mul(v128.load(at), factors));
  }
  for (let j = vectors; j < columns; j++) {
    const at = row + ((<usize>j) << 2);
    store<f32>(at, load<f32>(at) * factor);
  }
}

/**
 * OnlineSoftmax.exponentiate of kernels/online-softmax.ts for `rows` rows: scores `stride` apart; largest scores and sums
 * so far in float64, one a row; weighted sums `width` wide.
 */
export function exponentiateRows(
  scores: usize,
  stride: i32,
  rows: i32,
  columns: i32,
  largest: usize,
  sums: usize,
  weighted: usize,
  width: i32,
): void {
  // Each step runs over all rows before the next step: a single row is too short to hide its latencies.
  for (let i = 0; i < rows; i++) {
    const own = (<usize>i) << 3;
    const before = <f32>load<f64>(largest + own);
    const highest = largestOf(scores + ((<usize>(i * stride)) << 2), columns, before);
    if (highest == before) continue;
    const shrink = f32x4.extract_lane(expOfDifference(f32x4.splat(before - highest)), 0);
    store<f64>(sums + own, load<f64>(sums + own) * <f64>shrink);
    scaleRow(weighted + ((<usize>(i * width)) << 2), width, shrink);
    store<f64>(largest + own, <f64>highest);
  }
  for (let i = 0; i < rows; i++) {
    const row = scores + ((<usize>(i * stride)) << 2);
    const highest = <f32>load<f64>(largest + ((<usize>i) << 3));
    if (highest == -Infinity) memory.fill(row, 0, (<usize>columns) << 2);
    else exponentials(row, row, columns, highest);
  }
  for (let i = 0; i < rows; i++) {
    const own = (<usize>i) << 3;
    const sum = sumOfRow(scores + ((<usize>(i * stride)) << 2), columns);
    store<f64>(sums + own, load<f64>(sums + own) + <f64>sum);
  }
}

/**
 * For `rows` rows of scores and of weight gradients, `stride` apart: P = e^(S − shift) · share, ∂S = P (∂P − δ), in place.
 * shift, share and δ lie `step` apart.
 */
export function weighRows(
  scores: usize,
  gradients: usize,
  stride: i32,
  rows: i32,
  columns: i32,
  shifts: usize,
  shares: usize,
  delta: usize,
  step: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const row = (<usize>(i * stride)) << 2;
    const own = (<usize>(i * step)) << 2;
    const shift = load<f32>(shifts + own);
    const share = load<f32>(shares + own);
    const d = load<f32>(delta + own);
    const weights = scores + row;
    const slopes = gradients + row;
    if (shift == -Infinity) memory.fill(weights, 0, (<usize>columns) << 2);
    else exponentials(weights, weights, columns, shift);
    const deltas = f32x4.splat(d);
    const factors = f32x4.splat(share);
    const vectors = columns & ~3;
    for (let j = 0; j < vectors; j += 4) {
      const at = (<usize>j) << 2;
      const weight = f32x4.mul(v128.load(weights + at), factors);
      v128.store(weights + at, weight);
      v128.store(slopes + at, f32x4.mul(weight, f32x4.sub(v128.load(slopes + at), deltas)));
    }
    for (let j = vectors; j < columns; j++) {
      const at = (<usize>j) << 2;
      const weight = load<f32>(weights + at) * share;
      store<f32>(weights + at, weight);
      store<f32>(slopes + at, weight * (load<f32>(slopes + at) - d));
    }
  }
}

/** y = softmax(x) of contiguous rows. A row of −∞ alone becomes zeros. */
export function softmaxRows(x: usize, y: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    const at = (<usize>(i * columns)) << 2;
    const highest = largestOf(x + at, columns, -Infinity);
    if (highest == -Infinity) {
      memory.fill(y + at, 0, (<usize>columns) << 2);
      continue;
    }
    exponentials(x + at, y + at, columns, highest);
    scaleRow(y + at, columns, 1 / sumOfRow(y + at, columns));
  }
}
