/**
 * Tiles of attention that vector kernels take in one call, scores to gradients: those whose tokens lie at even steps and whose
 * pairs nothing but the borders of runs hides. On small heads the calls for each step took a quarter of the time. Where a tile
 * is another one, nothing is done, and the caller goes on step by step; bits are the same.
 */
import type { NumericArray } from '../memory.ts';
import { onlyRunsHide } from './attention-rules.ts';
import type { SetArrays, SetNumbers, Tile } from './attention-sets.ts';
import { type Side, TILE } from './attention-side.ts';
import type { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, type VectorKernels, vectorKernels } from './simd.ts';
import type { Block } from './tile.ts';

const scratch = new Scratch();

/** The vector kernels, if a call without `others` (terms, a dropout) has all its arrays, of one type, in the heap. */
export function kernelsAtOnce(
  { queries, begins, ends }: { queries: NumericArray } & SetArrays,
  others: number,
): VectorKernels | null {
  if (others !== 0 || !isOnHeap(queries)) return null;
  return (begins === undefined || isInHeap(begins)) && (ends === undefined || isInHeap(ends)) ? vectorKernels() : null;
}

/** Where a block of float32 begins, in bytes. */
const addressOf = ({ data, offset }: Block): number => data.byteOffset + 4 * offset;

/** Queries meet keys: the weighted sums of values, in `sum`. Returns whether it was done. */
export function attendAtOnce(
  fast: VectorKernels,
  queries: Side,
  keys: Side,
  tile: Tile,
  [q, k, v]: readonly [Block, Block, Block],
  scores: NumericArray,
  sum: NumericArray,
  softmax: OnlineSoftmax,
  products: number,
  arrays: SetArrays,
  numbers: SetNumbers & { headDim: number; valueDim: number; scale: number },
): boolean {
  if (!onlyRunsHide(queries, keys, arrays, numbers)) return false;
  const { headDim, valueDim, scale, queryPlaceCount } = numbers;
  const { begins, ends } = arrays;
  const panels = scratch.get('panels', scores, TILE * Math.max(headDim, valueDim));
  const [largest, sums] = softmax.places;
  // Rows of a list are gathered into scratch, which may have no place in the heap.
  const taken = [scores, sum, panels, queries.places, largest, sums, q.data, k.data, v.data];
  if (!taken.every(isInHeap)) return false;
  const row = 4 * tile.layout * queryPlaceCount;
  fast.attendTile(
    scores.byteOffset,
    TILE,
    panels.byteOffset,
    addressOf(q),
    q.rowStride,
    addressOf(k),
    k.rowStride,
    addressOf(v),
    v.rowStride,
    products,
    queries.count,
    keys.count,
    headDim,
    valueDim,
    scale,
    queries.places.byteOffset,
    begins === undefined ? 0 : begins.byteOffset + row,
    ends === undefined ? 0 : ends.byteOffset + row,
    keys.places[0],
    largest.byteOffset,
    sums.byteOffset,
    sum.byteOffset,
  );
  return true;
}

/** Adds the gradients of a tile of pairs. Returns whether it was done. */
export function passBackAtOnce(
  fast: VectorKernels,
  queries: Side,
  keys: Side,
  tile: Tile,
  [q, g, k, v]: readonly [Block, Block, Block, Block],
  scores: NumericArray,
  slopes: NumericArray,
  arrays: SetArrays &
    Readonly<Record<'weighed' | 'shares' | 'delta', NumericArray>> &
    Readonly<Partial<Record<'queryGradient' | 'keyGradient' | 'valueGradient', NumericArray | undefined>>>,
  numbers: SetNumbers & { headDim: number; valueDim: number; scale: number; group: number },
): boolean {
  if (queries.isListed || keys.isListed || !onlyRunsHide(queries, keys, arrays, numbers)) return false;
  const { headDim, valueDim, scale, group, queryLength, keyLength, queryPlaceCount } = numbers;
  const { begins, ends, weighed, shares, delta, queryGradient, keyGradient, valueGradient } = arrays;
  const panels = scratch.get('panels', scores, TILE * Math.max(headDim, valueDim));
  if (![scores, slopes, panels, queries.places].every(isInHeap)) return false;
  const row = 4 * tile.layout * queryPlaceCount;
  const query = tile.head * queryLength + queries.tokens[0];
  const key = Math.floor(tile.head / group) * keyLength + keys.tokens[0];
  fast.passBackTile(
    scores.byteOffset,
    slopes.byteOffset,
    TILE,
    panels.byteOffset,
    addressOf(q),
    q.rowStride,
    addressOf(g),
    g.rowStride,
    addressOf(k),
    k.rowStride,
    addressOf(v),
    v.rowStride,
    queries.count,
    keys.count,
    headDim,
    valueDim,
    scale,
    queries.places.byteOffset,
    begins === undefined ? 0 : begins.byteOffset + row,
    ends === undefined ? 0 : ends.byteOffset + row,
    keys.places[0],
    weighed.byteOffset + 4 * query,
    shares.byteOffset + 4 * query,
    delta.byteOffset + 4 * query,
    queries.step,
    queryGradient === undefined ? 0 : queryGradient.byteOffset + 4 * query * headDim,
    keyGradient === undefined ? 0 : keyGradient.byteOffset + 4 * key * headDim,
    valueGradient === undefined ? 0 : valueGradient.byteOffset + 4 * key * valueDim,
  );
  return true;
}
