/**
 * Operations counted while they run: what the kernels that multiply are told says how much they multiply. That does not
 * depend on what a variant states in `cost`, which a law holds against it. Of elementwise work only softmax is counted.
 */

import { HASH_ROWS } from '../../src/core/kernels/hash.ts';
import type { NumericArray } from '../../src/core/memory.ts';
import '../../src/core/kernels/index.ts';
import { ITEM_FIELDS } from '../../src/core/kernels/attention-listed.ts';
import { newTile, orderOf, readTile } from '../../src/core/kernels/attention-sets.ts';
import { coarseSeen } from '../../src/core/kernels/coarse-keys.ts';
import { BAND_TILE } from '../../src/core/kernels/convolution.ts';
import { queriesOfTile } from '../../src/core/kernels/entmax-attention.ts';
import { type Kernel, type KernelArrays, type KernelNumbers, kernelNamed } from '../../src/core/kernels/kernel.ts';
import { matmulItem } from '../../src/core/kernels/matmul.ts';
import { CHUNK, scanGroup } from '../../src/core/kernels/scan-chunk.ts';
import { SELECTIVE_CHANNELS } from '../../src/core/kernels/selective-scan.ts';
import { QUERIES_OF_ITEM } from '../../src/core/kernels/top-blocks-estimate.ts';
import { queriesOfItem } from '../../src/core/kernels/top-keys-estimate.ts';
import { setThreads, threadCount } from '../../src/core/parallel/pool.ts';
import { SOFTMAX_FLOPS } from '../../src/variants/flops.ts';

/** Operations of items `begin` … `end` − 1, from the arrays and numbers of a kernel by their names. */
type Counter = (
  begin: number,
  end: number,
  arrays: KernelArrays<string, string>,
  numbers: KernelNumbers<string>,
) => number;

