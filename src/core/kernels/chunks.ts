/**
 * Who meets whom among tokens that were sorted by group, in one or more rounds, and cut into chunks of neighbours: in a
 * round, a query meets the keys of its group that lie in its chunk, in the one before, or (unless causal) in the one
 * after. Tokens of the last group meet nobody. Kernels walk over sorted places, tile by tile.
 */
import type { NumericArray } from '../memory.ts';
import { scratchInt32 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

/** Tiles of OWN tokens are what threads take; each walks over the other side OTHER tokens at a time. */
export const OWN = 32;
export const OTHER = 64;

/** What all kernels of chunked attention are told, in this order. */
export type ChunkedNumbers = readonly [
  length: number,
  headDim: number,
  valueDim: number,
  scale: number,
  rounds: number,
  /** The round whose chunks are walked over. */
  round: number,
  chunkLength: number,
  /** Tokens of group `groups` meet nobody; real groups are 0 … groups − 1. */
  groups: number,
  /** 1: key j is visible to query i only if j ≤ i, in the order before sorting. */
  causal: number,
  /** 1: tokens of a chunk and its neighbours meet whatever their groups. */
  across: number,
  /** Added to the score of a token with itself. */
  selfBias: number,
  /** 1: a pair that meets in N rounds counts for 1/N in each. */
  once: number,
];

/** Tables of a sort, [batch × heads, rounds, length]: token at each place, place of each token, group of each token. */
export type SortTables = readonly [order: NumericArray, place: NumericArray, group: NumericArray];

/** Tokens at consecutive places of a round, with their group and chunk in every round. */
export class Side {
  count = 0;
  #tokens: Int32Array | null = null;
  /** [rounds, OTHER] */
  #groups: Int32Array | null = null;
  #chunks: Int32Array | null = null;

  get tokens(): Int32Array {
    this.#tokens ??= scratchInt32(OTHER);
    return this.#tokens;
  }

  get groups(): Int32Array {
    return this.#groups as Int32Array;
  }

  get chunks(): Int32Array {
    return this.#chunks as Int32Array;
  }

  load(head: number, first: number, count: number, tables: SortTables, numbers: ChunkedNumbers): void {
    const [order, place, group] = tables;
    const [length, , , , rounds, round, chunkLength, , , , , once] = numbers;
    if (this.#groups === null || this.#groups.length < rounds * OTHER) {
      this.#groups = scratchInt32(rounds * OTHER);
      this.#chunks = scratchInt32(rounds * OTHER);
    }
    const { tokens, groups, chunks } = this;
    this.count = count;
    const start = (head * rounds + round) * length + first;
    for (let i = 0; i < count; i++) tokens[i] = order[start + i];
    for (let r = 0; r < rounds; r++) {
      // The other rounds only matter to who wants to know in how many a pair meets.
      if (r !== round && once === 0) continue;
      const list = (head * rounds + r) * length;
      for (let i = 0; i < count; i++) {
        groups[r * OTHER + i] = group[list + tokens[i]];
        chunks[r * OTHER + i] = Math.floor(place[list + tokens[i]] / chunkLength);
      }
    }
  }

  /** The rows of these tokens in [length, width] number `head` of `data`, one after another. */
  gather(rows: NumericArray, data: NumericArray, head: number, length: number, width: number): void {
    const { tokens, count } = this;
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(rows) && isOnHeap(data) && tokens.buffer instanceof SharedArrayBuffer) {
      const from = data.byteOffset + 4 * head * length * width;
      fast.gatherRows(from, tokens.byteOffset, rows.byteOffset, 0, count, length, width, count, 0);
      return;
    }
    for (let i = 0; i < count; i++) {
      const from = (head * length + tokens[i]) * width;
      for (let c = 0; c < width; c++) rows[i * width + c] = data[from + c];
    }
  }

  /** Adds rows to those of these tokens in [length, width] number `head` of `data`. */
  scatterAdd(data: NumericArray, rows: NumericArray, head: number, length: number, width: number): void {
    const { tokens, count } = this;
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(rows) && isOnHeap(data) && tokens.buffer instanceof SharedArrayBuffer) {
      const to = data.byteOffset + 4 * head * length * width;
      fast.addRows(to, tokens.byteOffset, rows.byteOffset, count, width);
      return;
    }
    for (let i = 0; i < count; i++) {
      const to = (head * length + tokens[i]) * width;
      for (let c = 0; c < width; c++) data[to + c] += rows[i * width + c];
    }
  }
}

