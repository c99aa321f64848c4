/** Lists of small blocks of keys, one for each query, as lists of keys that kernels/attention-listed.ts reads in place. */
import {
  attentionListedBackwardKernel,
  attentionListedKernel,
  ITEM_FIELDS,
  LISTED_QUERIES,
} from '../kernels/attention-listed.ts';
import type { NumericArray } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty } from '../tensor.ts';
import type { Call } from './attention-call.ts';
import { BLOCK_THAT_MEETS } from './attention-turned.ts';
import type { CheckedSet } from './check-key-sets.ts';
import { int32, maskWithout } from './key-set-tables.ts';

/** The keys of every query, ascending, and where those of each block of keys begin. */
export interface ListedKeys {
  tokens: NumericArray;
  /** [tables, queryLength, blocks + 1]. */
  bounds: NumericArray;
  blocks: number;
  /** The distance of the tables of two batch entries, and of two heads; 0 where they share one. */
  tableBatch: number;
  tableHead: number;
  /** Pairs of all batch entries and heads. */
  pairs: number;
}

/** Ranges of queries and of keys that meet in the rounds of the backward pass. */
const RANGES = 8;
/** Keys of a block: its rows stay in the cache while a tile of queries reads them. */
const KEYS_OF_BLOCK = 128;
/** Blocks at most, so that bounds take O(length) memory. */
const MOST_BLOCKS = 64;

/** The set with lists of keys, where each query has a list of small blocks; otherwise the set itself. */
export function withListedKeys(set: CheckedSet, call: Call): CheckedSet {
  const { blocks, queryTokens, keyTokens, queryLabels } = set;
  if (blocks === null || blocks.queryBlock !== 1 || blocks.keyBlock >= BLOCK_THAT_MEETS) return set;
  if (queryTokens !== undefined || keyTokens !== undefined || queryLabels !== undefined) return set;
  return { ...set, listed: listedKeys(set, blocks, call) };
}

function listedKeys(
  set: CheckedSet,
  { lists, keyBlock, ascending }: NonNullable<CheckedSet['blocks']>,
  { batch, heads, queryLength, keyLength, queryStart, keyMask }: Call,
): ListedKeys {
  const mask = maskWithout(keyMask, set.except, batch, keyLength);
  const [b, h, , width] = lists.shape;
  const batches = Math.max(b, mask?.shape[0] ?? 1);
  const given = elements(lists);
  const flags = mask && elements(mask);
  const isReady = keyBlock === 1 && flags === undefined && ascending;
  const tokens = isReady ? given : elements(empty([batches * h * queryLength * width * keyBlock], 'int32'));
  const size = Math.max(
    64 * Math.ceil(keyLength / (64 * MOST_BLOCKS)),
    Math.min(KEYS_OF_BLOCK, 64 * Math.ceil(keyLength / (64 * RANGES))),
  );
  const blocks = Math.ceil(keyLength / size);
  const bounds = new Int32Array(batches * h * queryLength * (blocks + 1));
  let [at, pairs] = [0, 0];
  for (let table = 0, place = 0; table < batches * h; table++) {
    const entry = Math.floor(table / h);
    const source = (b === 1 ? table % h : table) * queryLength;
    const masks = mask === undefined || mask.shape[0] === 1 ? 0 : entry * keyLength;
    for (let query = 0; query < queryLength; query++) {
      const row = (source + query) * width;
      const first = isReady ? row : place;
      if (isReady) for (place = row; place < row + width && given[place] >= 0; place++);
      else {
        const last = set.causal ? Math.min(keyLength, queryStart + query + 1) : keyLength;
        for (let n = row; n < row + width; n++) {
          if (given[n] < 0) continue;
          const end = Math.min(last, (given[n] + 1) * keyBlock);
          for (let key = given[n] * keyBlock; key < end; key++) {
            if (flags === undefined || flags[masks + key] !== 0) tokens[place++] = key;
          }
        }
        tokens.subarray(first, place).sort();
      }
      pairs += place - first;
      for (let block = 0, next = first; block <= blocks; block++) {
        const begin = block * size;
        while (next < place && tokens[next] < begin) next++;
        bounds[at++] = block === blocks ? place : next;
      }
    }
  }
  const perTable = (batch / batches) * (heads / h);
  return {
    tokens,
    bounds: int32(bounds),
    blocks,
    tableBatch: batches === 1 ? 0 : h,
    tableHead: h === 1 ? 0 : 1,
    pairs: pairs * perTable,
  };
}

/** The queries of every head a tile at a time, the last ones first. */
export function forwardListed(
  { listed }: CheckedSet,
  { batch, heads, queryLength, headDim, valueDim, numbers }: Call,
  arrays: Record<'queries' | 'keys' | 'values' | 'output' | 'logSumExp' | 'largest' | 'sums', NumericArray>,
): void {
  const { tokens, bounds, blocks, tableBatch, tableHead, pairs } = listed as ListedKeys;
  const items: number[] = [];
  for (let tile = Math.ceil(queryLength / LISTED_QUERIES) - 1; tile >= 0; tile--) {
    const first = tile * LISTED_QUERIES;
    for (let head = 0; head < batch * heads; head++) {
      const table = Math.floor(head / heads) * tableBatch + (head % heads) * tableHead;
      items.push(head, table, first, Math.min(queryLength, first + LISTED_QUERIES), 0, blocks);
    }
  }
  const count = items.length / ITEM_FIELDS;
  parallelFor(
    attentionListedKernel,
    count,
    { ...arrays, items: int32(Int32Array.from(items)), bounds, tokens },
    { ...numbers, blocks },
    { costPerItem: (pairs / count) * 2 * (headDim + valueDim) },
  );
}

/** In each round, every range of queries meets another range of keys. `chosen`: heads that write to different rows. */
export function backwardListed(
  { listed }: CheckedSet,
  { batch, heads, queryLength, headDim, valueDim, numbers }: Call,
  chosen: readonly number[],
  arrays: Record<'queries' | 'keys' | 'values' | 'outputGradient' | 'weighed' | 'shares' | 'delta', NumericArray> &
    Partial<Record<'queryGradient' | 'keyGradient' | 'valueGradient', NumericArray | undefined>>,
): void {
  const { tokens, bounds, blocks, tableBatch, tableHead, pairs } = listed as ListedKeys;
  const range = LISTED_QUERIES * Math.ceil(queryLength / (RANGES * LISTED_QUERIES));
  const ranges = Math.ceil(queryLength / range);
  const share = Math.ceil(blocks / ranges);
  for (let round = 0; round < ranges; round++) {
    const items: number[] = [];
    for (let own = ranges - 1; own >= 0; own--) {
      const begin = ((own - round + ranges) % ranges) * share;
      const stop = Math.min(blocks, begin + share);
      if (begin >= stop) continue;
      for (const head of chosen) {
        const table = Math.floor(head / heads) * tableBatch + (head % heads) * tableHead;
        items.push(head, table, own * range, Math.min(queryLength, (own + 1) * range), begin, stop);
      }
    }
    const count = items.length / ITEM_FIELDS;
    if (count === 0) continue;
    const pairsOfRound = (pairs * chosen.length) / (batch * heads) / ranges;
    parallelFor(
      attentionListedBackwardKernel,
      count,
      { ...arrays, items: int32(Int32Array.from(items)), bounds, tokens },
      { ...numbers, blocks },
      { costPerItem: (pairsOfRound / count) * 6 * (headDim + valueDim) },
    );
  }
}
