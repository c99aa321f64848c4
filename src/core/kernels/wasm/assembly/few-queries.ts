/**
 * Attention of one query with a run of keys, read where they lie: what a step of a generation spends its time on. As the walk over
 * tiles of kernels/attention-forward.ts, without its copies and with one call for the whole run.
 */
import { exponentiateRows } from './softmax';
import { sumsOf } from './tile-dots';
import { at, multiplyAdd } from './vector';

/** Keys whose scores are held at once. With their values they fit the nearest caches. */
const KEYS_AT_ONCE = 256;

/**
 * A query meets `count` keys, `keyRow` numbers apart, and their values, `valueRow` apart. Its largest score and its sum so far
 * are in float64; its weighted sums are `valueWidth` numbers. `scores`: room for 256. With a `list` of int32 (0: none), whose
 * entries lie `listStep` apart, it meets the rows that these name, gathered in `room`: the bits are those of rows one after
 * another.
 */
export function meetRun(
  query: usize,
  keys: usize,
  keyRow: i32,
  values: usize,
  valueRow: i32,
  count: i32,
  width: i32,
  valueWidth: i32,
  scale: f32,
  list: usize,
  listStep: i32,
  room: usize,
  scores: usize,
  largest: usize,
  sums: usize,
  weighted: usize,
): void {
  for (let first = 0; first < count; first += KEYS_AT_ONCE) {
    const here = min(KEYS_AT_ONCE, count - first);
    const names = at(list, first * listStep);
    if (list == 0) dots(query, at(keys, first * keyRow), keyRow, here, width, scale, scores);
    else {
      gather(keys, names, listStep, room, here, width);
      dots(query, room, width, here, width, scale, scores);
    }
    exponentiateRows(scores, 0, 1, here, largest, sums, weighted, valueWidth);
    if (list == 0) addWeighted(weighted, scores, at(values, first * valueRow), valueRow, here, valueWidth);
    else {
      gather(values, names, listStep, room, here, valueWidth);
      addWeighted(weighted, scores, room, valueWidth, here, valueWidth);
    }
  }
}

function gather(from: usize, list: usize, listStep: i32, to: usize, count: i32, width: i32): void {
  const bytes = (<usize>width) << 2;
  for (let n = 0; n < count; n++) {
    memory.copy(to, from + (<usize>load<i32>(at(list, n * listStep))) * bytes, bytes);
    to += bytes;
  }
}

/** scores[n] = scale · query · keys[n], each summed in the order of tile-dots.ts: the gradient computes the same scores again. */
function dots(query: usize, keys: usize, keyRow: i32, count: i32, width: i32, scale: f32, scores: usize): void {
  const factor = f32x4.splat(scale);
  const step = (<usize>keyRow) << 2;
  let n = 0;
  for (; n + 4 <= count; n += 4) {
    v128.store(at(scores, n), f32x4.mul(factor, fourDots(query, keys, step, width)));
    keys += step << 2;
  }
  // Those that are left, one by one.
  for (; n < count; n++) {
    store<f32>(at(scores, n), scale * f32x4.extract_lane(fourDots(query, keys, 0, width), 0));
    keys += step;
  }
}

/** The products with four keys, `step` bytes apart. */
// @ts-ignore: decorator
@inline
function fourDots(query: usize, b0: usize, step: usize, width: i32): v128 {
  let b1 = b0 + step;
  let b2 = b1 + step;
  let b3 = b2 + step;
  let a = query;
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  for (let rest = width; rest >= 4; rest -= 4) {
    const x = v128.load(a);
    s0 = multiplyAdd(x, v128.load(b0), s0);
    s1 = multiplyAdd(x, v128.load(b1), s1);
    s2 = multiplyAdd(x, v128.load(b2), s2);
    s3 = multiplyAdd(x, v128.load(b3), s3);
    a += 16;
    b0 += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  }
  let dots = sumsOf(s0, s1, s2, s3);
  const end = (<usize>(width & 3)) << 2;
  for (let p: usize = 0; p < end; p += 4) {
    const y = f32x4(load<f32>(b0 + p), load<f32>(b1 + p), load<f32>(b2 + p), load<f32>(b3 + p));
    dots = f32x4.add(dots, f32x4.mul(v128.load_splat<f32>(a + p), y));
  }
  return dots;
}

