/**
 * A tile of queries with all of its keys in one call, where these lie at even steps and nothing but the borders of runs hides a
 * pair: the walks of kernels/attention-forward.ts and kernels/attention-backward.ts, with the same bits.
 */
import { attendTile, passBackTile } from './attention-tile';
import { at } from './vector';

/** As in kernels/attention-side.ts and kernels/attention-meet.ts. */
const TILE: i32 = 64;
const WORTH_HALVING: i32 = TILE / 4;

/** Queries meet the `count` keys from place `first` on, a tile at a time, and forget what they met before. */
export function attendRun(
  scores: usize,
  panels: usize,
  q: usize,
  qRow: i32,
  k: usize,
  kRow: i32,
  v: usize,
  vRow: i32,
  products: i32,
  rows: i32,
  count: i32,
  width: i32,
  valueWidth: i32,
  scale: f32,
  places: usize,
  begins: usize,
  ends: usize,
  first: i32,
  largest: usize,
  sums: usize,
  weighted: usize,
): void {
  memory.fill(weighted, 0, (<usize>(rows * valueWidth)) << 2);
  for (let i = 0; i < rows; i++) {
    store<f64>(largest + ((<usize>i) << 3), -Infinity);
    store<f64>(sums + ((<usize>i) << 3), 0);
  }
  for (let done = 0; done < count; done += TILE) {
    const keys = at(k, done * kRow);
    const values = at(v, done * vRow);
    const next = min(TILE, count - done);
    attendTile(
      scores,
      TILE,
      panels,
      q,
      qRow,
      keys,
      kRow,
      values,
      vRow,
      products,
      rows,
      next,
      width,
      valueWidth,
      scale,
      places,
      begins,
      ends,
      first + done,
      largest,
      sums,
      weighted,
    );
  }
}

/** What `findReach` has found: a run of places, an empty one where `reachBegin` is not below `reachEnd`. */
let reachBegin: i32 = 0;
let reachEnd: i32 = 0;

/** The run of places, within `lowest` to `highest`, that any of the queries `from` to `to` meets. */
function findReach(places: usize, from: i32, to: i32, begins: usize, ends: usize, lowest: i32, highest: i32): void {
  reachBegin = highest;
  reachEnd = lowest;
  for (let i = from; i < to; i++) {
    const place = load<i32>(at(places, i));
    const begin = max(lowest, load<i32>(at(begins, place)));
    const end = min(highest, load<i32>(at(ends, place)));
    if (begin >= end) continue;
    reachBegin = min(reachBegin, begin);
    reachEnd = max(reachEnd, end);
  }
}

/**
 * The gradients of queries with the keys at the places `first` to `stop`, whose rows begin at `k`, `v`, `ofKeys` and `ofValues`.
 * A gradient at 0 is not wanted. `begins` 0: no pair is hidden.
 */
export function passBackRun(
  scores: usize,
  slopes: usize,
  panels: usize,
  q: usize,
  qRow: i32,
  g: usize,
  gRow: i32,
  k: usize,
  kRow: i32,
  v: usize,
  vRow: i32,
  rows: i32,
  width: i32,
  valueWidth: i32,
  scale: f32,
  places: usize,
  begins: usize,
  ends: usize,
  first: i32,
  stop: i32,
  shifts: usize,
  shares: usize,
  delta: usize,
  step: i32,
  ofQueries: usize,
  ofKeys: usize,
  ofValues: usize,
): void {
  let place = first;
  if (begins != 0) {
    findReach(places, 0, rows, begins, ends, first, stop);
    place = reachBegin;
    stop = reachEnd;
  }
  for (; place < stop; place += TILE) {
    const end = min(place + TILE, stop);
    let from = 0;
    let to = rows;
    if (begins != 0) {
      while (from < to && !meets(places, from, begins, ends, place, end)) from++;
      while (to > from && !meets(places, to - 1, begins, ends, place, end)) to--;
      if (from == to) continue;
    }
    // Where a border crosses the tile, each half of its queries meets the keys that it can meet.
    let parts = 1;
    if (begins != 0 && min(to - from, end - place) >= 2 * WORTH_HALVING) {
      const middle = from + ((to - from) >> 1);
      findReach(places, from, middle, begins, ends, place, end);
      const upper = reachEnd - reachBegin;
      findReach(places, middle, to, begins, ends, place, end);
      if (min(upper, reachEnd - reachBegin) <= end - place - WORTH_HALVING) parts = 2;
    }
    const size = parts == 1 ? to - from : (to - from) >> 1;
    for (let part = 0; part < parts; part++) {
      const own = from + part * size;
      const last = part == parts - 1 ? to : own + size;
      reachBegin = place;
      reachEnd = end;
      if (parts == 2) findReach(places, own, last, begins, ends, place, end);
      if (reachBegin >= reachEnd) continue;
      const offset = reachBegin - first;
      passBackTile(
        scores,
        slopes,
        TILE,
        panels,
        at(q, own * qRow),
        qRow,
        at(g, own * gRow),
        gRow,
        at(k, offset * kRow),
        kRow,
        at(v, offset * vRow),
        vRow,
        last - own,
        reachEnd - reachBegin,
        width,
        valueWidth,
        scale,
        at(places, own),
        begins,
        ends,
        reachBegin,
        at(shifts, own * step),
        at(shares, own * step),
        at(delta, own * step),
        step,
        ofQueries == 0 ? 0 : at(ofQueries, own * qRow),
        ofKeys == 0 ? 0 : at(ofKeys, offset * kRow),
        ofValues == 0 ? 0 : at(ofValues, offset * vRow),
      );
    }
  }
}

/** Whether query i meets one of the places `place` to `end`, as `thoseThatMeet` of kernels/attention-meet.ts has it. */
// @ts-ignore: decorator
@inline
function meets(places: usize, i: i32, begins: usize, ends: usize, place: i32, end: i32): bool {
  const query = load<i32>(at(places, i));
  return load<i32>(at(begins, query)) < end && load<i32>(at(ends, query)) > place;
}
