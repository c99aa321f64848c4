/**
 * Which pairs of a tile meet. A key set (ops/key-sets.ts) reaches the kernels as tables: tiles of queries, and for each of
 * them a run of places of keys, or a list of blocks of places. A place is a token, or stands for one in an order.
 */
import type { NumericArray } from '../memory.ts';
import { type Side, TILE } from './attention-side.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';

/** A row of a table of tiles, eight numbers; `begin` and `stop` only where keys come in runs. */
export const TILE_FIELDS = 8;

export interface Tile {
  /** Counts batch entries and heads. */
  head: number;
  /** Row of `begins` and `ends`; of a block set, the block of the queries. */
  layout: number;
  /** Place of keys, and of queries, modulo the dilation. */
  remainder: number;
  queryRemainder: number;
  /** Places of one side, within the class of that remainder. */
  first: number;
  end: number;
  /** Places of the other side that may be met. */
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
  /** Tokens meet that have the same label, [batch or 1, heads or 1, rounds, tokens]; those below 0 meet nobody. */
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
  /** Blocks: places of a block of keys, and how long the lists are. */
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
  /** How many tables of orders, labels and lists lie between batch entries, and between heads; 0 where they share. */
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

/** Which of the tables that batch entries and heads may share belongs to a head. */
const tableOf = (head: number, heads: number, perBatch: number, perHead: number): number =>
  Math.floor(head / heads) * perBatch + (head % heads) * perHead;
/** Which list of an order, or of labels: there is one for each round. */
export const orderOf = (head: number, { heads, orderBatch, orderHead, rounds }: SetNumbers): number =>
  tableOf(head, heads, orderBatch, orderHead) * rounds;
export const labelsOf = (head: number, { heads, labelBatch, labelHead, rounds }: SetNumbers): number =>
  tableOf(head, heads, labelBatch, labelHead) * rounds;

/**
 * Loads queries: the places from `first` to `end` of a tile's class. `weighed`, if given, is −∞ for those [batch, heads,
 * queryLength] that are to be left out.
 */
export function loadQueries(
  side: Side,
  { head, queryRemainder }: Tile,
  dilation: number,
  first: number,
  end: number,
  { queryTokens }: SetArrays,
  numbers: SetNumbers,
  weighed?: NumericArray,
): void {
  const row = head * numbers.queryLength;
  const isLeftOut = (token: number) => token < 0 || weighed?.[row + token] === Number.NEGATIVE_INFINITY;
  if (queryTokens === undefined) {
    const token = queryRemainder + dilation * first;
    side.take(token, dilation, end - first, token);
    // A query is looked up in `begins` by its own number, whatever the dilation.
    let all = true;
    for (let i = 0; i < end - first; i++) {
      side.places[i] = token + dilation * i;
      if (isLeftOut(token + dilation * i)) all = false;
    }
    if (all) return;
  }
  const order = (orderOf(head, numbers) + numbers.round) * numbers.queryPlaceCount;
  side.clear();
  for (let place = first; place < end; place++) {
    const at = queryRemainder + dilation * place;
    const token = queryTokens === undefined ? at : queryTokens[order + at];
    if (!isLeftOut(token)) side.push(token, at);
  }
}

/** Leaves of queries that lie in steps those from number `from` to `end`. */
export function narrow(side: Side, of: Side, from: number, end: number): void {
  side.take(of.tokens[from], of.step, end - from, 0);
  for (let i = from; i < end; i++) side.places[i - from] = of.places[i];
}

/** Walks over the keys that a tile of queries may meet, at most TILE at a time; what a mask hides is never read. */
export class KeyWalk {
  #place = 0;
  #stop = 0;
  #list = 0;
  #lastQuery = 0;
  #lowestLabel = 0;
  #highestLabel = 0;

