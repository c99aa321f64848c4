/**
 * The work of attention, divided into items. In the forward pass, tiles of queries are independent. In the backward pass a
 * pair adds to the gradients of a query and of a key, so blocks of queries meet blocks of keys in rounds, as in a tournament:
 * a block is in at most one meeting of a round. The meetings of a round run on any threads in any order and never write to
 * the same row; every gradient sums its parts in the order of the rounds, so bits do not depend on threads.
 */
import { TILE_FIELDS } from '../kernels/attention-sets.ts';
import { TILE } from '../kernels/attention-side.ts';
import { elements, type Tensor } from '../tensor.ts';
import { FirstFit } from './attention-apart.ts';
import { pairsOfRuns } from './attention-pairs.ts';
import { BLOCK_THAT_MEETS, type Items, turnedBackward, turnedForward } from './attention-turned.ts';
import type { CheckedSet } from './check-key-sets.ts';
import { type KeyRuns, tokensOfClass } from './layout.ts';

/** Each tile is an item where there are no starts. */
export type ForwardItems = Pick<Items, 'tiles'> & Partial<Items>;

/**
 * Queries that meet few keys get smaller tiles: in a band, the pairs of a tile beyond each query's own run are computed and
 * thrown away. Queries that meet many keys get larger tiles, which read the keys less often.
 */
const TILE_OF_SHORT_RUNS = 32;
const SHORT_RUN = 1024;
/** With this many places for each query or more, most tiles hold no query. */
const FEW = 64;

/** Runs of tiles of the queries of every head, the costliest first, so that all threads finish at about the same time. */
export function forwardItems(set: CheckedSet, batch: number, heads: number): ForwardItems {
  if (set.turned !== undefined) {
    const all = Array.from({ length: batch * heads }, (_, head) => head);
    return turnedForward(set, all, (head) => tableOf(set, head, heads));
  }
  return { tiles: forwardTiles(set, batch, heads) };
}

/** Every tile as an item. */
const singly = (tiles: Int32Array): Items => ({
  tiles,
  starts: Int32Array.from({ length: tiles.length / TILE_FIELDS + 1 }, (_, at) => at),
});

/** Tiles of the queries of every head, each on its own. */
export function forwardTiles(set: CheckedSet, batch: number, heads: number): Int32Array {
  const perHead: number[][] = [];
  if (set.layout !== null) {
    perHead.push(...set.layout.heads.map((runs, layout) => tilesOfRuns(runs, layout, set.queryPlaces)));
  } else {
    const tiles: number[] = [];
    const { queryBlock } = set.blocks as NonNullable<CheckedSet['blocks']>;
    for (let block = 0, first = 0; first < set.queryPlaces; block++, first += queryBlock) {
      const end = Math.min(set.queryPlaces, first + queryBlock);
      for (let at = first; at < end; at += TILE) tiles.push(block, 0, 0, at, Math.min(end, at + TILE), 0, 0);
    }
    perHead.push(tiles);
  }
  const sorted = perHead.map(costliestFirst);
  const table: number[] = [];
  for (let head = 0; head < batch * heads; head++) {
    const own = sorted[sorted.length === 1 ? 0 : head % heads];
    for (let at = 0; at < own.length; at += TILE_FIELDS - 1) {
      table.push(head);
      for (let field = 0; field < TILE_FIELDS - 1; field++) table.push(own[at + field]);
    }
  }
  return new Int32Array(table);
}

function tilesOfRuns(runs: KeyRuns, layout: number, places: number): number[] {
  const tiles: number[] = [];
  const size = pairsOfRuns(runs) > SHORT_RUN * places || meetTheSame(runs) ? TILE : TILE_OF_SHORT_RUNS;
  for (const [ofKeys, ofQueries] of classesOf(runs, places)) {
    const queries = tokensOfClass(places, ofQueries, runs.dilation);
    for (let first = 0; first < queries; first += size) {
      const end = Math.min(queries, first + size);
      tiles.push(layout, ofKeys, ofQueries, first, end, ...reachOf(runs, ofQueries, first, end));
    }
  }
  return tiles;
}

/** Whether all queries have the same run: then a tile has no pairs to throw away. */
function meetTheSame({ begin, end }: KeyRuns): boolean {
  for (let i = 1; i < begin.length; i++) if (begin[i] !== begin[0] || end[i] !== end[0]) return false;
  return true;
}

