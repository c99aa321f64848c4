/**
 * Exponentials of a row less a number, for the logarithm of their sum and its gradient: loops of kernels/rows.ts and
 * kernels/cross-entropy.ts. The number comes in two float32 parts, so that it may be large.
 */
import { pairsOf, sumOfDoubles } from './doubles';
import { expOfDifference } from './elementary';
import { at } from './vector';

/** Σ e^(x − largest), in float64. */
export function sumOfExponentials(x: usize, count: i32, largest: f32): f64 {
  const shift = f32x4.splat(largest);
  let sums = f64x2.splat(0);
  let c = 0;
  for (; c + 8 <= count; c += 8) {
    const first = expOfDifference(f32x4.sub(v128.load(at(x, c)), shift));
    const second = expOfDifference(f32x4.sub(v128.load(at(x, c), 16), shift));
    sums = f64x2.add(sums, pairsOf(f32x4.add(first, second)));
  }
  let sum = sumOfDoubles(sums);
  for (; c < count; c++) {
    sum += <f64>f32x4.extract_lane(expOfDifference(f32x4.sub(v128.load_splat<f32>(at(x, c)), shift)), 0);
  }
  return sum;
}

/** y = factor · e^(x − shift), where no x exceeds the shift by more than rounding. */
export function scaledExponentials(x: usize, y: usize, count: i32, shift: f64, factor: f32): void {
  const high = f32x4.splat(<f32>shift);
  const low = f32x4.splat(<f32>(shift - <f64>(<f32>shift)));
  const factors = f32x4.splat(factor);
  const vectors = count & ~3;
  for (let c = 0; c < vectors; c += 4) {
    const difference = f32x4.sub(f32x4.sub(v128.load(at(x, c)), high), low);
    v128.store(at(y, c), f32x4.mul(factors, expOfDifference(difference)));
  }
  for (let c = vectors; c < count; c++) {
    const difference = f32x4.sub(f32x4.sub(v128.load_splat<f32>(at(x, c)), high), low);
    store<f32>(at(y, c), factor * f32x4.extract_lane(expOfDifference(difference), 0));
  }
}
