/** Hashing by the nearest of a set of random directions and their opposites. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { Scratch, scratchFloat64, scratchInt32 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { block, multiplyTile } from './tile.ts';

/** Rows of x in one item. */
export const HASH_ROWS = 32;
/** Directions that are processed together. */
const PANEL = 64;

/** For the rows of an item: the extreme products, and the directions they belong to. */
interface Extremes {
  largest: Float64Array;
  smallest: Float64Array;
  atLargest: Int32Array;
  atSmallest: Int32Array;
}

const scratch = new Scratch();
let extremes: Extremes | null = null;

function takeExtremes(): Extremes {
  return {
    largest: scratchFloat64(HASH_ROWS),
    smallest: scratchFloat64(HASH_ROWS),
    atLargest: scratchInt32(HASH_ROWS),
    atSmallest: scratchInt32(HASH_ROWS),
  };
}

/**
 * x [batch, heads, length, width], directions [heads, rounds, width, count], result [batch, heads, rounds, length] int32.
 * Items: batch × heads × rounds × blocks of rows. The result is the first place of the maximum of [xR; −xR].
 */
export const directionHashKernel = defineKernel(
  'direction-hash',
  { arrays: ['x', 'directions', 'result'], numbers: ['heads', 'rounds', 'length', 'width', 'count'] },
  (begin, end, { x, directions, result }, { heads, rounds, length, width, count }) => {
    const blocks = Math.ceil(length / HASH_ROWS);
    // Taken before the products: where those fit into the heap, so do these.
    extremes ??= takeExtremes();
    const { largest, smallest, atLargest, atSmallest } = extremes;
    const products = scratch.get('products', x, HASH_ROWS * PANEL);
    for (let item = begin; item < end; item++) {
      const list = Math.floor(item / blocks);
      const first = (item - list * blocks) * HASH_ROWS;
      const rows = Math.min(HASH_ROWS, length - first);
      const entry = Math.floor(list / rounds);
      const matrix = (entry % heads) * rounds + (list - entry * rounds);
      largest.fill(Number.NEGATIVE_INFINITY);
      smallest.fill(Number.POSITIVE_INFINITY);
      atLargest.fill(0);
      atSmallest.fill(0);
      for (let column = 0; column < count; column += PANEL) {
        const columns = Math.min(PANEL, count - column);
        const left = block(x, (entry * length + first) * width, width);
        const right = block(directions, matrix * width * count + column, count);
        multiplyTile(block(products, 0, PANEL), left, right, rows, columns, width, 1, false);
        findExtremes(extremes, products, rows, columns, column);
      }
      for (let i = 0; i < rows; i++) {
        result[list * length + first + i] = largest[i] >= -smallest[i] ? atLargest[i] : count + atSmallest[i];
      }
    }
  },
);

/** Continues with the products of `columns` more directions, the first of which is number `begin`. */
function findExtremes(
  { largest, smallest, atLargest, atSmallest }: Extremes,
  products: NumericArray,
  rows: number,
  columns: number,
  begin: number,
): void {
  const fast = isOnHeap(products) ? vectorKernels() : null;
  if (fast !== null) {
    const [most, least, mostAt, leastAt] = [largest, smallest, atLargest, atSmallest].map((each) => each.byteOffset);
    fast.extremesOfRows(products.byteOffset, PANEL, rows, columns, begin, most, least, mostAt, leastAt);
    return;
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const product = products[i * PANEL + j];
      if (product > largest[i]) {
        largest[i] = product;
        atLargest[i] = begin + j;
      }
      if (product < smallest[i]) {
        smallest[i] = product;
        atSmallest[i] = begin + j;
      }
    }
  }
}
