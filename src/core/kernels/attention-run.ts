/**
 * Tiles of queries that vector kernels take with all of their keys in one call: those whose keys lie at even steps, and where
 * nothing but the borders of runs hides a pair. The walks of attention-forward.ts and attention-backward.ts are the plain twins;
 * bits are the same. A walk in JavaScript from tile to tile of keys takes a tenth of the time of its products.
 */
import type { NumericArray } from '../memory.ts';
import { kernelsAtOnce } from './attention-at-once.ts';
import type { SetArrays, SetNumbers, Tile } from './attention-sets.ts';
import { type Side, TILE } from './attention-side.ts';
import type { KernelNumbers } from './kernel.ts';
import type { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, type VectorKernels } from './simd.ts';

type Rows = SetArrays & Readonly<Record<'queries' | 'keys' | 'values', NumericArray>>;
type Numbers = SetNumbers &
  KernelNumbers<
    'headDim' | 'valueDim' | 'scale' | 'group' | 'keyCapacity' | 'valueCapacity' | 'hasTerms' | 'dropThreshold'
  >;

const scratch = new Scratch();

/** What a call needs besides its tensors, all of it in the heap. */
export interface WholeRuns {
  fast: VectorKernels;
  scores: Float32Array;
  slopes: Float32Array;
  panels: Float32Array;
  sum: Float32Array;
}

/** Null where a call has rules that its tiles must be walked for. `softCap`: with one, weights have gradients of another form. */
export function wholeRuns(arrays: Rows, numbers: Numbers, softCap = 0): WholeRuns | null {
  const fast = kernelsAtOnce(arrays, numbers.hasTerms || numbers.dropThreshold || softCap);
  if (fast === null || numbers.causal || numbers.once || numbers.selfBias !== 0) return null;
  const { lists, queryTokens, keyTokens, queryLabels, keyLabels, mask } = arrays;
  if ([lists, queryTokens, keyTokens, queryLabels, keyLabels, mask].some((rule) => rule !== undefined)) return null;
  const room = (name: string, length: number) => scratch.get(name, arrays.queries, length);
  const [scores, slopes] = [room('scores', TILE * TILE), room('slopes', TILE * TILE)];
  const sum = room('sum', TILE * numbers.valueDim);
  const panels = room('panels', TILE * Math.max(numbers.headDim, numbers.valueDim));
  const all = [scores, slopes, panels, sum, arrays.queries, arrays.keys, arrays.values];
  return all.every(isOnHeap) ? ({ fast, scores, slopes, panels, sum } as WholeRuns) : null;
}

/** Queries at even steps meet all keys of their tile: the weighted sums of values, in `sum`. `softmax` begins anew. */
export function attendRun(
  { fast, scores, panels, sum }: WholeRuns,
  queries: Side,
  tile: Tile,
  dilation: number,
  softmax: OnlineSoftmax,
  products: number,
  { queries: q, keys, values, begins, ends }: Rows,
  numbers: Numbers,
): void {
  const { headDim, valueDim, keyCapacity, valueCapacity } = numbers;
  const [largest, sums] = softmax.places;
  const runs = 4 * tile.layout * numbers.queryPlaceCount;
  const head = Math.floor(tile.head / numbers.group);
  const first = tile.remainder + dilation * tile.begin;
  fast.attendRun(
    scores.byteOffset,
    panels.byteOffset,
    q.byteOffset + 4 * headDim * (tile.head * numbers.queryLength + queries.tokens[0]),
    queries.step * headDim,
    keys.byteOffset + 4 * headDim * (head * keyCapacity + first),
    dilation * headDim,
    values.byteOffset + 4 * valueDim * (head * valueCapacity + first),
    dilation * valueDim,
    products,
    queries.count,
    tile.stop - tile.begin,
    headDim,
    valueDim,
    numbers.scale,
    queries.places.byteOffset,
    begins === undefined ? 0 : begins.byteOffset + runs,
    ends === undefined ? 0 : ends.byteOffset + runs,
    tile.begin,
    largest.byteOffset,
    sums.byteOffset,
    sum.byteOffset,
  );
}

/** Adds the gradients of queries at even steps with all keys of their tile. */
export function passBackRun(
  { fast, scores, slopes, panels }: WholeRuns,
  queries: Side,
  tile: Tile,
  dilation: number,
  arrays: Rows &
    Readonly<Record<'outputGradient' | 'weighed' | 'shares' | 'delta', NumericArray>> &
    Readonly<Partial<Record<'queryGradient' | 'keyGradient' | 'valueGradient', NumericArray | undefined>>>,
  numbers: Numbers,
): void {
  const { begins, ends, weighed, shares, delta, queryGradient, keyGradient, valueGradient } = arrays;
  const { headDim, valueDim, keyCapacity, valueCapacity } = numbers;
  const runs = 4 * tile.layout * numbers.queryPlaceCount;
  const query = tile.head * numbers.queryLength + queries.tokens[0];
  const head = Math.floor(tile.head / numbers.group);
  const first = tile.remainder + dilation * tile.begin;
  const key = head * numbers.keyLength + first;
  fast.passBackRun(
    scores.byteOffset,
    slopes.byteOffset,
    panels.byteOffset,
    arrays.queries.byteOffset + 4 * headDim * query,
    queries.step * headDim,
    arrays.outputGradient.byteOffset + 4 * valueDim * query,
    queries.step * valueDim,
    arrays.keys.byteOffset + 4 * headDim * (head * keyCapacity + first),
    dilation * headDim,
    arrays.values.byteOffset + 4 * valueDim * (head * valueCapacity + first),
    dilation * valueDim,
    queries.count,
    headDim,
    valueDim,
    numbers.scale,
    queries.places.byteOffset,
    begins === undefined ? 0 : begins.byteOffset + runs,
    ends === undefined ? 0 : ends.byteOffset + runs,
    tile.begin,
    tile.stop,
    weighed.byteOffset + 4 * query,
    shares.byteOffset + 4 * query,
    delta.byteOffset + 4 * query,
    queries.step,
    queryGradient === undefined ? 0 : queryGradient.byteOffset + 4 * headDim * query,
    keyGradient === undefined ? 0 : keyGradient.byteOffset + 4 * headDim * key,
    valueGradient === undefined ? 0 : valueGradient.byteOffset + 4 * valueDim * key,
  );
}

/** Whether a tile's queries can be taken by these, and have a place in the heap. */
export const takesWhole = (queries: Side): boolean => !queries.isListed && isInHeap(queries.places);
