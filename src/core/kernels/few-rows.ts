/**
 * Products with fewer rows than pay for a matrix in panels: it is read once, from its first number to its last, as
 * wasm/assembly/few-rows.ts says. multiplyTile is the plain twin, with the same bits.
 */
import type { NumericArray } from '../memory.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, type VectorKernels, vectorKernels } from './simd.ts';
import { type Block, ROWS_THAT_PAY } from './tile.ts';

/** Columns that the rows are multiplied with at once: their results stay in the nearest cache. */
const COLUMNS_AT_ONCE = 512;

const scratch = new Scratch();

/** Room for the sums of few rows, of the type of `like`. */
const roomFor = (like: NumericArray) => scratch.get('sums', like, ROWS_THAT_PAY * COLUMNS_AT_ONCE);

/** The kernels for `multiplyFewRows`, if these arrays can be multiplied so. */
export function kernelsForFew(a: NumericArray, b: NumericArray, c: NumericArray): VectorKernels | null {
  return isOnHeap(a) && isOnHeap(b) && isOnHeap(c) && isOnHeap(roomFor(c)) ? vectorKernels() : null;
}

/** c[rows × columns] = a[rows × inner] · b[inner × columns], added to c if `accumulate`; rows of all in one piece. */
export function multiplyFewRows(
  fast: VectorKernels,
  c: Block,
  a: Block,
  b: Block,
  rows: number,
  columns: number,
  inner: number,
  accumulate: boolean,
): void {
  const room = accumulate ? roomFor(c.data).byteOffset : 0;
  const toC = c.data.byteOffset + 4 * c.offset;
  const fromA = a.data.byteOffset + 4 * a.offset;
  const fromB = b.data.byteOffset + 4 * b.offset;
  for (let at = 0; at < columns; at += COLUMNS_AT_ONCE) {
    const here = Math.min(COLUMNS_AT_ONCE, columns - at);
    const [target, from] = [toC + 4 * at, fromB + 4 * at];
    fast.multiplyFewRows(target, c.rowStride, fromA, a.rowStride, from, b.rowStride, rows, here, inner, room);
  }
}
