/**
 * One attention from several over disjoint keys: the kernels of kernels/join.ts. `table` lists where arrays lie, as int32:
 * the outputs of the parts, their log-sum-exps, output, log-sum-exp, then for the gradient those of the last two and the
 * results. `shares` has room for one float32 for each part.
 */
import { exp4, log4 } from './elementary';
import { sumOf } from './vector';

// @ts-ignore: decorator
@inline
function array(table: usize, index: i32): usize {
  return <usize>load<u32>(table + ((<usize>index) << 2));
}

// @ts-ignore: decorator
@inline
function element(pointer: usize, index: i32): usize {
  return pointer + ((<usize>index) << 2);
}

/** Fills in the parts' shares of a row, which add up to 1, and returns the log-sum-exp of all. */
// @ts-ignore: decorator
@inline
function shareOut(table: usize, parts: i32, row: i32, shares: usize): f32 {
  let largest: f32 = -Infinity;
  for (let p = 0; p < parts; p++) largest = max(largest, load<f32>(element(array(table, parts + p), row)));
  if (largest == -Infinity) {
    memory.fill(shares, 0, (<usize>parts) << 2);
    return largest;
  }
  let sum: f32 = 0;
  for (let p = 0; p < parts; p++) {
    const relative = load<f32>(element(array(table, parts + p), row)) - largest;
    const share = f32x4.extract_lane(exp4(f32x4.splat(relative)), 0);
    store<f32>(element(shares, p), share);
    sum += share;
  }
  for (let p = 0; p < parts; p++) store<f32>(element(shares, p), load<f32>(element(shares, p)) / sum);
  return largest + f32x4.extract_lane(log4(f32x4.splat(sum)), 0);
}

/** target = or += factor · source. */
// @ts-ignore: decorator
@inline
function putScaled(target: usize, source: usize, factor: f32, width: i32, accumulate: bool): void {
  const factors = f32x4.splat(factor);
  const end = ((<usize>width) & ~3) << 2;
  for (let at: usize = 0; at < end; at += 16) {
    const scaled = f32x4.mul(factors, v128.load(source + at));
    v128.store(target + at, accumulate ? f32x4.add(v128.load(target + at), scaled) : scaled);
  }
  for (let at: usize = end; at < (<usize>width) << 2; at += 4) {
    const scaled = factor * load<f32>(source + at);
    store<f32>(target + at, accumulate ? load<f32>(target + at) + scaled : scaled);
  }
}

// @ts-ignore: decorator
@inline
function dot(a: usize, b: usize, width: i32): f32 {
  let sums = f32x4.splat(0);
  const end = ((<usize>width) & ~3) << 2;
  for (let at: usize = 0; at < end; at += 16) sums = f32x4.add(sums, f32x4.mul(v128.load(a + at), v128.load(b + at)));
  let sum = sumOf(sums);
  for (let at: usize = end; at < (<usize>width) << 2; at += 4) sum += load<f32>(a + at) * load<f32>(b + at);
  return sum;
}

/** Rows `begin` … `end` − 1. */
export function joinRows(table: usize, parts: i32, width: i32, begin: i32, end: i32, shares: usize): void {
  const output = array(table, 2 * parts);
  const logSumExp = array(table, 2 * parts + 1);
  for (let row = begin; row < end; row++) {
    store<f32>(element(logSumExp, row), shareOut(table, parts, row, shares));
    const start = row * width;
    let isFirst = true;
    for (let p = 0; p < parts; p++) {
      const share = load<f32>(element(shares, p));
      // A part with a share of 0 may hold anything, even NaN where a query met no key.
      if (share == 0) continue;
      putScaled(element(output, start), element(array(table, p), start), share, width, !isFirst);
      isFirst = false;
    }
    if (isFirst) memory.fill(element(output, start), 0, (<usize>width) << 2);
  }
}

/** ∂o_p = s_p ∂o and ∂lse_p = s_p (∂o · (o_p − o) + ∂lse); `both`: there is a ∂lse. */
export function joinGradientRows(
  table: usize,
  parts: i32,
  width: i32,
  both: bool,
  begin: i32,
  end: i32,
  shares: usize,
): void {
  const output = array(table, 2 * parts);
  const gradient = array(table, 2 * parts + 2);
  const logSumExpGradient = array(table, 2 * parts + 3);
  const results = 2 * parts + 4;
  for (let row = begin; row < end; row++) {
    const start = row * width;
    const g = element(gradient, start);
    const along = dot(g, element(output, start), width);
    shareOut(table, parts, row, shares);
    for (let p = 0; p < parts; p++) {
      const share = load<f32>(element(shares, p));
      const result = element(array(table, results + p), start);
      let slope: f32 = 0;
      if (share == 0) memory.fill(result, 0, (<usize>width) << 2);
      else {
        putScaled(result, g, share, width, false);
        slope = dot(g, element(array(table, p), start), width) - along;
        if (both) slope += load<f32>(element(logSumExpGradient, row));
        slope *= share;
      }
      store<f32>(element(array(table, results + parts + p), row), slope);
    }
  }
}
