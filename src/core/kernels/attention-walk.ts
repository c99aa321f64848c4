/** Which tokens a tile of attention holds: its queries, and the keys that these may meet, at most TILE at a time. */
import type { NumericArray } from '../memory.ts';
import { labelsOf, orderOf, type SetArrays, type SetNumbers, type Tile, tableOf } from './attention-sets.ts';
import { type Side, TILE } from './attention-side.ts';

/**
 * Loads queries: the places from `first` to `end` of a tile's class. `weighed` [batch, heads, queryLength], if given, is −∞
 * for queries to leave out.
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
  if (queryTokens === undefined) {
    const token = queryRemainder + dilation * first;
    side.take(token, dilation, end - first, token);
    // A query is looked up in `begins` by its own number, whatever the dilation.
    let all = true;
    for (let i = 0; i < end - first; i++) {
      side.places[i] = token + dilation * i;
      if (weighed?.[row + token + dilation * i] === Number.NEGATIVE_INFINITY) all = false;
    }
    if (all) return;
  }
  const order = (orderOf(head, numbers) + numbers.round) * numbers.queryPlaceCount;
  side.clear();
  for (let place = first; place < end; place++) {
    const at = queryRemainder + dilation * place;
    const token = queryTokens === undefined ? at : queryTokens[order + at];
    if (token >= 0 && weighed?.[row + token] !== Number.NEGATIVE_INFINITY) side.push(token, at);
  }
}

/** Walks over the keys that a tile of queries may meet, at most TILE at a time; what a mask hides is never read. */
export class KeyWalk {
  #place = 0;
  #stop = 0;
  #list = 0;
  #lastQuery = 0;
  #lowestLabel = 0;
  #highestLabel = 0;
  /** As `#lastQuery`, of the queries with the highest label. */
  #lastOfHighest = 0;

  /** Begins a walk for the loaded queries of a tile. */
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
    this.#lastOfHighest = this.#lastQuery;
    for (let i = 0; i < queries.count; i++) {
      const label = queryLabels[labels + queries.tokens[i]];
      if (label < 0) continue;
      this.#lowestLabel = Math.min(this.#lowestLabel, label);
      if (numbers.causal && label >= this.#highestLabel) {
        const last = numbers.queryStart + queries.tokens[i];
        this.#lastOfHighest = label > this.#highestLabel ? last : Math.max(this.#lastOfHighest, last);
      }
      this.#highestLabel = Math.max(this.#highestLabel, label);
    }
  }

  /** Begins a walk over one run of places. */
  span(begin: number, stop: number): void {
    this.#place = begin;
    this.#stop = stop;
  }

  /** Loads the next keys. Returns false if there are none left. */
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
        // Neighbouring keys without a gap are read in place.
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
          if (label === this.#highestLabel && token > this.#lastOfHighest) continue;
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
