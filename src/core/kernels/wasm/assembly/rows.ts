/** Rows moved by index, and blocks laid out anew. */

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
  for (let item = begin; item < end; item++) {
    const outer = item / count;
    const row = load<i32>(index + ((<usize>(own ? item : item - outer * count)) << 2));
    const to = result + (<usize>item) * bytes;
    if (row < 0) memory.fill(to, 0, bytes);
    else memory.copy(to, source + (<usize>(outer * length + row)) * bytes, bytes);
  }
}

/** target[i] += source[i]. */
export function addRun(target: usize, source: usize, count: i32): void {
  const all = (<usize>count) << 2;
  const end = all & ~15;
  for (let at: usize = 0; at < end; at += 16) {
    v128.store(target + at, f32x4.add(v128.load(target + at), v128.load(source + at)));
  }
  for (let at: usize = end; at < all; at += 4) store<f32>(target + at, load<f32>(target + at) + load<f32>(source + at));
}

export function copyRun(target: usize, source: usize, bytes: usize): void {
  memory.copy(target, source, bytes);
}

/** target [rows × columns], without gaps, from a block with strides. */
export function pack(target: usize, source: usize, rowStride: i32, columnStride: i32, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    let from = source + ((<usize>(row * rowStride)) << 2);
    if (columnStride == 1) memory.copy(target, from, (<usize>columns) << 2);
    else {
      const step = (<usize>columnStride) << 2;
      for (let column = 0; column < columns; column++) {
        store<f32>(target + ((<usize>column) << 2), load<f32>(from));
        from += step;
      }
    }
    target += (<usize>columns) << 2;
  }
}
