/**
 * Products of a few rows with a matrix that is read once, from its first number to its last: most of a step of a generation
 * besides attention. A tile of results in registers would walk down columns of B, whose numbers lie far apart.
 */
import { at, multiplyAdd } from './vector';

/**
 * C[rows × columns] = A[rows × inner] · B[inner × columns], rows of all in one piece. With `room` for as many results (0: none)
 * the products are summed there, and then added to C. Each result has the bits of the tile of tile-rows.ts: its products are
 * summed in order, from 0 on.
 */
export function multiplyFewRows(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  b: usize,
  bRow: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  room: usize,
): void {
  const sums = room == 0 ? c : room;
  const sumsRow = room == 0 ? cRow : columns;
  for (let row = 0; row < rows; row++) memory.fill(at(sums, row * sumsRow), 0, (<usize>columns) << 2);
  let p = 0;
  for (; p + 8 <= inner; p += 8) {
    for (let row = 0; row < rows; row++) addEight(at(sums, row * sumsRow), at(a, row * aRow + p), b, bRow, columns);
    b = at(b, 8 * bRow);
  }
  for (; p < inner; p++) {
    for (let row = 0; row < rows; row++) addOne(at(sums, row * sumsRow), load<f32>(at(a, row * aRow + p)), b, columns);
    b = at(b, bRow);
  }
  if (room == 0) return;
  for (let row = 0; row < rows; row++) addRow(at(c, row * cRow), at(room, row * columns), columns);
}

/** sums += Σ a[p] · B[p] for eight rows of B, one after the other. */
function addEight(sums: usize, a: usize, b: usize, bRow: i32, columns: i32): void {
  const step = (<usize>bRow) << 2;
  const x0 = v128.load_splat<f32>(a);
  const x1 = v128.load_splat<f32>(a, 4);
  const x2 = v128.load_splat<f32>(a, 8);
  const x3 = v128.load_splat<f32>(a, 12);
  const x4 = v128.load_splat<f32>(a, 16);
  const x5 = v128.load_splat<f32>(a, 20);
  const x6 = v128.load_splat<f32>(a, 24);
  const x7 = v128.load_splat<f32>(a, 28);
  const b4 = b + 4 * step;
  const end = (<usize>columns) << 2;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) {
    let sum = v128.load(sums + at);
    sum = multiplyAdd(x0, v128.load(b + at), sum);
    sum = multiplyAdd(x1, v128.load(b + step + at), sum);
    sum = multiplyAdd(x2, v128.load(b + 2 * step + at), sum);
    sum = multiplyAdd(x3, v128.load(b + 3 * step + at), sum);
    sum = multiplyAdd(x4, v128.load(b4 + at), sum);
    sum = multiplyAdd(x5, v128.load(b4 + step + at), sum);
    sum = multiplyAdd(x6, v128.load(b4 + 2 * step + at), sum);
    sum = multiplyAdd(x7, v128.load(b4 + 3 * step + at), sum);
    v128.store(sums + at, sum);
  }
  for (; at < end; at += 4) {
    let sum = v128.load32_zero(sums + at);
    for (let p: usize = 0; p < 8; p++) {
      sum = multiplyAdd(v128.load_splat<f32>(a + (p << 2)), v128.load32_zero(b + p * step + at), sum);
    }
    store<f32>(sums + at, f32x4.extract_lane(sum, 0));
  }
}

function addOne(sums: usize, a: f32, b: usize, columns: i32): void {
  const x = f32x4.splat(a);
  const end = (<usize>columns) << 2;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) v128.store(sums + at, multiplyAdd(x, v128.load(b + at), v128.load(sums + at)));
  for (; at < end; at += 4) {
    const sum = multiplyAdd(x, v128.load32_zero(b + at), v128.load32_zero(sums + at));
    store<f32>(sums + at, f32x4.extract_lane(sum, 0));
  }
}

function addRow(c: usize, sums: usize, columns: i32): void {
  const end = (<usize>columns) << 2;
  let at: usize = 0;
  for (; at + 16 <= end; at += 16) v128.store(c + at, f32x4.add(v128.load(c + at), v128.load(sums + at)));
  for (; at < end; at += 4) store<f32>(c + at, load<f32>(c + at) + load<f32>(sums + at));
}