/** The run of places that queries from place `first` up to `last` of a class can meet; an empty one if none can. */
function reachOf({ dilation, begin, end }: KeyRuns, remainder: number, first: number, last: number): [number, number] {
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  for (let place = first; place < last; place++) {
    const token = remainder + dilation * place;
    if (begin[token] >= end[token]) continue;
    lowest = Math.min(lowest, begin[token]);
    highest = Math.max(highest, end[token]);
  }
  return highest === 0 ? [0, 0] : [lowest, highest];
}

/** The classes of queries that meet each other's keys: for each, the remainders of its places of keys and of queries. */
function classesOf({ dilation, start = 0 }: KeyRuns, places: number): [ofKeys: number, ofQueries: number][] {
  return Array.from({ length: Math.min(dilation, places) }, (_, query) => [(start + query) % dilation, query]);
}

/** For a round in which few places hold a query, as in a step of generation: a tile for each query. Null for other rounds. */
export function tilesOfFew(
  { layout, queryTokens, queryPlaces, rounds }: CheckedSet,
  round: number,
  { batch, heads, queryLength }: { batch: number; heads: number; queryLength: number },
): ForwardItems | null {
  if (layout === null || queryTokens === undefined || FEW * queryLength > queryPlaces) return null;
  if (layout.heads.some(({ dilation }) => dilation !== 1)) return null;
  const [ofBatch, ofHeads] = queryTokens.shape;
  const tokens = elements(queryTokens);
  const table: number[] = [];
  for (let head = 0; head < batch * heads; head++) {
    const list = (ofBatch === 1 ? 0 : Math.floor(head / heads)) * ofHeads + (ofHeads === 1 ? 0 : head % heads);
    const index = layout.heads.length === 1 ? 0 : head % heads;
    const { begin, end } = layout.heads[index];
    const row = (list * rounds + round) * queryPlaces;
    for (let place = 0; place < queryPlaces; place++) {
      if (tokens[row + place] >= 0) table.push(head, index, 0, 0, place, place + 1, begin[place], end[place]);
    }
  }
  return { tiles: Int32Array.from(table) };
}

/** Small tiles at the end balance the threads. The result of a tile does not depend on its thread. */
function costliestFirst(tiles: readonly number[]): readonly number[] {
  const fields = TILE_FIELDS - 1;
  if (tiles.length === fields) return tiles;
  const costs = Float64Array.from({ length: tiles.length / fields }, (_, tile) => {
    const row = tile * fields;
    return (tiles[row + 4] - tiles[row + 3]) * Math.max(0, tiles[row + 6] - tiles[row + 5]);
  });
  if (costs.every((cost, tile) => tile === 0 || cost <= costs[tile - 1])) return tiles;
  // Equal costs keep their order: neighbouring tiles share keys in the cache.
  const order = Array.from(costs.keys()).sort((a, b) => costs[b] - costs[a] || a - b);
  const sorted: number[] = [];
  for (const tile of order) for (let n = 0; n < fields; n++) sorted.push(tiles[tile * fields + n]);
  return sorted;
}

/**
 * The rounds of the backward pass for some heads (counted over batch entries and heads), no two of which write to the same
 * rows. `whole`: each head is one item, because its tiles write to common rows.
 */
export function backwardRounds(set: CheckedSet, chosen: readonly number[], heads: number, whole: boolean): Items[] {
  if (set.turned !== undefined) return turnedBackward(set, chosen, whole, (head) => tableOf(set, head, heads));
  const byRound: number[][] = [];
  const known = new Map<number, number[][]>();
  for (const head of chosen) {
    const table = tableOf(set, head, heads);
    const own = known.get(table) ?? (set.layout === null ? meetingsOfLists(set, table) : meetingsOfRuns(set, table));
    known.set(table, own);
    own.forEach((tiles, round) => {
      byRound[round] ??= [];
      for (let at = 0; at < tiles.length; at += TILE_FIELDS - 1) {
        byRound[round].push(head);
        for (let field = 0; field < TILE_FIELDS - 1; field++) byRound[round].push(tiles[at + field]);
      }
    });
  }
  const rounds = byRound.filter((tiles) => tiles !== undefined && tiles.length > 0);
  if (!whole && (set.blocks === null || haveMeetings(set.blocks))) {
    return rounds.map((tiles) => singly(Int32Array.from(tiles)));
  }
  // One item for each head, with its tiles in the order of the rounds.
  const rows = rounds.flatMap((tiles) =>
    Array.from({ length: tiles.length / TILE_FIELDS }, (_, at) =>
      tiles.slice(at * TILE_FIELDS, (at + 1) * TILE_FIELDS),
    ),
  );
  const starts = [0];
  const ordered = chosen.flatMap((head) => {
    const own = rows.filter((row) => row[0] === head);
    starts.push(starts[starts.length - 1] + own.length);
    return own;
  });
  return ordered.length === 0 ? [] : [{ tiles: Int32Array.from(ordered.flat()), starts: Int32Array.from(starts) }];
}

