/** Runs of exponents beside a run of scales: loops of kernels/feature-exponents.ts, four float32 at a time. */
import { expOfDifference } from './elementary';
import { at, multiplyAdd, sumOf } from './vector';

// @ts-ignore: decorator
@inline
function largestOf(x: v128): f32 {
  const pairs = f32x4.pmax(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/** The largest x + y. */
export function largestOfSums(x: usize, y: usize, count: i32): f32 {
  let first = f32x4.splat(-Infinity);
  let second = first;
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    first = f32x4.pmax(first, f32x4.add(v128.load(at(x, i)), v128.load(at(y, i))));
    second = f32x4.pmax(second, f32x4.add(v128.load(at(x, i), 16), v128.load(at(y, i), 16)));
  }
  let largest = largestOf(f32x4.pmax(first, second));
  for (; i < count; i++) largest = max(largest, load<f32>(at(x, i)) + load<f32>(at(y, i)));
  return largest;
}

/** y = the larger of y and x + shift. */
export function raiseToSums(x: usize, shift: f32, y: usize, count: i32): void {
  const all = f32x4.splat(shift);
  const vectors = count & ~3;
  for (let i = 0; i < vectors; i += 4) {
    const to = at(y, i);
    v128.store(to, f32x4.pmax(v128.load(to), f32x4.add(v128.load(at(x, i)), all)));
  }
  for (let i = vectors; i < count; i++) {
    const sum = load<f32>(at(x, i)) + shift;
    if (sum > load<f32>(at(y, i))) store<f32>(at(y, i), sum);
  }
}

/** Exponents that rounding has made larger still have a power. */
const HIGHEST: f32 = 80;

/** to = e^((x + shift) + sign · y), and the largest exponent; those above HIGHEST count as that. */
export function exponentialsOfSums(x: usize, y: usize, sign: f32, shift: f32, to: usize, count: i32): f32 {
  const signs = f32x4.splat(sign);
  const all = f32x4.splat(shift);
  const highest = f32x4.splat(HIGHEST);
  let first = f32x4.splat(-Infinity);
  let second = first;
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const left = multiplyAdd(signs, v128.load(at(y, i)), f32x4.add(v128.load(at(x, i)), all));
    const right = multiplyAdd(signs, v128.load(at(y, i), 16), f32x4.add(v128.load(at(x, i), 16), all));
    first = f32x4.pmax(first, left);
    second = f32x4.pmax(second, right);
    v128.store(at(to, i), expOfDifference(f32x4.pmin(left, highest)));
    v128.store(at(to, i), expOfDifference(f32x4.pmin(right, highest)), 16);
  }
  let largest = largestOf(f32x4.pmax(first, second));
  for (; i < count; i++) {
    const exponent = load<f32>(at(x, i)) + shift + sign * load<f32>(at(y, i));
    largest = max(largest, exponent);
    store<f32>(at(to, i), f32x4.extract_lane(expOfDifference(f32x4.pmin(f32x4.splat(exponent), highest)), 0));
  }
  return largest;
}

/** Σ x y. */
export function dotOfRuns(x: usize, y: usize, count: i32): f32 {
  let first = f32x4.splat(0);
  let second = first;
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    first = multiplyAdd(v128.load(at(x, i)), v128.load(at(y, i)), first);
    second = multiplyAdd(v128.load(at(x, i), 16), v128.load(at(y, i), 16), second);
  }
  let sum = sumOf(f32x4.add(first, second));
  for (; i < count; i++) sum += load<f32>(at(x, i)) * load<f32>(at(y, i));
  return sum;
}
