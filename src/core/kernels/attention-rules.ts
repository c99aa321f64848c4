/**
 * Which pairs of a tile must not meet, apart from the keys that the walk skipped, and the weights of pairs that meet in
 * several rounds.
 */
import type { NumericArray } from '../memory.ts';
import { SharedBuffer } from '../shared-buffer.ts';
import { labelsOf, orderOf, type SetArrays, type SetNumbers, type Tile } from './attention-sets.ts';
import { type Side, TILE } from './attention-side.ts';
import { scratchInt32 } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';

/** Sets the scores of pairs that must not meet to −∞, and makes a pair of N rounds weigh 1/N, in a tile, rows TILE apart. */
export function hidePairs(
  scores: NumericArray,
  queries: Side,
  keys: Side,
  tile: Tile,
  arrays: SetArrays,
  numbers: SetNumbers,
): void {
  const { begins, ends } = arrays;
  if (needTables(queries, keys, arrays, numbers)) {
    tables.load(queries, keys, tile, arrays, numbers);
    tables.apply(scores, queries.count, keys, numbers);
    return;
  }
  if (begins === undefined || ends === undefined) return;
  hideOutside(scores, queries, keys, begins, ends, tile.layout * numbers.queryPlaceCount);
}

function needTables(queries: Side, keys: Side, { queryLabels }: SetArrays, numbers: SetNumbers): boolean {
  if (numbers.selfBias !== 0 || numbers.once || queryLabels !== undefined) return true;
  return numbers.causal !== 0 && isAhead(queries, keys, numbers.queryStart);
}

/** Whether `hidePairs` has nothing to do but to hide what lies outside of runs, in a row of neighbouring keys. */
export function onlyRunsHide(queries: Side, keys: Side, arrays: SetArrays, numbers: SetNumbers): boolean {
  if (needTables(queries, keys, arrays, numbers)) return false;
  return arrays.begins === undefined || arrays.ends === undefined || !keys.isListed;
}

/** Hides the keys outside of each query's run; the runs of this layout begin at `row`. */
function hideOutside(
  scores: NumericArray,
  queries: Side,
  keys: Side,
  begins: NumericArray,
  ends: NumericArray,
  row: number,
): void {
  const { count, places } = keys;
  const [first, last] = [places[0], places[count - 1]];
  const fast = vectorKernels();
  if (fast !== null && !keys.isListed && isOnHeap(scores) && [queries.places, begins, ends].every(isInHeap)) {
    const [from, to] = [begins.byteOffset + 4 * row, ends.byteOffset + 4 * row];
    fast.hideRuns(scores.byteOffset, TILE, queries.count, count, queries.places.byteOffset, from, to, first);
    return;
  }
  for (let i = 0; i < queries.count; i++) {
    const [begin, end] = [begins[row + queries.places[i]], ends[row + queries.places[i]]];
    if (begin <= first && end > last) continue;
    for (let j = 0; j < count && places[j] < begin; j++) scores[i * TILE + j] = Number.NEGATIVE_INFINITY;
    for (let j = count - 1; j >= 0 && places[j] >= end; j--) scores[i * TILE + j] = Number.NEGATIVE_INFINITY;
  }
}

/** Whether a key may lie after a query. */
function isAhead(queries: Side, keys: Side, queryStart: number): boolean {
  const [own, others] = [queries.tokens, keys.tokens];
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (let i = 0; i < queries.count; i++) first = Math.min(first, own[i]);
  for (let j = 0; j < keys.count; j++) last = Math.max(last, others[j]);
  return last > queryStart + first;
}

/** The places, runs and labels of a tile's queries and keys, gathered once for all pairs, TILE entries a round. */
class PairTables {
  #rounds = 0;
  #side: Side | null = null;
  #version = -1;
  queryPlaces: Int32Array = new Int32Array(0);
  labels: Int32Array = new Int32Array(0);
  begins: Int32Array = new Int32Array(0);
  ends: Int32Array = new Int32Array(0);
  keyLabels: Int32Array = new Int32Array(0);
  keyPlaces: Int32Array = new Int32Array(0);

  load(queries: Side, keys: Side, tile: Tile, arrays: SetArrays, numbers: SetNumbers): void {
    this.#reserve(numbers.rounds);
    // The other rounds matter only for counting the rounds in which a pair meets.
    const [from, end] = numbers.once ? [0, numbers.rounds] : [numbers.round, numbers.round + 1];
    const isKnown = this.#side === queries && this.#version === queries.version;
    this.#side = queries;
    this.#version = queries.version;
    for (let r = from; r < end; r++) {
      if (!isKnown) this.#loadQueries(r, queries, tile, arrays, numbers);
      this.#loadKeys(r, keys, tile, arrays, numbers);
    }
  }