const COUNTERS: Record<string, Counter> = {
  /** Pairs in the runs of queries, or in their lists of blocks, whether masked or not. */
  'attention-forward'(begin, end, arrays, numbers) {
    const { begins, ends, dilations, lists, starts } = arrays;
    const tile = newTile();
    let pairs = 0;
    const [first, last] = starts === undefined ? [begin, end] : [starts[begin], starts[end]];
    for (let row = first; row < last; row++) {
      readTile(arrays.tiles as NumericArray, row, tile);
      let queries = tile.end - tile.first;
      if (lists !== undefined) {
        const { heads, listBatch, listHead, listWidth, queryBlocks, keyBlock, keyPlaceCount } = numbers;
        const table = Math.floor(tile.head / heads) * listBatch + (tile.head % heads) * listHead;
        // Places without a query cost nothing.
        if (arrays.queryTokens !== undefined) {
          const first = orderOf(tile.head, numbers as never) * numbers.queryPlaceCount;
          queries = arrays.queryTokens
            .subarray(first + tile.first, first + tile.end)
            .filter((token) => token >= 0).length;
        }
        for (let n = 0; n < listWidth; n++) {
          const chosen = lists[(table * queryBlocks + tile.layout) * listWidth + n];
          const places = Math.min(keyBlock, keyPlaceCount - chosen * keyBlock);
          if (chosen >= 0) pairs += queries * places;
        }
      }
      // Lists that were turned around: every query of a tile chose the same block.
      else if (begins === undefined) pairs += queries * (tile.stop - tile.begin);
      if (begins === undefined || ends === undefined) continue;
      for (let place = tile.first; place < tile.end; place++) {
        const query = tile.queryRemainder + (dilations?.[tile.layout] ?? 1) * place;
        const at = tile.layout * numbers.queryPlaceCount + query;
        pairs += Math.max(0, ends[at] - begins[at]);
      }
    }
    const products = arrays.relativeKeys === undefined ? 1 : 2;
    return pairs * (2 * products * numbers.headDim + 2 * numbers.valueDim + SOFTMAX_FLOPS);
  },

  /** The keys on lists, apart from those that a mask hides. */
  'attention-listed'(begin, end, { items, bounds }, { queryLength, blocks, headDim, valueDim }) {
    let pairs = 0;
    for (let item = begin; item < end; item++) {
      const [, table, first, last] = (items as NumericArray).subarray(item * ITEM_FIELDS, (item + 1) * ITEM_FIELDS);
      for (let query = first; query < last; query++) {
        const row = (table * queryLength + query) * (blocks + 1);
        pairs += (bounds as NumericArray)[row + blocks] - (bounds as NumericArray)[row];
      }
    }
    return pairs * (2 * headDim + 2 * valueDim + SOFTMAX_FLOPS);
  },

  /** Pairs that meet, whatever their weight; the steps towards a threshold count as a softmax. */
  'entmax-attention'(begin, end, _arrays, { queryLength, keyLength, headDim, valueDim, start, causal }) {
    const size = queriesOfTile(keyLength);
    const tiles = Math.ceil(queryLength / size);
    let pairs = 0;
    for (let item = begin; item < end; item++) {
      const from = (item % tiles) * size;
      for (let query = from; query < Math.min(queryLength, from + size); query++) {
        pairs += causal ? Math.min(keyLength, start + query + 1) : keyLength;
      }
    }
    return pairs * (2 * headDim + 2 * valueDim + SOFTMAX_FLOPS);
  },

  matmul(begin, end, _arrays, { m, n, k }) {
    return ((end - begin) / matmulItem(m, n, k).count) * 2 * m * n * k;
  },

  /** Four products of a step. */
  'inverse-steps': (begin, end, _arrays, { m, steps }) => (end - begin) * steps * 4 * 2 * m ** 3,

  band(begin, end, _arrays, { length, width, taps, before }) {
    const perSequence = Math.ceil(length / BAND_TILE);
    let pairs = 0;
    for (let i = 0; i < length; i++) pairs += Math.min(length, i + taps - before) - Math.max(0, i - before);
    return ((end - begin) / perSequence) * 2 * pairs * width;
  },

  'direction-hash'(begin, end, _arrays, { length, width, count }) {
    return ((end - begin) / Math.ceil(length / HASH_ROWS)) * 2 * length * width * count;
  },

  /** Scores of past blocks, where there are more than a query takes. */
  'choose-blocks'(begin, end, _arrays, { length, width, blockSize, start, count }) {
    let scores = 0;
    for (let row = begin; row < end; row++) {
      const past = Math.floor((start + (row % length)) / blockSize);
      if (past > count) scores += past;
    }
    return 2 * scores * width;
  },

  /** Every key into the sums, [V 1] being n + 1 wide. */
  'feature-sums': (begin, end, _arrays, { sequences, length, m, n }) =>
    2 * rowsOfGroups(begin, end, sequences, length, scanGroup(m, n)) * m * (n + 1),

  /** Every query meets the sums; causally keys go into them on the way, and meet the queries of their chunk directly. */
  'feature-read'(begin, end, _arrays, { sequences, length, m, n, along }) {
    const rows = rowsOfGroups(begin, end, sequences, length, scanGroup(m, n));
    const perRow = 2 * m * (n + 1);
    return rows * (along ? 2 * perRow + (CHUNK + 1) * (m + n + 1) : perRow);
  },

  'scan-sums': (begin, end, _arrays, { sequences, length, m, n, size, first }) =>
    2 * rowsOfGroups(begin + first * sequences, end + first * sequences, sequences, length, size) * m * n,

  /**
   * Every query meets the state and those before it in its chunk. A delta rule reads it once more. Keys go in where they did not
   * before: in chunks before the last of their group, and in the last group.
   */
  scan(begin, end, { beta }, { sequences, length, m, n, size, first }) {
    const reads = beta === undefined ? 1 : 2;
    const perRow = 2 * reads * m * n + reads * (Math.min(CHUNK, length) + 1) * (m + n);
    const groups = Math.ceil(length / size);
    let operations = 0;
    for (let item = begin + first * sequences; item < end + first * sequences; item++) {
      const rows = rowsOfGroups(item, item + 1, sequences, length, size);
      const isLast = Math.floor(item / sequences) === groups - 1;
      operations += rows * perRow + (isLast ? rows : Math.max(0, rows - CHUNK)) * 2 * m * n;
    }
    return operations;
  },

  /** Every number of a state decays, is written to and is read; an exponential is what it is in a softmax without its sum. */
  'selective-scan'(begin, end, _arrays, { length, m, n }) {
    return ((end - begin) / Math.ceil(n / SELECTIVE_CHANNELS)) * length * n * m * (SOFTMAX_FLOPS - 2 + 6);
  },

  /** Normalisations of rows and of columns; causally of rows one by one. */
  'sinkhorn-balance': (begin, end, _arrays, { size, iterations }) =>
    (end - begin) * 2 * iterations * size * size * SOFTMAX_FLOPS,
  'causal-balance': (begin, end, _arrays, { rows, columns, iterations }) =>
    (end - begin) * 2 * iterations * rows * columns * SOFTMAX_FLOPS,

  /** The coarse keys that queries see, where there are more blocks than they choose. */
  'top-blocks'(begin, end, _arrays, { group, length, width, count, start, span, stride, block }) {
    const items = Math.ceil(length / QUERIES_OF_ITEM);
    let pairs = 0;
    for (let item = begin; item < end; item++) {
      const first = (item % items) * QUERIES_OF_ITEM;
      for (let query = first; query < Math.min(length, first + QUERIES_OF_ITEM); query++) {
        const place = start + query;
        if (Math.floor(place / block) >= count) pairs += group * coarseSeen(place + 1, span, stride);
      }
    }
    return pairs * (2 * width + SOFTMAX_FLOPS);
  },

  /** Both queries and reads meet the state, and both keys and erases in their chunk; both of these go in. */
  'scan-erasing': (begin, end, _arrays, { sequences, length, m, n, size }) =>
    rowsOfGroups(begin, end, sequences, length, size) * (8 * m * n + 4 * (Math.min(CHUNK, length) + 1) * (m + n)),

  /** The keys up to a query, where there are more than it chooses. */
  'top-keys'(begin, end, _arrays, { heads, length, keyLength, width, count, start }) {
    const size = queriesOfItem(keyLength);
    const items = Math.ceil(length / size);
    let pairs = 0;
    for (let item = begin; item < end; item++) {
      const first = (item % items) * size;
      for (let query = first; query < Math.min(length, first + size); query++) {
        const seen = start + query + 1;
        if (seen > count) pairs += heads * seen;
      }
    }
    return pairs * 2 * width;
  },

  /** Transforms of two columns at once: of their filters, and there and back for every entry of the batch. */
  'long-convolution': (begin, end, _arrays, { batch, size }) =>
    (end - begin) * (1 + 2 * batch) * 5 * size * Math.log2(size),

  'long-convolution-direct'(begin, end, _arrays, { length, width, taps, from }) {
    let products = 0;
    for (let item = begin; item < end; item++) products += Math.min(taps, from + (item % (length - from)) + 1);
    return 2 * products * width;
  },

  softmax: (begin, end, _arrays, { columns }) => (end - begin) * columns * SOFTMAX_FLOPS,
};

/** Tokens of the groups that items stand for. */
function rowsOfGroups(begin: number, end: number, sequences: number, length: number, size: number): number {
  let rows = 0;
  for (let item = begin; item < end; item++) rows += Math.min(size, length - Math.floor(item / sequences) * size);
  return rows;
}

/** Operations that run in `body`, which must not wait for anything. */
export function countFlops(body: () => void): number {
  const threads = threadCount();
  // Workers would count on their own; on one thread, kernels are called by their bodies alone.
  setThreads(1);
  let flops = 0;
  const kernels = Object.entries(COUNTERS).map(([name, count]) => {
    const kernel = kernelNamed(name) as { -readonly [Member in keyof Kernel]: Kernel[Member] };
    const { body: run } = kernel;
    kernel.body = (begin, end, arrays, numbers) => {
      flops += count(begin, end, arrays, numbers);
      run(begin, end, arrays, numbers);
    };
    return { kernel, run };
  });
  try {
    body();
  } finally {
    for (const { kernel, run } of kernels) kernel.body = run;
    setThreads(threads);
  }
  return flops;
}
