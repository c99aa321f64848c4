/**
 * Softmax attention where each query has a list of keys of its own, as after a choice of the best keys: nothing is gathered, and
 * a pair that is not listed costs nothing. A tile of queries walks over blocks of keys, so that neighbouring queries find the
 * keys in the cache.
 */
import type { NumericArray } from '../memory.ts';
import { finishRows } from './attention-finish.ts';
import { Side } from './attention-side.ts';
import { defineKernel, type KernelArrays, type KernelNumbers } from './kernel.ts';
import { addListedRows, addToListedRows, dotsOfListed, type ListedRows, type ListParts } from './listed-rows.ts';
import { OnlineSoftmax, weighRows } from './online-softmax.ts';
import { Scratch } from './scratch.ts';

/** Numbers of an item: its head, its table of lists, its queries from … to, and its blocks of keys from … to. */
export const ITEM_FIELDS = 6;
/** Queries of a tile. */
export const LISTED_QUERIES = 32;
/** Pairs of a tile at most, unless a single query has more. */
const MOST_PAIRS = 2 ** 17;

/**
 * `tokens`: the keys of every query, ascending; `bounds` [tables, queryLength, blocks + 1]: where the keys of each block begin
 * in it, and where the last ends.
 */
const LISTS = ['items', 'bounds', 'tokens'] as const;
const NUMBERS = [
  'group',
  'queryLength',
  'keyLength',
  'headDim',
  'valueDim',
  'keyCapacity',
  'valueCapacity',
  'scale',
  'blocks',
] as const;

const scratch = new Scratch();
const softmax = new OnlineSoftmax(LISTED_QUERIES, 0);
const queries = new Side();
const item = { head: 0, table: 0, first: 0, end: 0, begin: 0, stop: 0 };
const none = new Float32Array(0);
const newRows = (): ListedRows => ({ matrix: none, first: 0, rows: none, own: 0, count: 0, width: 0 });
/** Queries with keys, and sums, or gradients of sums, with values; then rows that gradients are added to. */
const [ofKeys, ofValues, toKeys, toValues, toQueries] = [newRows(), newRows(), newRows(), newRows(), newRows()];
const parts: ListParts = { tokens: none, bounds: none, at: 0, step: 0, origin: 0, places: 0 };

function readItem(items: NumericArray, n: number): void {
  const row = n * ITEM_FIELDS;
  item.head = items[row];
  item.table = items[row + 1];
  item.first = items[row + 2];
  item.end = items[row + 3];
  item.begin = items[row + 4];
  item.stop = items[row + 5];
}

/** These stay as long as the program: tensors that they held on to would never be garbage. */
function letGo(): void {
  for (const rows of [ofKeys, ofValues, toKeys, toValues, toQueries]) setRows(rows, none, 0, none, 0, 0, 0);
  Object.assign(parts, { tokens: none, bounds: none });
}

/** Rows from `own` on, and the matrix from `first` on. */
function setRows(
  to: ListedRows,
  matrix: NumericArray,
  first: number,
  rows: NumericArray,
  own: number,
  count: number,
  width: number,
): void {
  to.matrix = matrix;
  to.first = first;
  to.rows = rows;
  to.own = own;
  to.count = count;
  to.width = width;
}

/** The lists of the queries from `from` on, whose numbers are `places` apart. */
function setParts({ tokens, bounds }: Lists, from: number, places: number, { queryLength, blocks }: Sizes): void {
  parts.tokens = tokens;
  parts.bounds = bounds;
  parts.step = blocks + 1;
  parts.places = places;
  parts.origin = (item.table * queryLength + from) * (blocks + 1) + item.begin;
}

/** Fills the numbers of the rows of a tile up to the longest. */
function fillUp(numbers: NumericArray, rows: number, value: number): void {
  const { bounds, origin, step, places } = parts;
  for (let i = 0; i < rows; i++) {
    const row = origin + i * step;
    numbers.fill(value, i * places + bounds[row + item.stop - item.begin] - bounds[row], (i + 1) * places);
  }
}

/**
 * The longest list of the queries `from` to `to`, within the blocks of the item, in whole vectors: vector kernels sum up what does
 * not fill one in another order, and a row would depend on the lists of others.
 */
function longestOf(bounds: NumericArray, from: number, to: number, { queryLength, blocks }: Sizes): number {
  let longest = 0;
  for (let query = from; query < to; query++) {
    const row = (item.table * queryLength + query) * (blocks + 1);
    longest = Math.max(longest, bounds[row + item.stop] - bounds[row + item.begin]);
  }
  return 4 * Math.ceil(longest / 4);
}

type Sizes = KernelNumbers<'queryLength' | 'blocks'>;
type Lists = KernelArrays<'tokens' | 'bounds'>;

/** How many queries of an item make a tile. */
const rowsOfTile = (longest: number): number =>
  Math.max(1, Math.min(LISTED_QUERIES, Math.floor(MOST_PAIRS / Math.max(1, longest))));

/**
 * Joins the keys of lists to those that rows have met before: `largest` and `sums` [batch, heads, queryLength], as
 * attention-forward. A query without keys keeps its row.
 */
export const attentionListedKernel = defineKernel(
  'attention-listed',
  { arrays: ['queries', 'keys', 'values', 'output', 'logSumExp', 'largest', 'sums', ...LISTS], numbers: NUMBERS },
  (begin, end, arrays, numbers) => {
    for (let n = begin; n < end; n++) {
      readItem(arrays.items, n);
      const step = rowsOfTile(longestOf(arrays.bounds, item.first, item.end, numbers));
      for (let first = item.first; first < item.end; first += step) {
        attendListed(first, Math.min(item.end, first + step), arrays, numbers);
      }
    }
    letGo();
  },
);