/** Places of the keys that `count` queries from place `first` on may meet: up to a chunk before them, or after them. */
export function reachOf(
  head: number,
  first: number,
  count: number,
  [order, , group]: SortTables,
  numbers: ChunkedNumbers,
): { begin: number; end: number } {
  const [length, , , , rounds, round, chunkLength, , causal, across] = numbers;
  const last = first + count - 1;
  let begin = Math.max(0, (Math.floor(first / chunkLength) - 1) * chunkLength);
  let end = Math.min(length, (Math.floor(last / chunkLength) + (causal ? 1 : 2)) * chunkLength);
  if (across) return { begin, end };
  // Within a group, places ascend with positions.
  if (causal) end = last + 1;
  const list = (head * rounds + round) * length;
  const groupAt = (at: number) => group[list + order[list + at]];
  const [lowest, highest] = [groupAt(first), groupAt(last)];
  while (begin < end && groupAt(begin) < lowest) begin++;
  while (begin < end && groupAt(end - 1) > highest) end--;
  return { begin, end };
}

/** Applies the rules to a block of scores, `queries.count` rows, OTHER apart, of `keys.count` columns. */
export function applyRules(scores: NumericArray, queries: Side, keys: Side, numbers: ChunkedNumbers): void {
  const [, , , , rounds, round, , groups, causal, across, selfBias, once] = numbers;
  const after = causal ? 0 : 1;
  const fast = vectorKernels();
  const lists = [queries.tokens, keys.tokens, queries.groups, keys.groups, queries.chunks, keys.chunks];
  if (fast !== null && isOnHeap(scores) && lists.every(({ buffer }) => buffer instanceof SharedArrayBuffer)) {
    const [queryTokens, keyTokens, queryGroups, keyGroups, queryChunks, keyChunks] = lists.map(
      ({ byteOffset }) => byteOffset,
    );
    fast.applyRules(
      scores.byteOffset,
      OTHER,
      queries.count,
      keys.count,
      queryTokens,
      keyTokens,
      queryGroups,
      keyGroups,
      queryChunks,
      keyChunks,
      rounds,
      round,
      after,
      groups,
      causal,
      across,
      selfBias,
      once,
    );
    return;
  }
  for (let i = 0; i < queries.count; i++) {
    const query = queries.tokens[i];
    for (let j = 0; j < keys.count; j++) {
      const key = keys.tokens[j];
      const at = i * OTHER + j;
      if ((causal && key > query) || !meet(queries, keys, round, i, j, after, across, groups)) {
        scores[at] = Number.NEGATIVE_INFINITY;
      } else if (key === query) scores[at] += selfBias;
      else if (once) {
        let meetings = 0;
        for (let r = 0; r < rounds; r++) if (meet(queries, keys, r, i, j, after, across, groups)) meetings++;
        if (meetings > 1) scores[at] -= Math.log(meetings);
      }
    }
  }
}

function meet(
  queries: Side,
  keys: Side,
  round: number,
  i: number,
  j: number,
  after: number,
  across: number,
  groups: number,
): boolean {
  const distance = keys.chunks[round * OTHER + j] - queries.chunks[round * OTHER + i];
  if (distance < -1 || distance > after) return false;
  const [ofQuery, ofKey] = [queries.groups[round * OTHER + i], keys.groups[round * OTHER + j]];
  return across ? ofQuery !== groups && ofKey !== groups : ofQuery === ofKey && ofQuery !== groups;
}
