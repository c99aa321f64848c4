/**
 * Updates of parameters: the kernels of kernels/optimizers.ts. They compute in float64 and in the same order, so they give
 * the same bits.
 */
import { pairsOfSquares, rounded, sumOfDoubles, upperDoubles } from './doubles';
import { at } from './vector';

/** Σ x². */
export function sumOfSquares(x: usize, count: i32): f64 {
  let first = f64x2.splat(0);
  let second = first;
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    first = f64x2.add(first, pairsOfSquares(v128.load(at(x, i))));
    second = f64x2.add(second, pairsOfSquares(v128.load(at(x, i), 16)));
  }
  let sum = sumOfDoubles(f64x2.add(first, second));
  for (; i < count; i++) {
    const each = <f64>load<f32>(at(x, i));
    sum += each * each;
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function weighted(a: f64, x: v128, b: f64, y: v128): v128 {
  return f64x2.add(f64x2.mul(f64x2.splat(a), x), f64x2.mul(f64x2.splat(b), y));
}

export function adamW(
  theta: usize,
  gradient: usize,
  m: usize,
  v: usize,
  count: i32,
  scale: f64,
  rate: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  decay: f64,
  firstCorrection: f64,
  secondCorrection: f64,
): void {
  const end = (<usize>count) << 2;
  // Two at a time, and a last one with zeros.
  for (let i: usize = 0; i < end; i += 8) {
    const isPair = i + 4 < end;
    const parameters = two(theta + i, isPair);
    const g = f64x2.mul(f64x2.splat(scale), two(gradient + i, isPair));
    const first = weighted(beta1, two(m + i, isPair), 1 - beta1, g);
    const fresh = f64x2.mul(f64x2.mul(f64x2.splat(1 - beta2), g), g);
    const second = f64x2.add(f64x2.mul(f64x2.splat(beta2), two(v + i, isPair)), fresh);
    put(m + i, first, isPair);
    put(v + i, second, isPair);
    const size = f64x2.add(f64x2.sqrt(f64x2.div(second, f64x2.splat(secondCorrection))), f64x2.splat(epsilon));
    const direction = f64x2.div(f64x2.div(first, f64x2.splat(firstCorrection)), size);
    const move = f64x2.add(direction, f64x2.mul(f64x2.splat(decay), parameters));
    put(theta + i, f64x2.sub(parameters, f64x2.mul(f64x2.splat(rate), move)), isPair);
  }
}

export function sgd(
  theta: usize,
  gradient: usize,
  velocity: usize,
  count: i32,
  scale: f64,
  rate: f64,
  momentum: f64,
  decay: f64,
  nesterov: bool,
): void {
  const end = (<usize>count) << 2;
  for (let i: usize = 0; i < end; i += 8) {
    const isPair = i + 4 < end;
    const parameters = two(theta + i, isPair);
    const g = weighted(scale, two(gradient + i, isPair), decay, parameters);
    let move = g;
    if (momentum != 0) {
      move = f64x2.add(f64x2.mul(f64x2.splat(momentum), two(velocity + i, isPair)), g);
      put(velocity + i, move, isPair);
      if (nesterov) move = f64x2.add(g, f64x2.mul(f64x2.splat(momentum), move));
    }
    put(theta + i, f64x2.sub(parameters, f64x2.mul(f64x2.splat(rate), move)), isPair);
  }
}

/** Sums over `extent` rows, `stride` apart, of the squares in `columns` columns: float64, and in order. */
export function squaresOfRows(x: usize, sums: usize, extent: i32, stride: i32, columns: i32): void {
  const step = (<usize>stride) << 2;
  for (let c = 0; c < columns; c += 2) {
    const isPair = c + 1 < columns;
    let sum = f64x2.splat(0);
    let from = at(x, c);
    for (let k = 0; k < extent; k++) {
      const each = two(from, isPair);
      sum = f64x2.add(sum, f64x2.mul(each, each));
      from += step;
    }
    if (isPair) v128.store(sums + ((<usize>c) << 3), sum);
    else store<f64>(sums + ((<usize>c) << 3), f64x2.extract_lane(sum, 0));
  }
}

/** Σ g² / (share · C) along a row, C being the means of columns. */
export function adafactorSize(gradient: usize, columnMeans: usize, count: i32, scale: f64, share: f64): f64 {
  let sums = f64x2.splat(0);
  const scales = f64x2.splat(scale);
  const shares = f64x2.splat(share);
  let c = 0;
  for (; c + 2 <= count; c += 2) {
    const g = f64x2.mul(scales, two(at(gradient, c), true));
    sums = f64x2.add(sums, f64x2.div(f64x2.mul(g, g), f64x2.mul(shares, two(at(columnMeans, c), true))));
  }
  let sum = sumOfDoubles(sums);
  for (; c < count; c++) {
    const g = scale * <f64>load<f32>(at(gradient, c));
    sum += (g * g) / (share * <f64>load<f32>(at(columnMeans, c)));
  }
  return sum;
}

/** θ −= step · g / √(share · C) + decay · θ along a row. */
export function adafactorUpdate(
  theta: usize,
  gradient: usize,
  columnMeans: usize,
  count: i32,
  scale: f64,
  share: f64,
  step: f64,
  decay: f64,
): void {
  for (let c = 0; c < count; c += 2) {
    const isPair = c + 1 < count;
    const parameters = two(at(theta, c), isPair);
    const g = f64x2.mul(f64x2.splat(scale), two(at(gradient, c), isPair));
    const size = f64x2.sqrt(f64x2.mul(f64x2.splat(share), two(at(columnMeans, c), isPair)));
    const move = weighted(step, f64x2.div(g, size), decay, parameters);
    put(at(theta, c), f64x2.sub(parameters, move), isPair);
  }
}

// @ts-ignore: decorator
@inline
function two(pointer: usize, isPair: bool): v128 {
  return f64x2.promote_low_f32x4(isPair ? v128.load64_zero(pointer) : v128.load32_zero(pointer));
}

// @ts-ignore: decorator
@inline
function put(pointer: usize, x: v128, isPair: bool): void {
  const single = f32x4.demote_f64x2_zero(x);
  if (isPair) v128.store64_lane(pointer, single, 0);
  else store<f32>(pointer, f32x4.extract_lane(single, 0));
}
