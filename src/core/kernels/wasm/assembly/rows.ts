/** Rows moved by index, and blocks rearranged. */
import { multiplyAdd } from './vector';

/**
 * Rows `begin` … `end` − 1 of the result: row k of an outer entry is row index[k] of the same entry of the source, or
 * zeros where the index is negative. As gatherKernel of kernels/rows.ts.
 */
export function gatherRows(
  source: usize,
  index: usize,
  result: usize,
  begin: i32,
  end: i32,
  length: i32,
  width: i32,
  count: i32,
  own: bool,
): void {
  const bytes = (<usize>width) << 2;
  let outer = begin / count;
  let k = begin - outer * count;
  for (let item = begin; item < end; item++) {
    const row = load<i32>(index + ((<usize>(own ? item : k)) << 2));
    const to = result + (<usize>item) * bytes;
    const from = source + (<usize>(outer * length + row)) * bytes;
    // A copy of one number takes several times as long as the number.
    if (bytes === 4) store<f32>(to, row < 0 ? 0 : load<f32>(from));
    else if (row < 0) memory.fill(to, 0, bytes);
    else memory.copy(to, from, bytes);
    if (++k === count) {
      k = 0;
      outer++;
    }
  }
}

/**
 * One item of the adjoint of a gather: `columns` columns of an outer entry. `rows` and `result` point at their first
 * element there, `index` at the entry's list; rows are `width` apart. As scatterAddKernel of kernels/rows.ts.
 */
export function scatterAdd(
  rows: usize,
  index: usize,
  result: usize,
  length: i32,
  width: i32,
  count: i32,
  columns: i32,
): void {
  const stride = (<usize>width) << 2;
  const bytes = (<usize>columns) << 2;
  const end = bytes & ~15;
  if (columns === width) memory.fill(result, 0, (<usize>length) * stride);
  else for (let row = 0; row < length; row++) memory.fill(result + (<usize>row) * stride, 0, bytes);
  for (let k = 0; k < count; k++) {
    const row = load<i32>(index + ((<usize>k) << 2));
    if (row < 0) continue;
    const from = rows + (<usize>k) * stride;
    const to = result + (<usize>row) * stride;
    for (let at: usize = 0; at < end; at += 16) {
      v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
    }
    for (let at: usize = end; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
  }
}

/**
 * Adds rows, one after another, to rows index[0], index[1], … of the target. As Side.scatterAdd of kernels/attention-side.ts.
 */
export function addRows(target: usize, index: usize, rows: usize, count: i32, width: i32): void {
  const bytes = (<usize>width) << 2;
  const end = bytes & ~15;
  for (let k = 0; k < count; k++) {
    const to = target + (<usize>load<i32>(index + ((<usize>k) << 2))) * bytes;
    for (let at: usize = 0; at < end; at += 16) {
      v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(rows + at)));
    }
    for (let at: usize = end; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(rows + at));
    rows += bytes;
  }
}

/**
 * Rows of sums, one after another, put in rows index[0], index[1], … of the target: target ← old[k] · target + fresh[k] ·
 * sums, where an old[k] of 0 ignores the previous contents. As finish of kernels/attention-forward.ts.
 */
export function mixRows(
  target: usize,
  index: usize,
  sums: usize,
  count: i32,
  width: i32,
  old: usize,
  fresh: usize,
): void {
  const bytes = (<usize>width) << 2;
  const end = bytes & ~15;
  for (let k = 0; k < count; k++) {
    const entry = (<usize>k) << 2;
    const to = target + (<usize>load<i32>(index + entry)) * bytes;
    const ofOld = load<f32>(old + entry);
    const ofFresh = load<f32>(fresh + entry);
    const factors = f32x4.splat(ofFresh);
    if (ofOld == 0) {
      for (let at: usize = 0; at < end; at += 16) v128.store(to + at, f32x4.mul(v128.load(sums + at), factors));
      for (let at: usize = end; at < bytes; at += 4) store<f32>(to + at, load<f32>(sums + at) * ofFresh);
    } else {
      const keep = f32x4.splat(ofOld);
      for (let at: usize = 0; at < end; at += 16) {
        const kept = f32x4.mul(v128.load(to + at), keep);
        v128.store(to + at, f32x4.add(kept, f32x4.mul(v128.load(sums + at), factors)));
      }
      for (let at: usize = end; at < bytes; at += 4) {
        store<f32>(to + at, load<f32>(to + at) * ofOld + load<f32>(sums + at) * ofFresh);
      }
    }
    sums += bytes;
  }
}

/**
 * One item of the adjoint of a weighted gather: `columns` columns of the result. `gradient` and `result` point at their first
 * element there; rows are `width` apart, and each row of the gradient has `count` weights and places in the result. As
 * weightedRowsTableKernel of kernels/weighted-rows.ts.
 */
export function scatterWeighted(
  gradient: usize,
  weights: usize,
  index: usize,
  result: usize,
  length: i32,
  width: i32,
  rows: i32,
  count: i32,
  columns: i32,
): void {
  const stride = (<usize>width) << 2;
  const bytes = (<usize>columns) << 2;
  const end = bytes & ~15;
  for (let row = 0; row < length; row++) memory.fill(result + (<usize>row) * stride, 0, bytes);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < count; c++) {
      const factor = load<f32>(weights);
      const factors = f32x4.splat(factor);
      const to = result + (<usize>load<i32>(index)) * stride;
      for (let at: usize = 0; at < end; at += 16) {
        v128.store(to + at, multiplyAdd(factors, v128.load(gradient + at), v128.load(to + at)));
      }
      for (let at: usize = end; at < bytes; at += 4) {
        store<f32>(to + at, load<f32>(to + at) + factor * load<f32>(gradient + at));
      }
      weights += 4;
      index += 4;
    }
    gradient += stride;
  }
}
