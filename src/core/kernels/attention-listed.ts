/**
 * Softmax attention where each query has a list of keys of its own, as after a choice of the best keys: nothing is gathered, and
 * a pair that is not listed costs nothing. A tile of queries walks over blocks of keys, so that neighbouring queries find the
 * keys in the cache.
 */
import type { NumericArray } from '../memory.ts';
import { finishRows } from './attention-finish.ts';
import { Side } from './attention-side.ts';
import { defineKernel, type KernelArrays, type KernelNumbers } from './kernel.ts';
import { addListedRows, addToListedRows, dotsOfListed, type ListedRows } from './listed-rows.ts';
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
/** The rows of the keys and values of a tile, and of their gradients. */
const newRows = (): ListedRows => ({
  matrix: [] as unknown as NumericArray,
  first: 0,
  row: [] as unknown as NumericArray,
  at: 0,
  width: 0,
});
const [products, sumsOfValues] = [newRows(), newRows()];
const [toKeys, toValues, toQueries] = [newRows(), newRows(), newRows()];

function readItem(items: NumericArray, n: number): void {
  const row = n * ITEM_FIELDS;
  item.head = items[row];
  item.table = items[row + 1];
  item.first = items[row + 2];
  item.end = items[row + 3];
  item.begin = items[row + 4];
  item.stop = items[row + 5];
}

function setRows(rows: ListedRows, matrix: NumericArray, first: number, row: NumericArray, width: number): void {
  rows.matrix = matrix;
  rows.first = first;
  rows.row = row;
  rows.width = width;
}

/** The longest list of the queries `from` to `to`, within the blocks of the item. */
function longestOf(bounds: NumericArray, from: number, to: number, { queryLength, blocks }: Sizes): number {
  let longest = 0;
  for (let query = from; query < to; query++) {
    const row = (item.table * queryLength + query) * (blocks + 1);
    longest = Math.max(longest, bounds[row + item.stop] - bounds[row + item.begin]);
  }
  return longest;
}

type Sizes = KernelNumbers<'queryLength' | 'blocks'>;

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
  const { bounds, tokens } = arrays;
  const { headDim, valueDim, queryLength, group, scale, blocks } = numbers;
  const columns = longestOf(bounds, from, to, numbers);
  if (columns === 0) return;
  const { head, table, begin: firstBlock, stop } = item;
  const [rows, keyHead] = [to - from, Math.floor(head / group)];
  const scores = scratch.get('scores', arrays.queries, rows * columns);
  const sum = scratch.get('sum', arrays.queries, LISTED_QUERIES * valueDim);
  setRows(products, arrays.keys, keyHead * numbers.keyCapacity, arrays.queries, headDim);
  setRows(sumsOfValues, arrays.values, keyHead * numbers.valueCapacity, sum, valueDim);
  const start = (table * queryLength + from) * (blocks + 1);
  for (let block = firstBlock; block < stop; block++) {
    for (let i = 0; i < rows; i++) {
      const row = start + i * (blocks + 1);
      const [begin, end] = [bounds[row + block], bounds[row + block + 1]];
      if (begin === end) continue;
      products.at = (head * queryLength + from + i) * headDim;
      dotsOfListed(products, tokens, begin, end, scores, i * columns + begin - bounds[row], scale);
    }
  }
  for (let i = 0; i < rows; i++) {
    const row = start + i * (blocks + 1);
    scores.fill(Number.NEGATIVE_INFINITY, i * columns + bounds[row + blocks] - bounds[row], (i + 1) * columns);
  }
  softmax.start();
  softmax.exponentiate(scores, rows, columns, sum, 0, columns);
  sum.fill(0, 0, rows * valueDim);
  for (let block = firstBlock; block < stop; block++) {
    for (let i = 0; i < rows; i++) {
      const row = start + i * (blocks + 1);
      const [begin, end] = [bounds[row + block], bounds[row + block + 1]];
      if (begin === end) continue;
      sumsOfValues.at = i * valueDim;
      addListedRows(sumsOfValues, tokens, begin, end, scores, i * columns + begin - bounds[row], 1);
    }
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
        passBackListed(first, Math.min(item.end, first + step), arrays, numbers);
      }
    }
  },
);

