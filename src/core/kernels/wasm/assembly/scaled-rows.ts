/** Gradients of rows that were scaled: loops of kernels/rows.ts and kernels/normalize.ts. Sums over a row are float64. */
import { pairsOfProducts, pairsOfSquares, sumOfDoubles } from './doubles';
import { at, firstFactor, multiplyAdd } from './vector';

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, count: i32): f64 {
  const vectors = count & ~3;
  let sums = f64x2.splat(0);
  for (let c = 0; c < vectors; c += 4) {
    sums = f64x2.add(sums, pairsOfProducts(v128.load(at(a, c)), v128.load(at(b, c))));
  }
  let sum = sumOfDoubles(sums);
  for (let c = vectors; c < count; c++) sum += <f64>load<f32>(at(a, c)) * <f64>load<f32>(at(b, c));
  return sum;
}

// @ts-ignore: decorator
@inline
function squaresOf(x: usize, count: i32): f64 {
  const vectors = count & ~3;
  let sums = f64x2.splat(0);
  for (let c = 0; c < vectors; c += 4) sums = f64x2.add(sums, pairsOfSquares(v128.load(at(x, c))));
  let sum = sumOfDoubles(sums);
  for (let c = vectors; c < count; c++) sum += <f64>load<f32>(at(x, c)) * <f64>load<f32>(at(x, c));
  return sum;
}

/** x̄ = y ∘ (ȳ − Σ y ȳ). */
export function softmaxGradientRows(y: usize, gradient: usize, result: usize, rows: i32, columns: i32): void {
  const vectors = columns & ~3;
  for (let row = 0; row < rows; row++) {
    const own = at(y, row * columns);
    const g = at(gradient, row * columns);
    const to = at(result, row * columns);
    const along = <f32>dot(own, g, columns);
    const shift = f32x4.splat(along);
    for (let c = 0; c < vectors; c += 4) {
      v128.store(at(to, c), f32x4.mul(v128.load(at(own, c)), f32x4.sub(v128.load(at(g, c)), shift)));
    }
    for (let c = vectors; c < columns; c++) {
      store<f32>(at(to, c), load<f32>(at(own, c)) * (load<f32>(at(g, c)) - along));
    }
  }
}

/** 1 / ‖x‖, and 0 for a row of zeros. */
// @ts-ignore: decorator
@inline
function inverseLength(x: usize, count: i32): f64 {
  const squares = squaresOf(x, count);
  return squares == 0 ? 0 : 1 / sqrt(squares);
}

/** y = x / ‖x‖. */
export function normalizeRows(x: usize, y: usize, rows: i32, columns: i32): void {
  const vectors = columns & ~3;
  for (let row = 0; row < rows; row++) {
    const from = at(x, row * columns);
    const to = at(y, row * columns);
    const share = inverseLength(from, columns);
    const first = f32x4.splat(firstFactor(share));
    const second = f32x4.splat(<f32>(share / <f64>firstFactor(share)));
    for (let c = 0; c < vectors; c += 4) {
      v128.store(at(to, c), f32x4.mul(second, f32x4.mul(first, v128.load(at(from, c)))));
    }
    for (let c = vectors; c < columns; c++) {
      const each = f32x4.mul(second, f32x4.mul(first, v128.load_splat<f32>(at(from, c))));
      store<f32>(at(to, c), f32x4.extract_lane(each, 0));
    }
  }
}

/** x̄ = (ȳ − (ȳ·y) y) / ‖x‖, with y = x / ‖x‖. */
export function normalizeGradientRows(x: usize, gradient: usize, result: usize, rows: i32, columns: i32): void {
  const vectors = columns & ~3;
  for (let row = 0; row < rows; row++) {
    const from = at(x, row * columns);
    const g = at(gradient, row * columns);
    const to = at(result, row * columns);
    const share = inverseLength(from, columns);
    const first = f32x4.splat(firstFactor(share));
    const second = f32x4.splat(<f32>(share / <f64>firstFactor(share)));
    const tilt = f32x4.splat(<f32>(-dot(g, from, columns) * share));
    for (let c = 0; c < vectors; c += 4) {
      const normal = f32x4.mul(second, f32x4.mul(first, v128.load(at(from, c))));
      const across = multiplyAdd(tilt, normal, v128.load(at(g, c)));
      v128.store(at(to, c), f32x4.mul(second, f32x4.mul(first, across)));
    }
    for (let c = vectors; c < columns; c++) {
      const normal = f32x4.mul(second, f32x4.mul(first, v128.load_splat<f32>(at(from, c))));
      const across = multiplyAdd(tilt, normal, v128.load_splat<f32>(at(g, c)));
      store<f32>(at(to, c), f32x4.extract_lane(f32x4.mul(second, f32x4.mul(first, across)), 0));
    }
  }
}