  /** For the queries of a tile that were loaded. */
  start(tile: Tile, queries: Side, { queryLabels, lists }: SetArrays, numbers: SetNumbers): void {
    this.#place = lists === undefined ? tile.begin : 0;
    this.#stop = lists === undefined ? tile.stop : 0;
    this.#list = 0;
    this.#lastQuery = Number.POSITIVE_INFINITY;
    if (numbers.causal) {
      this.#lastQuery = Number.NEGATIVE_INFINITY;
      for (let i = 0; i < queries.count; i++) {
        this.#lastQuery = Math.max(this.#lastQuery, numbers.queryStart + queries.tokens[i]);
      }
    }
    if (queryLabels === undefined) return;
    const labels = (labelsOf(tile.head, numbers) + numbers.round) * numbers.queryLength;
    this.#lowestLabel = Number.POSITIVE_INFINITY;
    this.#highestLabel = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < queries.count; i++) {
      const label = queryLabels[labels + queries.tokens[i]];
      if (label < 0) continue;
      this.#lowestLabel = Math.min(this.#lowestLabel, label);
      this.#highestLabel = Math.max(this.#highestLabel, label);
    }
  }

  /** For a run of places on its own. */
  span(begin: number, stop: number): void {
    this.#place = begin;
    this.#stop = stop;
  }

  /** Loads the next keys; false: there are none. */
  next(side: Side, tile: Tile, dilation: number, arrays: SetArrays, numbers: SetNumbers): boolean {
    const { lists, keyTokens, keyLabels, mask } = arrays;
    const { head, remainder } = tile;
    const batch = Math.floor(head / numbers.heads);
    const order = (orderOf(head, numbers) + numbers.round) * numbers.keyPlaceCount;
    const labels = (labelsOf(head, numbers) + numbers.round) * numbers.keyLength;
    const masks = batch * numbers.maskBatch;
    side.clear();
    for (;;) {
      if (this.#place >= this.#stop && (lists === undefined || !this.#nextBlock(tile, lists, numbers))) break;
      if (side.count === 0 && keyTokens === undefined && keyLabels === undefined) {
        // Neighbours that are all there are read where they lie.
        const count = Math.min(TILE, this.#stop - this.#place);
        const first = remainder + dilation * this.#place;
        const whole = lists === undefined || count === TILE;
        if (
          whole &&
          first + dilation * (count - 1) <= this.#lastQuery &&
          allReal(mask, masks, first, dilation, count)
        ) {
          side.take(first, dilation, count, this.#place);
          this.#place += count;
          return true;
        }
      }
      for (; this.#place < this.#stop && side.count < TILE; this.#place++) {
        const at = remainder + dilation * this.#place;
        const token = keyTokens === undefined ? at : keyTokens[order + at];
        if (token < 0 || token > this.#lastQuery || mask?.[masks + token] === 0) continue;
        if (keyLabels !== undefined) {
          const label = keyLabels[labels + token];
          if (label < this.#lowestLabel || label > this.#highestLabel) continue;
        }
        side.push(token, this.#place);
      }
      if (side.count === TILE) break;
    }
    return side.count > 0;
  }

  #nextBlock({ head, layout }: Tile, lists: NumericArray, numbers: SetNumbers): boolean {
    const { heads, listBatch, listHead, listWidth, queryBlocks, keyBlock, keyPlaceCount } = numbers;
    const row = (tableOf(head, heads, listBatch, listHead) * queryBlocks + layout) * listWidth;
    while (this.#list < listWidth) {
      const chosen = lists[row + this.#list++];
      if (chosen < 0) continue;
      this.#place = chosen * keyBlock;
      this.#stop = Math.min(keyPlaceCount, this.#place + keyBlock);
      return true;
    }
    return false;
  }
}

function allReal(mask: NumericArray | undefined, start: number, first: number, step: number, count: number): boolean {
  if (mask === undefined) return true;
  for (let i = 0; i < count; i++) if (mask[start + first + step * i] === 0) return false;
  return true;
}
