/** Scores that keys are chosen by, a row at a time, as kernels/top-keys-estimate.ts uses them. */
import { multiplyAdd } from './vector';

/** to ← Σ over calls of weight · relu(from): rows `toRow` and `fromRow` apart, a weight each. `begins`: to holds nothing yet. */
export function addWeightedRelu(
  to: usize,
  toRow: i32,
  from: usize,
  fromRow: i32,
  weights: usize,
  rows: i32,
  columns: i32,
  begins: bool,
): void {
  const zero = f32x4.splat(0);
  const end = (<usize>columns) << 2;
  const whole = (<usize>(columns & ~3)) << 2;
  for (let i = 0; i < rows; i++) {
    const weight = load<f32>(weights + ((<usize>i) << 2));
    const w = f32x4.splat(weight);
    const x = from + ((<usize>(i * fromRow)) << 2);
    const y = to + ((<usize>(i * toRow)) << 2);
    for (let at: usize = 0; at < whole; at += 16) {
      const sum = begins ? zero : v128.load(y + at);
      v128.store(y + at, multiplyAdd(w, f32x4.pmax(zero, v128.load(x + at)), sum));
    }
    for (let at = whole; at < end; at += 4) {
      const sum = begins ? <f32>0 : load<f32>(y + at);
      store<f32>(y + at, sum + weight * max(<f32>0, load<f32>(x + at)));
    }
  }
}

/** How many of the first `count` numbers are above the threshold. */
export function countAbove(x: usize, count: i32, threshold: f32): i32 {
  const limits = f32x4.splat(threshold);
  const whole = (<usize>(count & ~15)) << 2;
  const end = (<usize>count) << 2;
  // A comparison gives −1 where it holds.
  let a = i32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  for (let at: usize = 0; at < whole; at += 64) {
    a = i32x4.add(a, f32x4.gt(v128.load(x + at), limits));
    b = i32x4.add(b, f32x4.gt(v128.load(x + at, 16), limits));
    c = i32x4.add(c, f32x4.gt(v128.load(x + at, 32), limits));
    d = i32x4.add(d, f32x4.gt(v128.load(x + at, 48), limits));
  }
  const all = i32x4.add(i32x4.add(a, b), i32x4.add(c, d));
  let sum = -(i32x4.extract_lane(all, 0) + i32x4.extract_lane(all, 1) + i32x4.extract_lane(all, 2) + i32x4.extract_lane(all, 3));
  for (let at = whole; at < end; at += 4) sum += load<f32>(x + at) > threshold ? 1 : 0;
  return sum;
}

/**
 * Writes which of the first `count` numbers are above `above` and not above `upTo`, at most `most` of them, in ascending order,
 * and returns how many there are.
 */
export function namesBetween(x: usize, count: i32, above: f32, upTo: f32, to: usize, most: i32): i32 {
  const lower = f32x4.splat(above);
  const upper = f32x4.splat(upTo);
  let found = 0;
  for (let n = 0; n < count; n += 4) {
    if (n + 4 <= count) {
      const four = v128.load(x + ((<usize>n) << 2));
      if (!v128.any_true(v128.and(f32x4.gt(four, lower), f32x4.le(four, upper)))) continue;
    }
    for (let k = n; k < min(n + 4, count); k++) {
      const value = load<f32>(x + ((<usize>k) << 2));
      if (!(value > above && value <= upTo)) continue;
      if (found < most) store<i32>(to + ((<usize>found) << 2), k);
      found++;
    }
  }
  return found;
}

/** Writes which of the first `count` numbers are above the threshold, at most `most`, in ascending order; returns how many. */
export function namesAbove(x: usize, count: i32, threshold: f32, to: usize, most: i32): i32 {
  let found = 0;
  let n = 0;
  // Without branches: which numbers are above is as good as random. The place after the last is written to and not kept.
  for (; n < count && found < most; n++) {
    store<i32>(to + ((<usize>found) << 2), n);
    found += load<f32>(x + ((<usize>n) << 2)) > threshold ? 1 : 0;
  }
  return found;
}