function attendListed(
  from: number,
  to: number,
  arrays: KernelArrays<
    'queries' | 'keys' | 'values' | 'output' | 'logSumExp' | 'largest' | 'sums' | (typeof LISTS)[number]
  >,
  numbers: KernelNumbers<(typeof NUMBERS)[number]>,
): void {
  const { headDim, valueDim, queryLength, group, scale } = numbers;
  const columns = longestOf(arrays.bounds, from, to, numbers);
  if (columns === 0) return;
  const { head, begin, stop } = item;
  const [rows, keyHead] = [to - from, Math.floor(head / group)];
  const scores = scratch.get('scores', arrays.queries, rows * columns);
  const sum = scratch.get('sum', arrays.queries, LISTED_QUERIES * valueDim);
  setRows(ofKeys, arrays.keys, keyHead * numbers.keyCapacity, arrays.queries, head * queryLength + from, rows, headDim);
  setRows(ofValues, arrays.values, keyHead * numbers.valueCapacity, sum, 0, rows, valueDim);
  setParts(arrays, from, columns, numbers);
  for (let block = begin; block < stop; block++) {
    parts.at = parts.origin + block - begin;
    dotsOfListed(ofKeys, parts, scores, scale);
  }
  fillUp(scores, rows, Number.NEGATIVE_INFINITY);
  softmax.start();
  softmax.exponentiate(scores, rows, columns, sum, 0, columns);
  sum.fill(0, 0, rows * valueDim);
  for (let block = begin; block < stop; block++) {
    parts.at = parts.origin + block - begin;
    addListedRows(ofValues, parts, scores, 1);
  }
  queries.take(from, 1, rows, from);
  finishRows(queries, softmax, head * queryLength, sum, valueDim, arrays, true);
}

const GRADIENTS = ['queryGradient', 'keyGradient', 'valueGradient'] as const;
const OF_ROWS = ['queries', 'keys', 'values', 'outputGradient', 'weighed', 'shares', 'delta', ...LISTS] as const;

/** Gradients of the pairs of items, each a range of queries with a range of blocks of keys, as attention-backward. */
export const attentionListedBackwardKernel = defineKernel(
  'attention-listed-backward',
  { arrays: OF_ROWS, optional: GRADIENTS, numbers: NUMBERS },
  (begin, end, arrays, numbers) => {
    for (let n = begin; n < end; n++) {
      readItem(arrays.items, n);
      const step = rowsOfTile(longestOf(arrays.bounds, item.first, item.end, numbers));
      for (let first = item.first; first < item.end; first += step) {
        passBackAsked(first, Math.min(item.end, first + step), arrays, numbers);
      }
    }
    letGo();
  },
);

type BackwardArrays = KernelArrays<(typeof OF_ROWS)[number], (typeof GRADIENTS)[number]>;

/** The queries that have a gradient, in runs of neighbours. */
function passBackAsked(
  from: number,
  to: number,
  arrays: BackwardArrays,
  numbers: KernelNumbers<(typeof NUMBERS)[number]>,
): void {
  const row = item.head * numbers.queryLength;
  for (let first = from; first < to; first++) {
    if (arrays.weighed[row + first] === Number.NEGATIVE_INFINITY) continue;
    let end = first + 1;
    while (end < to && arrays.weighed[row + end] !== Number.NEGATIVE_INFINITY) end++;
    passBackListed(first, end, arrays, numbers);
    first = end;
  }
}

function passBackListed(
  from: number,
  to: number,
  arrays: BackwardArrays,
  numbers: KernelNumbers<(typeof NUMBERS)[number]>,
): void {
  const { queryGradient, keyGradient, valueGradient } = arrays;
  const { headDim, valueDim, queryLength, keyLength, keyCapacity, valueCapacity, group, scale } = numbers;
  const columns = longestOf(arrays.bounds, from, to, numbers);
  if (columns === 0) return;
  const { head, begin, stop } = item;
  const [rows, keyHead, own] = [to - from, Math.floor(head / group), head * queryLength + from];
  const scores = scratch.get('scores', arrays.queries, rows * columns);
  const slopes = scratch.get('slopes', arrays.queries, rows * columns);
  setRows(ofKeys, arrays.keys, keyHead * keyCapacity, arrays.queries, own, rows, headDim);
  setRows(ofValues, arrays.values, keyHead * valueCapacity, arrays.outputGradient, own, rows, valueDim);
  setParts(arrays, from, columns, numbers);
  // S and ∂P, then P and ∂S.
  for (let block = begin; block < stop; block++) {
    parts.at = parts.origin + block - begin;
    dotsOfListed(ofKeys, parts, scores, scale);
    dotsOfListed(ofValues, parts, slopes, 1);
  }
  fillUp(scores, rows, Number.NEGATIVE_INFINITY);
  fillUp(slopes, rows, 0);
  weighRows(scores, slopes, columns, rows, columns, arrays.weighed, arrays.shares, arrays.delta, own, 1);
  if (valueGradient !== undefined) {
    setRows(toValues, valueGradient, keyHead * keyLength, arrays.outputGradient, own, rows, valueDim);
  }
  if (keyGradient !== undefined) setRows(toKeys, keyGradient, keyHead * keyLength, arrays.queries, own, rows, headDim);
  if (queryGradient !== undefined) {
    setRows(toQueries, arrays.keys, keyHead * keyCapacity, queryGradient, own, rows, headDim);
  }
  for (let block = begin; block < stop; block++) {
    parts.at = parts.origin + block - begin;
    if (valueGradient !== undefined) addToListedRows(toValues, parts, scores, 1);
    if (keyGradient !== undefined) addToListedRows(toKeys, parts, slopes, scale);
    if (queryGradient !== undefined) addListedRows(toQueries, parts, slopes, scale);
  }
}
