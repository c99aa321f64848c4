/**
 * Few queries that meet long runs of keys, as in a step of a generation: a query meets its whole run in one call of a vector
 * kernel, which reads keys and values where they lie. The walk over tiles of attention-forward.ts is its plain twin, and takes
 * what this does not know: lists of blocks, labels, terms of the scores, and gaps within a run.
 */
import type { NumericArray } from '../memory.ts';
import { orderOf, type SetArrays, type SetNumbers, type Tile } from './attention-sets.ts';
import type { Side } from './attention-side.ts';
import type { KernelNumbers } from './kernel.ts';
import type { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';
import { ROWS_THAT_PAY } from './tile.ts';

/** With more queries, a tile of keys that is read once for all of them is faster. */
const FEW_QUERIES = ROWS_THAT_PAY - 1;
/** As in wasm/assembly/few-queries.ts. */
const KEYS_AT_ONCE = 256;

type Arrays = SetArrays & Readonly<Record<'queries' | 'keys' | 'values', NumericArray>>;
type Numbers = SetNumbers &
  KernelNumbers<
    'headDim' | 'valueDim' | 'scale' | 'group' | 'keyCapacity' | 'valueCapacity' | 'hasTerms' | 'dropThreshold'
  >;

const scratch = new Scratch();
/** The places of the keys that each query meets. */
const runs = Array.from({ length: FEW_QUERIES }, () => ({ begin: 0, end: 0 }));

/**
 * Lets the loaded queries meet their keys, if they are few and a vector kernel can; else returns false, and has done nothing.
 * `sum` has `valueDim` numbers for each query, zeros before.
 */
export function meetFew(
  queries: Side,
  tile: Tile,
  dilation: number,
  softmax: OnlineSoftmax,
  sum: NumericArray,
  arrays: Arrays,
  numbers: Numbers,
): boolean {
  const fast = vectorKernels();
  if (fast === null || queries.count > FEW_QUERIES || !knows(arrays, numbers)) return false;
  const { headDim, valueDim, keyCapacity, valueCapacity } = numbers;
  const { queries: q, keys, values, keyTokens } = arrays;
  const [largest, sums] = softmax.places;
  const scores = scratch.get('scores', sum, KEYS_AT_ONCE);
  const room = scratch.get('rows', sum, KEYS_AT_ONCE * Math.max(headDim, valueDim));
  if (!isOnHeap(q) || !isOnHeap(keys) || !isOnHeap(values) || !isOnHeap(sum)) return false;
  if (!isOnHeap(scores) || !isOnHeap(room) || !isInHeap(largest) || !isInHeap(sums)) return false;
  if (keyTokens !== undefined && !isInHeap(keyTokens)) return false;
  for (let i = 0; i < queries.count; i++) if (!findRun(i, queries, tile, dilation, arrays, numbers)) return false;
  const keyHead = Math.floor(tile.head / numbers.group);
  for (let i = 0; i < queries.count; i++) {
    const { begin, end } = runs[i];
    if (begin >= end) continue;
    const place = tile.remainder + dilation * begin;
    const first = keyTokens === undefined ? place : 0;
    fast.meetRun(
      q.byteOffset + 4 * headDim * (tile.head * numbers.queryLength + queries.tokens[i]),
      keys.byteOffset + 4 * headDim * (keyHead * keyCapacity + first),
      headDim * dilation,
      values.byteOffset + 4 * valueDim * (keyHead * valueCapacity + first),
      valueDim * dilation,
      end - begin,
      headDim,
      valueDim,
      numbers.scale,
      keyTokens === undefined ? 0 : keyTokens.byteOffset + 4 * (startOfOrder(tile, numbers) + place),
      dilation,
      room.byteOffset,
      scores.byteOffset,
      largest.byteOffset + 8 * i,
      sums.byteOffset + 8 * i,
      sum.byteOffset + 4 * valueDim * i,
    );
  }
  return true;
}

/** Whether all rules of a call are about which keys a query meets, and name a run of them. */
function knows({ lists, queryLabels, keyLabels }: SetArrays, numbers: Numbers): boolean {
  if (lists !== undefined || queryLabels !== undefined || keyLabels !== undefined) return false;
  return !numbers.hasTerms && !numbers.dropThreshold && numbers.selfBias === 0 && !numbers.once;
}

/** Where the order of a tile's keys begins in `keyTokens`. */
const startOfOrder = ({ head }: Tile, numbers: SetNumbers): number =>
  (orderOf(head, numbers) + numbers.round) * numbers.keyPlaceCount;

/**
 * Puts into `runs` the places of the keys that query i meets, without those at either end that hold none that it may meet. Returns
 * false if there is such a place in between: what a mask hides must not even be read, for a NaN there would reach the sums.
 */
function findRun(
  i: number,
  queries: Side,
  tile: Tile,
  dilation: number,
  { begins, ends, mask, keyTokens }: SetArrays,
  numbers: SetNumbers,
): boolean {
  const { head, layout, remainder } = tile;
  const row = layout * numbers.queryPlaceCount + queries.places[i];
  let begin = begins === undefined ? tile.begin : begins[row];
  let end = ends === undefined ? tile.stop : ends[row];
  const last = numbers.causal ? numbers.queryStart + queries.tokens[i] : Number.POSITIVE_INFINITY;
  if (keyTokens === undefined) end = Math.min(end, Math.floor((last - remainder) / dilation) + 1);
  let isWhole = true;
  if (mask !== undefined || keyTokens !== undefined) {
    const order = startOfOrder(tile, numbers) + remainder;
    const masks = Math.floor(head / numbers.heads) * numbers.maskBatch;
    while (begin < end && isHidden(begin, remainder, dilation, keyTokens, order, last, mask, masks)) begin++;
    while (begin < end && isHidden(end - 1, remainder, dilation, keyTokens, order, last, mask, masks)) end--;
    for (let place = begin; place < end && isWhole; place++) {
      isWhole = !isHidden(place, remainder, dilation, keyTokens, order, last, mask, masks);
    }
  }
  runs[i].begin = begin;
  runs[i].end = end;
  return isWhole;
}

function isHidden(
  place: number,
  remainder: number,
  dilation: number,
  keyTokens: NumericArray | undefined,
  order: number,
  last: number,
  mask: NumericArray | undefined,
  masks: number,
): boolean {
  const token = keyTokens === undefined ? remainder + dilation * place : keyTokens[order + dilation * place];
  return token < 0 || token > last || mask?.[masks + token] === 0;
}
