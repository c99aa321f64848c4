/**
 * A key set (ops/key-sets.ts) as kernels read it, in tables: tiles of queries, and for each of them a run of places of keys,
 * or a list of blocks of places. A place is a token, or the position of a token in an order.
 */
import type { NumericArray } from '../memory.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';

/** A row of a table of tiles, eight numbers; `begin` and `stop` only where keys come in runs. */
export const TILE_FIELDS = 8;

export interface Tile {
  /** Counted over batch entries and heads. */
  head: number;
  /** Row of `begins` and `ends`; of a block set, the block of the queries. */
  layout: number;
  /** The places of keys, and of queries, modulo the dilation. */
  remainder: number;
  queryRemainder: number;
  /** Places of one side, counted within the class of this remainder. */
  first: number;
  end: number;
  /** Places of the other side that these may meet. */
  begin: number;
  stop: number;
}

export function readTile(tiles: NumericArray, item: number, tile: Tile): void {
  const row = item * TILE_FIELDS;
  tile.head = tiles[row];
  tile.layout = tiles[row + 1];
  tile.remainder = tiles[row + 2];
  tile.queryRemainder = tiles[row + 3];
  tile.first = tiles[row + 4];
  tile.end = tiles[row + 5];
  tile.begin = tiles[row + 6];
  tile.stop = tiles[row + 7];
}

export const newTile = (): Tile => ({
  head: 0,
  layout: 0,
  remainder: 0,
  queryRemainder: 0,
  first: 0,
  end: 0,
  begin: 0,
  stop: 0,
});

export const SET_ARRAYS = [
  /** Runs: the first place that a query meets and the one after the last, [layouts, query places]; and dilations. */
  'begins',
  'ends',
  'dilations',
  /** Blocks: the blocks of keys that a block of queries meets, [batch or 1, heads or 1, blocks, width]; −1: none. */
  'lists',
  /** The token at each place, [batch or 1, heads or 1, rounds, places]; −1: none. */
  'queryTokens',
  'keyTokens',
  /** The place of each token, as many as tokens: where a pair counts once in all rounds. */
  'queryPlaces',
  'keyPlaces',
  /**
   * Tokens meet if they have the same label, [batch or 1, heads or 1, rounds, tokens]; a token with a label below 0 meets
   * none.
   */
  'queryLabels',
  'keyLabels',
  /** [batch or 1, keyLength], uint8: 1 = a real key. */
  'mask',
] as const;

export const SET_NUMBERS = [
  'heads',
  'queryLength',
  'keyLength',
  'queryStart',
  'queryPlaceCount',
  'keyPlaceCount',
  /** Blocks: the number of places of a block of keys, and the length of the lists. */
  'keyBlock',
  'listWidth',
  'queryBlocks',
  'round',
  'rounds',
  /** 1: key j is met by query i only if j ≤ p_i. */
  'causal',
  /** Added to the score of a token with itself. */
  'selfBias',
  /** 1: a pair that meets in N rounds weighs 1/N in each. */
  'once',
  /** The distance, in tables of orders, labels and lists, between batch entries and between heads; 0 where they share one. */
  'orderBatch',
  'orderHead',
  'labelBatch',
  'labelHead',
  'listBatch',
  'listHead',
  /** Distance of the masks of two batch entries; 0 if they share one. */
  'maskBatch',
] as const;

export type SetArrays = KernelArrays<never, (typeof SET_ARRAYS)[number]>;
export type SetNumbers = KernelNumbers<(typeof SET_NUMBERS)[number]>;

/** The table that belongs to a head; batch entries and heads may share tables. */
export const tableOf = (head: number, heads: number, perBatch: number, perHead: number): number =>
  Math.floor(head / heads) * perBatch + (head % heads) * perHead;
/** The list of an order, or of labels, for a round. */
export const orderOf = (head: number, { heads, orderBatch, orderHead, rounds }: SetNumbers): number =>
  tableOf(head, heads, orderBatch, orderHead) * rounds;
export const labelsOf = (head: number, { heads, labelBatch, labelHead, rounds }: SetNumbers): number =>
  tableOf(head, heads, labelBatch, labelHead) * rounds;
