/**
 * Runs of the same length at even distances: a walk of kernels/strided.ts reduces to them where both operands lie in runs.
 */

/** `rows` runs of `columns` float32, copied. */
export function copyRows(
  source: usize,
  sourceRow: i32,
  target: usize,
  targetRow: i32,
  rows: i32,
  columns: i32,
): void {
  const from = (<isize>sourceRow) << 2;
  const to = (<isize>targetRow) << 2;
  const bytes = (<usize>columns) << 2;
  const end = bytes & ~15;
  for (let row = 0; row < rows; row++) {
    // A call to copy memory costs more than a short run.
    for (let at: usize = 0; at < end; at += 16) v128.store(target + at, v128.load(source + at));
    for (let at: usize = end; at < bytes; at += 4) store<f32>(target + at, load<f32>(source + at));
    source += from;
    target += to;
  }
}

/** `rows` runs of `columns` float32, each all the same number of the source. */
export function repeatRows(
  source: usize,
  sourceRow: i32,
  target: usize,
  targetRow: i32,
  rows: i32,
  columns: i32,
): void {
  const from = (<isize>sourceRow) << 2;
  const to = (<isize>targetRow) << 2;
  const bytes = (<usize>columns) << 2;
  const end = bytes & ~15;
  for (let row = 0; row < rows; row++) {
    const all = v128.load_splat<f32>(source);
    for (let at: usize = 0; at < end; at += 16) v128.store(target + at, all);
    for (let at: usize = end; at < bytes; at += 4) store<f32>(target + at, f32x4.extract_lane(all, 0));
    source += from;
    target += to;
  }
}