  #loadQueries(round: number, queries: Side, { head, layout }: Tile, arrays: SetArrays, numbers: SetNumbers): void {
    const { queryStart, queryPlaceCount, queryLength } = numbers;
    const { count, tokens, places } = queries;
    const { queryLabels, begins, ends } = arrays;
    const order = round === numbers.round ? null : (arrays.queryPlaces as NumericArray);
    const inOrder = (orderOf(head, numbers) + round) * queryLength;
    const inLabels = (labelsOf(head, numbers) + round) * queryLength;
    const row = layout * queryPlaceCount;
    const first = round * TILE;
    // Each list by itself, in a local name: this runs for every tile and every round.
    const { queryPlaces, labels, begins: from, ends: to } = this;
    for (let i = 0; i < count; i++) queryPlaces[i] = queryStart + tokens[i];
    if (queryLabels === undefined) labels.fill(0, first, first + count);
    else for (let i = 0; i < count; i++) labels[first + i] = queryLabels[inLabels + tokens[i]];
    for (let i = 0; i < count; i++) {
      const place = order === null ? places[i] : order[inOrder + tokens[i]];
      from[first + i] = begins === undefined || place < 0 ? 0 : begins[row + place];
      to[first + i] = place < 0 ? 0 : ends === undefined ? MOST : ends[row + place];
    }
  }

  #loadKeys(round: number, keys: Side, { head }: Tile, arrays: SetArrays, numbers: SetNumbers): void {
    const { count, tokens, places } = keys;
    const { keyLabels } = arrays;
    const order = round === numbers.round ? null : (arrays.keyPlaces as NumericArray);
    const inOrder = (orderOf(head, numbers) + round) * numbers.keyLength;
    const inLabels = (labelsOf(head, numbers) + round) * numbers.keyLength;
    const first = round * TILE;
    const { keyLabels: labels, keyPlaces } = this;
    if (keyLabels === undefined) labels.fill(0, first, first + count);
    else for (let j = 0; j < count; j++) labels[first + j] = keyLabels[inLabels + tokens[j]];
    if (order === null) for (let j = 0; j < count; j++) keyPlaces[first + j] = places[j];
    else for (let j = 0; j < count; j++) keyPlaces[first + j] = order[inOrder + tokens[j]];
  }

  apply(scores: NumericArray, rows: number, keys: Side, numbers: SetNumbers): void {
    const { round, rounds, causal, selfBias } = numbers;
    const once = numbers.once && rounds > 1 ? 1 : 0;
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(scores) && this.keyPlaces.buffer instanceof SharedBuffer) {
      const { queryPlaces, labels, begins, ends, keyLabels, keyPlaces } = this;
      const lists = [queryPlaces, keys.tokens, labels, begins, ends, keyLabels, keyPlaces] as const;
      const [q, k, l, b, e, kl, kp] = lists.map(({ byteOffset }) => byteOffset);
      fast.hidePairs(
        scores.byteOffset,
        TILE,
        rows,
        keys.count,
        q,
        k,
        l,
        b,
        e,
        kl,
        kp,
        rounds,
        round,
        causal,
        selfBias,
        once,
      );
      return;
    }
    for (let i = 0; i < rows; i++) {
      const p = this.queryPlaces[i];
      for (let j = 0; j < keys.count; j++) {
        const at = i * TILE + j;
        const key = keys.tokens[j];
        if ((causal && key > p) || !this.#meet(round, i, j)) scores[at] = Number.NEGATIVE_INFINITY;
        else if (key === p) scores[at] += selfBias;
        else if (once) {
          let meetings = 0;
          for (let r = 0; r < rounds; r++) if (this.#meet(r, i, j)) meetings++;
          if (meetings > 1) scores[at] -= Math.log(meetings);
        }
      }
    }
  }

  #meet(round: number, i: number, j: number): boolean {
    const [query, key] = [round * TILE + i, round * TILE + j];
    const place = this.keyPlaces[key];
    const label = this.labels[query];
    return label >= 0 && label === this.keyLabels[key] && place >= this.begins[query] && place < this.ends[query];
  }

  #reserve(rounds: number): void {
    if (this.#rounds >= rounds) return;
    this.#rounds = rounds;
    this.#side = null;
    this.queryPlaces = scratchInt32(TILE);
    this.labels = scratchInt32(rounds * TILE);
    this.begins = scratchInt32(rounds * TILE);
    this.ends = scratchInt32(rounds * TILE);
    this.keyLabels = scratchInt32(rounds * TILE);
    this.keyPlaces = scratchInt32(rounds * TILE);
  }
}

/** Beyond every place: the end of a run where there are no runs. */
const MOST = 2 ** 31 - 1;

const tables = new PairTables();
