/**
 * The work of streaming attention, cut into tiles. A layout says which keys a query may meet: for each query one run of
 * keys, taken in steps of a dilation. Tables of tiles follow from it, O(length) numbers that kernels read.
 */
import type { NumericArray } from '../memory.ts';
import { type Block, block } from './tile.ts';

/** The runs of one head: query i meets the keys (p mod δ) + δ·n with begin[i] ≤ n < end[i], δ the dilation, p = start + i. */
export interface KeyRuns {
  readonly dilation: number;
  /** Place of query 0 among the keys; 0 by default. */
  readonly start?: number;
  /** [queryLength] */
  readonly begin: Int32Array;
  /** [queryLength] */
  readonly end: Int32Array;
}

export interface AttentionLayout {
  readonly queryLength: number;
  readonly keyLength: number;
  /** One entry for every head, or one that all heads share. */
  readonly heads: readonly KeyRuns[];
}

/** How many positions below `length` have this remainder. */
export function tokensOfClass(length: number, remainder: number, dilation: number): number {
  return Math.max(0, Math.ceil((length - remainder) / dilation));
}

/** Tiles of at most OWN queries are what threads take; each walks over its keys OTHER at a time. */
export const OWN = 64;
/**
 * Where a query meets few keys, smaller tiles: in a band, what a tile reaches beyond each query's own run is computed and
 * thrown away. Where it meets many, larger ones, which read the keys less often.
 */
const OWN_IN_SHORT_RUNS = 32;
const SHORT_RUN = 1024;
export const OTHER = 64;
/** Numbers of one tile in the tables below. */
export const TILE_FIELDS = 5;

/** A layout as the kernels read it. */
export interface LayoutTables {
  /** A row for each tile: head, first query, number of queries, first and end of the run of keys that it can meet. */
  queryTiles: Int32Array;
  /** [heads of the layout, queryLength] */
  begin: Int32Array;
  end: Int32Array;
  /** [heads of the layout] */
  dilations: Int32Array;
  /** Pairs of all heads of the layout. */
  pairs: number;
}

/**
 * Cuts queries into tiles of one remainder each, and notes which run of keys a tile can meet: counted in steps of the
 * dilation, within the same remainder.
 */
export function tabulate({ queryLength, heads }: AttentionLayout): LayoutTables {
  const queryTiles: number[] = [];
  const begin = new Int32Array(heads.length * queryLength);
  const end = new Int32Array(heads.length * queryLength);
  let pairs = 0;
  heads.forEach((head, index) => {
    begin.set(head.begin, index * queryLength);
    end.set(head.end, index * queryLength);
    let pairsOfHead = 0;
    for (let i = 0; i < queryLength; i++) pairsOfHead += Math.max(0, head.end[i] - head.begin[i]);
    pairs += pairsOfHead;
    const own = pairsOfHead > SHORT_RUN * queryLength ? OWN : OWN_IN_SHORT_RUNS;
    for (let remainder = 0; remainder < head.dilation; remainder++) {
      tabulateClass(head, remainder, queryLength, own, index, queryTiles);
    }
  });
  return {
    queryTiles: costliestFirst(queryTiles),
    begin,
    end,
    dilations: Int32Array.from(heads, ({ dilation }) => dilation),
    pairs,
  };
}

/**
 * Threads take tiles in the order of the table. Small ones at the end even out what each has done; in causal attention
 * they would be at the beginning, and all threads but one would wait for the last and longest. Who does a tile changes
 * nothing in it.
 */
function costliestFirst(tiles: readonly number[]): Int32Array {
  const pairs = new Float64Array(tiles.length / TILE_FIELDS);
  let sorted = true;
  for (let tile = 0; tile < pairs.length; tile++) {
    const row = tile * TILE_FIELDS;
    pairs[tile] = tiles[row + 2] * Math.max(0, tiles[row + 4] - tiles[row + 3]);
    if (tile > 0 && pairs[tile] > pairs[tile - 1]) sorted = false;
  }
  if (sorted) return Int32Array.from(tiles);
  // Equal ones keep their order, on every engine: neighbours share keys in the cache.
  const order = Int32Array.from(pairs, (_, tile) => tile).sort((a, b) => pairs[b] - pairs[a] || a - b);
  const table = new Int32Array(tiles.length);
  for (let place = 0; place < order.length; place++) {
    for (let field = 0; field < TILE_FIELDS; field++) {
      table[place * TILE_FIELDS + field] = tiles[order[place] * TILE_FIELDS + field];
    }
  }
  return table;
}

function tabulateClass(
  runs: KeyRuns,
  remainder: number,
  queryLength: number,
  own: number,
  head: number,
  queryTiles: number[],
): void {
  const queries = tokensOfClass(queryLength, remainder, runs.dilation);
  for (let first = 0; first < queries; first += own) {
    const count = Math.min(own, queries - first);
    const [lowest, highest] = reachOf(runs, remainder, first, first + count);
    queryTiles.push(head, remainder + runs.dilation * first, count, lowest, highest);
  }
}

/** The run of places that queries from place `first` up to `last` can meet; an empty one if none can. */
export function reachOf(
  { dilation, begin, end }: KeyRuns,
  remainder: number,
  first: number,
  last: number,
): [number, number] {
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

/** A tile of the layout, placed in a batch entry and head. */
export interface Tile {
  batch: number;
  /** Counts batch entries and heads: where the rows of [batch, heads, …] start. */
  head: number;
  /** Row of the layout's tables. */
  layout: number;
  dilation: number;
  /** Position modulo the dilation. */
  remainder: number;
  /** Place of the first token among those of its remainder, and how many tokens. */
  first: number;
  count: number;
  /** What it can meet of the other side, in places: keys of a tile of queries, queries of a block of keys. */
  begin: number;
  end: number;
}

/** Item → tile: tiles of all layout heads, repeated for every head (or every batch entry) that they serve. */
export function tileOf(
  item: number,
  tiles: NumericArray,
  dilations: NumericArray,
  heads: number,
  layoutHeads: number,
  tileCount: number,
): Tile {
  const group = Math.floor(item / tileCount);
  const row = (item - group * tileCount) * TILE_FIELDS;
  const layout = tiles[row];
  const head = layoutHeads === 1 ? group : group * heads + layout;
  const dilation = dilations[layout];
  const token = tiles[row + 1];
  return {
    batch: Math.floor(head / heads),
    head,
    layout,
    dilation,
    remainder: token % dilation,
    first: Math.floor(token / dilation),
    count: tiles[row + 2],
    begin: tiles[row + 3],
    end: tiles[row + 4],
  };
}

/** Rows of [batch, heads, length, width]: those from `place` on, of one head and remainder. */
export function rowsOf(
  data: NumericArray,
  { head, dilation, remainder }: Tile,
  place: number,
  length: number,
  width: number,
): Block {
  return block(data, (head * length + remainder + dilation * place) * width, dilation * width);
}
