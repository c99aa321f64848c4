/**
 * A matrix rearranged for products: panels of eight columns, each [rows × 8] in one piece, the last padded with zero columns.
 * A matrix that is transposed or spread out in memory is read once here, and not once for every tile.
 */
import { at } from './vector';

/** target: ⌈columns / 8⌉ panels, from a block with strides, one of them 1. */
export function packPanels(
  target: usize,
  source: usize,
  rowStride: i32,
  columnStride: i32,
  rows: i32,
  columns: i32,
): void {
  const panel = (<usize>rows) << 5;
  const whole = columns & ~7;
  if (columnStride == 1) packRows(target, panel, source, rowStride, rows, whole);
  else {
    for (let column = 0; column < whole; column += 8) {
      packColumns(target + (<usize>(column >> 3)) * panel, at(source, column * columnStride), rowStride, columnStride, rows);
    }
  }
  if (whole == columns) return;
  const last = target + (<usize>(whole >> 3)) * panel;
  packNarrow(last, at(source, whole * columnStride), rowStride, columnStride, rows, columns - whole);
}

function packNarrow(target: usize, from: usize, rowStride: i32, columnStride: i32, rows: i32, width: i32): void {
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < 8; column++) {
      const place = at(from, row * rowStride + column * columnStride);
      store<f32>(at(target, 8 * row + column), column < width ? load<f32>(place) : 0);
    }
  }
}

/** For rows in one piece, which may be pages apart: one row at a time, over all panels. */
function packRows(target: usize, panel: usize, source: usize, rowStride: i32, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    let from = at(source, row * rowStride);
    let to = at(target, 8 * row);
    for (let column = 0; column < columns; column += 8) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += 32;
      to += panel;
    }
  }
}

/** For columns in one piece: four rows of four columns at a time, transposed in registers. */
function packColumns(target: usize, from: usize, rowStride: i32, columnStride: i32, rows: i32): void {
  const step = (<usize>columnStride) << 2;
  let row = 0;
  if (rowStride == 1) {
    for (; row + 4 <= rows; row += 4) {
      const place = at(from, row);
      const to = at(target, 8 * row);
      turnOver(to, 32, place, step);
      turnOver(to + 16, 32, place + 4 * step, step);
    }
  }
  packNarrow(at(target, 8 * row), at(from, row * rowStride), rowStride, columnStride, rows - row, 8);
}

/** Transposes four by four elements. */
// @ts-ignore: decorator
@inline
export function turnOver(to: usize, toStep: usize, from: usize, step: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + step);
  const c = v128.load(from + 2 * step);
  const d = v128.load(from + 3 * step);
  const abLow = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const abHigh = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cdLow = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cdHigh = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(abLow, cdLow, 0, 1, 4, 5));
  v128.store(to + toStep, v128.shuffle<f32>(abLow, cdLow, 2, 3, 6, 7));
  v128.store(to + 2 * toStep, v128.shuffle<f32>(abHigh, cdHigh, 0, 1, 4, 5));
  v128.store(to + 3 * toStep, v128.shuffle<f32>(abHigh, cdHigh, 2, 3, 6, 7));
}

/** target [rows × columns], without gaps, from a block with strides. */
export function pack(target: usize, source: usize, rowStride: i32, columnStride: i32, rows: i32, columns: i32): void {
  const isAcross = rowStride == 1 && columnStride != 1;
  const turnedRows = isAcross ? rows & ~3 : 0;
  const turnedColumns = isAcross ? columns & ~3 : 0;
  const step = (<usize>columnStride) << 2;
  const toStep = (<usize>columns) << 2;
  for (let row = 0; row < turnedRows; row += 4) {
    for (let column = 0; column < turnedColumns; column += 4) {
      turnOver(at(target, row * columns + column), toStep, at(source, row + column * columnStride), step);
    }
  }
  for (let row = 0; row < rows; row++) {
    const from = at(source, row * rowStride);
    const to = at(target, row * columns);
    if (columnStride == 1) memory.copy(to, from, toStep);
    else {
      for (let column = row < turnedRows ? turnedColumns : 0; column < columns; column++) {
        store<f32>(at(to, column), load<f32>(at(from, column * columnStride)));
      }
    }
  }
}