function passBackListed(
  from: number,
  to: number,
  arrays: KernelArrays<(typeof OF_ROWS)[number], (typeof GRADIENTS)[number]>,
  numbers: KernelNumbers<(typeof NUMBERS)[number]>,
): void {
  const { bounds, tokens, queryGradient, keyGradient, valueGradient } = arrays;
  const { headDim, valueDim, queryLength, keyLength, group, scale, blocks } = numbers;
  const columns = longestOf(bounds, from, to, numbers);
  if (columns === 0) return;
  const { head, table, begin: firstBlock, stop } = item;
  const [rows, keyHead, own] = [to - from, Math.floor(head / group), head * queryLength + from];
  const scores = scratch.get('scores', arrays.queries, rows * columns);
  const slopes = scratch.get('slopes', arrays.queries, rows * columns);
  setRows(products, arrays.keys, keyHead * numbers.keyCapacity, arrays.queries, headDim);
  setRows(sumsOfValues, arrays.values, keyHead * numbers.valueCapacity, arrays.outputGradient, valueDim);
  const start = (table * queryLength + from) * (blocks + 1);
  // S and ∂P, then P and ∂S.
  for (let block = firstBlock; block < stop; block++) {
    for (let i = 0; i < rows; i++) {
      const row = start + i * (blocks + 1);
      const [begin, end] = [bounds[row + block], bounds[row + block + 1]];
      if (begin === end) continue;
      const place = i * columns + begin - bounds[row + firstBlock];
      products.at = (own + i) * headDim;
      dotsOfListed(products, tokens, begin, end, scores, place, scale);
      sumsOfValues.at = (own + i) * valueDim;
      dotsOfListed(sumsOfValues, tokens, begin, end, slopes, place, 1);
    }
  }
  for (let i = 0; i < rows; i++) {
    const row = start + i * (blocks + 1);
    const rest = i * columns + bounds[row + stop] - bounds[row + firstBlock];
    scores.fill(Number.NEGATIVE_INFINITY, rest, (i + 1) * columns);
    slopes.fill(0, rest, (i + 1) * columns);
  }
  weighRows(scores, slopes, columns, rows, columns, arrays.weighed, arrays.shares, arrays.delta, own, 1);
  if (valueGradient !== undefined) {
    setRows(toValues, valueGradient, keyHead * keyLength, arrays.outputGradient, valueDim);
  }
  if (keyGradient !== undefined) setRows(toKeys, keyGradient, keyHead * keyLength, arrays.queries, headDim);
  if (queryGradient !== undefined) {
    setRows(toQueries, arrays.keys, keyHead * numbers.keyCapacity, queryGradient, headDim);
  }
  for (let block = firstBlock; block < stop; block++) {
    for (let i = 0; i < rows; i++) {
      const row = start + i * (blocks + 1);
      const [begin, end] = [bounds[row + block], bounds[row + block + 1]];
      if (begin === end || arrays.weighed[own + i] === Number.NEGATIVE_INFINITY) continue;
      const place = i * columns + begin - bounds[row + firstBlock];
      [toValues.at, toKeys.at, toQueries.at] = [(own + i) * valueDim, (own + i) * headDim, (own + i) * headDim];
      if (valueGradient !== undefined) addToListedRows(toValues, tokens, begin, end, scores, place, 1);
      if (keyGradient !== undefined) addToListedRows(toKeys, tokens, begin, end, slopes, place, scale);
      if (queryGradient !== undefined) addListedRows(toQueries, tokens, begin, end, slopes, place, scale);
    }
  }
}
