/**
 * Lists of large blocks of keys, for a few queries each, turned around: which queries meet a block of keys. A product of one
 * query with a block reads every key for that query alone; the queries that chose a block read it together. Plans depend on
 * the lists alone, so bits do not depend on the number of threads.
 */
import { TILE_FIELDS } from '../kernels/attention-sets.ts';
import { TILE } from '../kernels/attention-side.ts';
import { elements, filled } from '../tensor.ts';
import type { CheckedSet } from './check-key-sets.ts';

/** What turned lists are read with; the queries themselves are the `queryTokens` of the set. */
export interface TurnedLists {
  keyBlock: number;
  keyBlocks: number;
  /** Ranges of neighbouring queries, as many as there are ranges of blocks of keys. */
  ranges: number;
  /** For each table of lists, range and block of keys: the place of its first query; then the end. */
  starts: Int32Array;
  /** Tables of lists, and how many entries they hold together. */
  tables: number;
  entries: number;
}

/** Runs of tiles, each an item. */
export interface Items {
  tiles: Int32Array;
  starts: Int32Array;
}

/** Blocks with this many places or more are worth a tile of their own. */
export const BLOCK_THAT_MEETS = 16;
/** Ranges of a sequence: enough for a few threads, and few enough that many queries of one choose the same block. */
const RANGES = 8;

/** The set with its lists turned around; the set itself, where its queries come in large blocks or keys in small ones. */
export function turned(set: CheckedSet): CheckedSet {
  const { blocks, queryPlaces, keyPlaces, queryTokens, keyTokens } = set;
  if (blocks === null || queryPlaces < TILE || blocks.queryBlock >= BLOCK_THAT_MEETS) return set;
  if (queryTokens !== undefined || keyTokens !== undefined || blocks.keyBlock < BLOCK_THAT_MEETS) return set;
  const { queryBlock, keyBlock, lists } = blocks;
  const [b, h, rows, width] = lists.shape;
  const keyBlocks = Math.ceil(keyPlaces / keyBlock);
  const range = TILE * Math.ceil(queryPlaces / (RANGES * TILE));
  const ranges = Math.ceil(queryPlaces / range);
  const tables = b * h;
  const places = queryPlaces * width;
  const stride = ranges * keyBlocks + 1;
  const chosen = elements(lists);
  const starts = new Int32Array(tables * stride);
  const order = filled([b, h, 1, places], -1, 'int32');
  const tokens = elements(order);
  let entries = 0;
  for (let table = 0; table < tables; table++) {
    const own = starts.subarray(table * stride, (table + 1) * stride);
    for (let query = 0; query < queryPlaces; query++) {
      const row = (table * rows + Math.floor(query / queryBlock)) * width;
      const first = Math.floor(query / range) * keyBlocks + 1;
      for (let at = row; at < row + width; at++) if (chosen[at] >= 0) own[first + chosen[at]]++;
    }
    for (let at = 1; at < stride; at++) own[at] += own[at - 1];
    entries += own[stride - 1];
    const next = own.slice();
    for (let query = 0; query < queryPlaces; query++) {
      const row = (table * rows + Math.floor(query / queryBlock)) * width;
      const first = Math.floor(query / range) * keyBlocks;
      for (let at = row; at < row + width; at++) {
        if (chosen[at] >= 0) tokens[table * places + next[first + chosen[at]]++] = query;
      }
    }
  }
  const lookup = { keyBlock, keyBlocks, ranges, starts, tables, entries };
  return { ...set, blocks: null, queryTokens: order, queryPlaces: places, turned: lookup };
}

/** For the forward pass: an item is a range of queries of a head, which meets one block of keys after another. */
export function turnedForward(set: CheckedSet, heads: readonly number[], tableOf: (head: number) => number): Items {
  const { ranges, keyBlocks } = set.turned as TurnedLists;
  const items = new ItemList(set);
  // The last queries of a causal set have the longest lists: the costliest first.
  for (let range = ranges - 1; range >= 0; range--) {
    for (const head of heads) items.push(head, tableOf(head), range, 0, keyBlocks);
  }
  return items.done();
}

/**
 * For the backward pass: in each round, every range of queries meets another range of keys. `whole`: each head is one item,
 * with its meetings in the order of the rounds.
 */
export function turnedBackward(
  set: CheckedSet,
  heads: readonly number[],
  whole: boolean,
  tableOf: (head: number) => number,
): Items[] {
  const { ranges, keyBlocks } = set.turned as TurnedLists;
  const share = Math.ceil(keyBlocks / ranges);
  const meet = (items: ItemList, round: number, head: number, range: number, joined: boolean) => {
    const first = ((range - round + ranges) % ranges) * share;
    items.push(head, tableOf(head), range, first, Math.min(keyBlocks, first + share), joined);
  };
  const rounds = Array.from({ length: ranges }, (_, round) => round);
  if (!whole) {
    const each = rounds.map((round) => {
      const items = new ItemList(set);
      for (let range = ranges - 1; range >= 0; range--) {
        for (const head of heads) meet(items, round, head, range, false);
      }
      return items.done();
    });
    // Where nobody chose a block, nobody meets.
    return each.filter(({ tiles }) => tiles.length > 0);
  }
  const items = new ItemList(set);
  for (const head of heads) {
    const before = items.count;
    for (const round of rounds) {
      for (let range = 0; range < ranges; range++) meet(items, round, head, range, items.count > before);
    }
  }
  return items.count === 0 ? [] : [items.done()];
}

/** Collects tiles of queries that meet a block of keys together. */
class ItemList {
  readonly #set: CheckedSet;
  readonly #tiles: number[] = [];
  readonly #starts: number[] = [0];

  constructor(set: CheckedSet) {
    this.#set = set;
  }

  get count(): number {
    return this.#starts.length - 1;
  }

  /** A range of queries with the blocks `first` to `end`, as an item, or `joined` to the item before. */
  push(head: number, table: number, range: number, first: number, end: number, joined = false): void {
    const { keyBlock, keyBlocks, ranges, starts } = this.#set.turned as TurnedLists;
    const row = table * (ranges * keyBlocks + 1) + range * keyBlocks;
    const before = this.#tiles.length;
    for (let block = first; block < end; block++) {
      const stop = Math.min(this.#set.keyPlaces, (block + 1) * keyBlock);
      for (let at = starts[row + block]; at < starts[row + block + 1]; at += TILE) {
        const last = Math.min(starts[row + block + 1], at + TILE);
        this.#tiles.push(head, 0, 0, 0, at, last, block * keyBlock, stop);
      }
    }
    if (this.#tiles.length === before) return;
    if (joined) this.#starts.pop();
    this.#starts.push(this.#tiles.length / TILE_FIELDS);
  }

  done(): Items {
    return { tiles: Int32Array.from(this.#tiles), starts: Int32Array.from(this.#starts) };
  }
}
