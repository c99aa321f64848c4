/**
 * The product that most other kernels are built from: C += or = α · A · B on strided blocks, four by four results at a time
 * in registers. Each result sums its products in order of the inner index, wherever it lies in a tile, so the choice of
 * blocks never changes a bit. Blocks of float32 in the heap have a vector twin, wasm/assembly/tile.ts.
 */
import type { NumericArray } from '../memory.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** A block inside an array: element (row, column) is `data[offset + row * rowStride + column * columnStride]`. */
export interface Block {
  data: NumericArray;
  offset: number;
  rowStride: number;
  columnStride: number;
  /** Laid out by `inPanels`; the strides then have no meaning. */
  isPacked: boolean;
}

export function block(data: NumericArray, offset: number, rowStride: number, columnStride = 1): Block {
  return { data, offset, rowStride, columnStride, isPacked: false };
}

/** The same block with rows and columns exchanged. */
export function transposed({ data, offset, rowStride, columnStride }: Block): Block {
  return block(data, offset, columnStride, rowStride);
}

/** Columns of a panel: two vectors. */
export const PANEL = 8;
/** With this many rows of A or more, packing a transposed B pays off. */
export const ROWS_THAT_PAY = 8;

const scratch = new Scratch();

/**
 * B in the layout that vector kernels read fastest: panels of eight columns, each in one piece. Without vector kernels, the
 * same block. Valid until the next call with this name.
 */
export function inPanels(name: string, b: Block, inner: number, columns: number): Block {
  const fast = vectorKernels();
  if (fast === null || !isOnHeap(b.data)) return b;
  const target = scratch.get(name, b.data, inner * PANEL * Math.ceil(columns / PANEL));
  if (!isOnHeap(target)) return b;
  fast.packPanels(target.byteOffset, b.data.byteOffset + 4 * b.offset, b.rowStride, b.columnStride, inner, columns);
  return { data: target, offset: 0, rowStride: PANEL, columnStride: 1, isPacked: true };
}

/** B without its first columns, a whole number of panels; `inner` rows. */
export function columnsFrom(
  { data, offset, rowStride, columnStride, isPacked }: Block,
  column: number,
  inner: number,
): Block {
  return { data, offset: offset + column * (isPacked ? inner : columnStride), rowStride, columnStride, isPacked };
}

/** C[rows × columns] = α · A[rows × inner] · B[inner × columns], added to C if `accumulate`. */
export function multiplyTile(
  c: Block,
  a: Block,
  b: Block,
  rows: number,
  columns: number,
  inner: number,
  alpha: number,
  accumulate: boolean,
): void {
  const fast = vectorKernels();
  if (fast !== null && c.columnStride === 1 && isOnHeap(c.data) && isOnHeap(a.data) && isOnHeap(b.data)) {
    const isAcross = b.columnStride !== 1 && rows >= ROWS_THAT_PAY;
    const right = isAcross ? inPanels('across', b, inner, columns) : b;
    const target = c.data.byteOffset + 4 * c.offset;
    const left = a.data.byteOffset + 4 * a.offset;
    const from = right.data.byteOffset + 4 * right.offset;
    const [aRow, aColumn] = [a.rowStride, a.columnStride];
    if (right.isPacked) {
      fast.multiplyPanels(target, c.rowStride, left, aRow, aColumn, from, rows, columns, inner, alpha, accumulate);
    } else {
      const [bRow, bColumn] = [right.rowStride, right.columnStride];
      fast.multiplyTile(
        target,
        c.rowStride,
        left,
        aRow,
        aColumn,
        from,
        bRow,
        bColumn,
        rows,
        columns,
        inner,
        alpha,
        accumulate,
      );
    }
    return;
  }
  for (let row = 0; row < rows; row += 4) {
    for (let column = 0; column < columns; column += 4) {
      if (row + 4 <= rows && column + 4 <= columns) fourByFour(c, a, b, row, column, inner, alpha, accumulate);
      else edge(c, a, b, row, Math.min(row + 4, rows), column, Math.min(column + 4, columns), inner, alpha, accumulate);
    }
  }
}

function edge(
  c: Block,
  a: Block,
  b: Block,
  rowBegin: number,
  rowEnd: number,
  columnBegin: number,
  columnEnd: number,
  inner: number,
  alpha: number,
  accumulate: boolean,
): void {
  for (let row = rowBegin; row < rowEnd; row++) {
    for (let column = columnBegin; column < columnEnd; column++) {
      let sum = 0;
      let atA = a.offset + row * a.rowStride;
      let atB = b.offset + column * b.columnStride;
      for (let p = 0; p < inner; p++) {
        sum += a.data[atA] * b.data[atB];
        atA += a.columnStride;
        atB += b.rowStride;
      }
      const at = c.offset + row * c.rowStride + column * c.columnStride;
      c.data[at] = accumulate ? c.data[at] + alpha * sum : alpha * sum;
    }
  }
}

function fourByFour(
  c: Block,
  a: Block,
  b: Block,
  row: number,
  column: number,
  inner: number,
  alpha: number,
  accumulate: boolean,
): void {
  const x = a.data;
  const y = b.data;
  const stepA = a.columnStride;
  const stepB = b.rowStride;
  let a0 = a.offset + row * a.rowStride;
  let a1 = a0 + a.rowStride;
  let a2 = a1 + a.rowStride;
  let a3 = a2 + a.rowStride;
  let b0 = b.offset + column * b.columnStride;
  let b1 = b0 + b.columnStride;
  let b2 = b1 + b.columnStride;
  let b3 = b2 + b.columnStride;
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  for (let p = 0; p < inner; p++) {
    const y0 = y[b0];
    const y1 = y[b1];
    const y2 = y[b2];
    const y3 = y[b3];
    const x0 = x[a0];
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    const x1 = x[a1];
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
    const x2 = x[a2];
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
    s23 += x2 * y3;
    const x3 = x[a3];
    s30 += x3 * y0;
    s31 += x3 * y1;
    s32 += x3 * y2;
    s33 += x3 * y3;
    a0 += stepA;
    a1 += stepA;
    a2 += stepA;
    a3 += stepA;
    b0 += stepB;
    b1 += stepB;
    b2 += stepB;
    b3 += stepB;
  }
  store(c, row, column, s00, s01, s02, s03, alpha, accumulate);
  store(c, row + 1, column, s10, s11, s12, s13, alpha, accumulate);
  store(c, row + 2, column, s20, s21, s22, s23, alpha, accumulate);
  store(c, row + 3, column, s30, s31, s32, s33, alpha, accumulate);
}

function store(
  c: Block,
  row: number,
  column: number,
  s0: number,
  s1: number,
  s2: number,
  s3: number,
  alpha: number,
  accumulate: boolean,
): void {
  const z = c.data;
  const step = c.columnStride;
  const at = c.offset + row * c.rowStride + column * step;
  if (accumulate) {
    z[at] += alpha * s0;
    z[at + step] += alpha * s1;
    z[at + 2 * step] += alpha * s2;
    z[at + 3 * step] += alpha * s3;
  } else {
    z[at] = alpha * s0;
    z[at + step] = alpha * s1;
    z[at + 2 * step] = alpha * s2;
    z[at + 3 * step] = alpha * s3;
  }
}
