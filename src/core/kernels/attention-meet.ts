/**
 * Which queries and keys of a tile of the backward pass meet: pairs beyond the borders of runs are computed and thrown away, so
 * each product has as few of them as is worth a call of its own.
 */
import { labelsOf, type SetArrays, type SetNumbers, type Tile } from './attention-sets.ts';
import { Side, TILE } from './attention-side.ts';

/** Keys that half of a tile's queries must save to be worth products of its own. */
const WORTH_HALVING = TILE / 4;

const some = new Side();
const half = new Side();
const theirs = new Side();

/** A run of places; an empty one where `begin` is not below `end`. */
interface Reach {
  begin: number;
  end: number;
}

/** The run of places, within `lowest` to `highest`, that any of the queries `from` to `to` of a side meets. */
export function reachOf(
  queries: Side,
  from: number,
  to: number,
  { layout }: Tile,
  { begins, ends }: SetArrays,
  { queryPlaceCount }: SetNumbers,
  lowest: number,
  highest: number,
): Reach {
  const reach = { begin: highest, end: lowest };
  if (begins === undefined || ends === undefined) return reach;
  for (let i = from; i < to; i++) {
    const at = layout * queryPlaceCount + queries.places[i];
    const begin = Math.max(lowest, begins[at]);
    const end = Math.min(highest, ends[at]);
    if (begin >= end) continue;
    reach.begin = Math.min(reach.begin, begin);
    reach.end = Math.max(reach.end, end);
  }
  return reach;
}

/** Of all queries of a tile, those from the first to the last that may meet one of the keys. */
export function thoseThatMeet(all: Side, keys: Side, tile: Tile, arrays: SetArrays, numbers: SetNumbers): Side {
  const { begins, ends, queryLabels, keyLabels } = arrays;
  if (begins === undefined && queryLabels === undefined) return all;
  const { queryPlaceCount, queryLength, keyLength, round } = numbers;
  const [lowest, highest] = [keys.places[0], keys.places[keys.count - 1]];
  const row = tile.layout * queryPlaceCount;
  const labels = labelsOf(tile.head, numbers) + round;
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let j = 0; keyLabels !== undefined && j < keys.count; j++) {
    const label = keyLabels[labels * keyLength + keys.tokens[j]];
    least = Math.min(least, label);
    most = Math.max(most, label);
  }
  let [first, last] = [all.count, 0];
  for (let i = 0; i < all.count; i++) {
    const place = row + all.places[i];
    if (begins !== undefined && ends !== undefined && (begins[place] > highest || ends[place] <= lowest)) continue;
    if (queryLabels !== undefined) {
      const label = queryLabels[labels * queryLength + all.tokens[i]];
      if (label < least || label > most) continue;
    }
    if (first === all.count) first = i;
    last = i + 1;
  }
  if (first === 0 && last === all.count) return all;
  some.narrow(all, first, Math.max(first, last));
  return some;
}

/** Takes pairs of queries and keys, with the arrays and numbers of its kernel. */
type Visit<Arrays, Numbers> = (queries: Side, keys: Side, arrays: Arrays, numbers: Numbers) => void;

/**
 * Visits the pairs of a tile. Where a border of the runs crosses it, as the diagonal of causal attention does, each half of its
 * queries meets the keys that it can meet; else it is visited whole.
 */
export function inHalves<Arrays extends SetArrays, Numbers extends SetNumbers>(
  queries: Side,
  keys: Side,
  tile: Tile,
  arrays: Arrays,
  numbers: Numbers,
  visit: Visit<Arrays, Numbers>,
): void {
  const { count } = queries;
  if (arrays.begins === undefined || keys.isListed || Math.min(count, keys.count) < 2 * WORTH_HALVING) {
    visit(queries, keys, arrays, numbers);
    return;
  }
  const first = keys.places[0];
  const end = first + keys.count;
  const middle = count >> 1;
  const upper = reachOf(queries, 0, middle, tile, arrays, numbers, first, end);
  const lower = reachOf(queries, middle, count, tile, arrays, numbers, first, end);
  if (Math.min(upper.end - upper.begin, lower.end - lower.begin) > keys.count - WORTH_HALVING) {
    visit(queries, keys, arrays, numbers);
    return;
  }
  for (const [{ begin, end }, from, to] of [
    [upper, 0, middle],
    [lower, middle, count],
  ] as const) {
    if (begin >= end) continue;
    half.narrow(queries, from, to);
    theirs.narrow(keys, begin - first, end - first);
    visit(half, theirs, arrays, numbers);
  }
}