/** sums += Σ_n weights[n] · values[n]. */
function addWeighted(sums: usize, weights: usize, values: usize, valueRow: i32, count: i32, width: i32): void {
  const step = (<usize>valueRow) << 2;
  const end = (<usize>width) << 2;
  let column: usize = 0;
  for (; column + 64 <= end; column += 64) sixteenColumns(sums + column, weights, values + column, step, count);
  for (; column + 16 <= end; column += 16) fourColumns(sums + column, weights, values + column, step, count);
  for (; column < end; column += 4) {
    let sum: f32 = 0;
    let from = values + column;
    for (let n = 0; n < count; n++) {
      sum += load<f32>(at(weights, n)) * load<f32>(from);
      from += step;
    }
    store<f32>(sums + column, load<f32>(sums + column) + sum);
  }
}

/** Keys two by two, in sums of their own: a chain of additions would wait for itself. */
function sixteenColumns(to: usize, weights: usize, from: usize, step: usize, count: i32): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let t0 = s0;
  let t1 = s0;
  let t2 = s0;
  let t3 = s0;
  let n = 0;
  for (; n + 2 <= count; n += 2) {
    const w = v128.load_splat<f32>(weights);
    s0 = multiplyAdd(w, v128.load(from), s0);
    s1 = multiplyAdd(w, v128.load(from, 16), s1);
    s2 = multiplyAdd(w, v128.load(from, 32), s2);
    s3 = multiplyAdd(w, v128.load(from, 48), s3);
    // Never taken: it keeps the compiler from moving all loads to the front, where registers run out, as in tile-block.ts.
    if (n > count) break;
    const other = from + step;
    const v = v128.load_splat<f32>(weights, 4);
    t0 = multiplyAdd(v, v128.load(other), t0);
    t1 = multiplyAdd(v, v128.load(other, 16), t1);
    t2 = multiplyAdd(v, v128.load(other, 32), t2);
    t3 = multiplyAdd(v, v128.load(other, 48), t3);
    weights += 8;
    from = other + step;
  }
  if (n < count) {
    const w = v128.load_splat<f32>(weights);
    s0 = multiplyAdd(w, v128.load(from), s0);
    s1 = multiplyAdd(w, v128.load(from, 16), s1);
    s2 = multiplyAdd(w, v128.load(from, 32), s2);
    s3 = multiplyAdd(w, v128.load(from, 48), s3);
  }
  v128.store(to, f32x4.add(v128.load(to), f32x4.add(s0, t0)));
  v128.store(to, f32x4.add(v128.load(to, 16), f32x4.add(s1, t1)), 16);
  v128.store(to, f32x4.add(v128.load(to, 32), f32x4.add(s2, t2)), 32);
  v128.store(to, f32x4.add(v128.load(to, 48), f32x4.add(s3, t3)), 48);
}

/** Keys four by four, for the same reason. */
function fourColumns(to: usize, weights: usize, from: usize, step: usize, count: i32): void {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let s2 = s0;
  let s3 = s0;
  let n = 0;
  for (; n + 4 <= count; n += 4) {
    s0 = multiplyAdd(v128.load_splat<f32>(weights), v128.load(from), s0);
    from += step;
    s1 = multiplyAdd(v128.load_splat<f32>(weights, 4), v128.load(from), s1);
    from += step;
    s2 = multiplyAdd(v128.load_splat<f32>(weights, 8), v128.load(from), s2);
    from += step;
    s3 = multiplyAdd(v128.load_splat<f32>(weights, 12), v128.load(from), s3);
    from += step;
    weights += 16;
  }
  for (; n < count; n++) {
    s0 = multiplyAdd(v128.load_splat<f32>(weights), v128.load(from), s0);
    from += step;
    weights += 4;
  }
  v128.store(to, f32x4.add(v128.load(to), f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3))));
}