/** Places of a block: few enough that a short sequence has work for several threads, and at most 256. */
function blockOf(length: number): number {
  return 64 * Math.min(8, Math.max(1, Math.ceil(length / 512)));
}

/** The index of the runs, or of the table of lists, of a head. */
function tableOf({ layout, blocks, queryTokens }: CheckedSet, head: number, heads: number): number {
  if (layout !== null) return layout.heads.length === 1 ? 0 : head % heads;
  const [b, h] = (blocks?.lists ?? (queryTokens as Tensor)).shape;
  return (b === 1 ? 0 : Math.floor(head / heads)) * h + (h === 1 ? 0 : head % heads);
}

/** By round, rows without the head. */
function meetingsOfRuns({ layout, queryPlaces, keyPlaces }: CheckedSet, index: number): number[][] {
  const runs = (layout as NonNullable<CheckedSet['layout']>).heads[index];
  const block = blockOf(Math.max(queryPlaces, keyPlaces));
  const rounds: number[][] = [];
  for (const [ofKeys, ofQueries] of classesOf(runs, queryPlaces)) {
    const queries = tokensOfClass(queryPlaces, ofQueries, runs.dilation);
    const keys = tokensOfClass(keyPlaces, ofKeys, runs.dilation);
    const blocks = Math.ceil(Math.max(queries, keys) / block);
    for (let query = 0; query * block < queries; query++) {
      const end = Math.min(queries, (query + 1) * block);
      const [lowest, highest] = reachOf(runs, ofQueries, query * block, end);
      for (let key = Math.floor(lowest / block); key * block < highest; key++) {
        const round = (query - key + blocks) % blocks;
        rounds[round] ??= [];
        const last = Math.min(keys, (key + 1) * block);
        rounds[round].push(index, ofKeys, ofQueries, query * block, end, key * block, last);
      }
    }
  }
  return rounds;
}

/** Whether the blocks of a set are large enough, on both sides, for meetings of their own. */
export const haveMeetings = (blocks: CheckedSet['blocks']): boolean =>
  blocks !== null && Math.min(blocks.keyBlock, blocks.queryBlock) >= BLOCK_THAT_MEETS;

/** By round, rows without the head: of a list's blocks that are large enough, else a tile for each block of queries. */
function meetingsOfLists({ blocks, queryPlaces, keyPlaces }: CheckedSet, table: number): number[][] {
  const { queryBlock, keyBlock, lists } = blocks as NonNullable<CheckedSet['blocks']>;
  const [, , queryBlocks, width] = lists.shape;
  const placesOf = (block: number) => [block * queryBlock, Math.min(queryPlaces, (block + 1) * queryBlock)];
  if (!haveMeetings(blocks)) {
    return [Array.from({ length: queryBlocks }, (_, block) => [block, 0, 0, ...placesOf(block), 0, 0]).flat()];
  }
  const chosen = elements(lists);
  const fit = new FirstFit();
  const rounds: number[][] = [];
  for (let query = 0; query < queryBlocks; query++) {
    for (let n = 0; n < width; n++) {
      const key = chosen[(table * queryBlocks + query) * width + n];
      if (key < 0) continue;
      const round = fit.take(`queries ${query}`, `keys ${key}`);
      rounds[round] ??= [];
      rounds[round].push(query, 0, 0, ...placesOf(query), key * keyBlock, Math.min(keyPlaces, (key + 1) * keyBlock));
    }
  }
  return rounds;
}
