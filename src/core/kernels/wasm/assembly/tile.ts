/**
 * C += or = α · A · B on strided blocks, float32: the vector twin of multiplyTile in kernels/tile.ts. Each result sums its
 * products in an order that depends only on the strides and the inner extent, so the borders of a tile never change a bit.
 * Pointers are in bytes, strides in elements.
 */
import { byDots } from './tile-dots';
import { byRows } from './tile-rows';
import { at } from './vector';

/** C[rows × columns] = α · A[rows × inner] · B[inner × columns], added to C if `accumulate`. C has unit column stride. */
export function multiplyTile(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  bColumn: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  if (bColumn == 1) byRows(c, cRow, a, aRow, aColumn, b, bRow, 32, rows, columns, inner, alpha, accumulate);
  else if (aColumn == 1 && bRow == 1) byDots(c, cRow, a, aRow, b, bColumn, rows, columns, inner, alpha, accumulate);
  else scalar(c, cRow, a, aRow, aColumn, b, bRow, bColumn, rows, columns, inner, alpha, accumulate);
}

/** The same, with B [inner × columns] in panels of eight columns, as packPanels leaves it. */
export function multiplyPanels(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  panels: usize,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  const panel = (<usize>inner) << 5;
  byRows(c, cRow, a, aRow, aColumn, panels, 8, panel, rows, columns, inner, alpha, accumulate);
}

/** The columns that do not fill a vector. */
function scalar(
  c: usize,
  cRow: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bRow: i32,
  bColumn: i32,
  rows: i32,
  columns: i32,
  inner: i32,
  alpha: f32,
  accumulate: bool,
): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum: f32 = 0;
      for (let p = 0; p < inner; p++) {
        sum += load<f32>(at(a, row * aRow + p * aColumn)) * load<f32>(at(b, p * bRow + column * bColumn));
      }
      const place = at(c, row * cRow + column);
      store<f32>(place, accumulate ? load<f32>(place) + alpha * sum : alpha * sum);
    }
  }
}
