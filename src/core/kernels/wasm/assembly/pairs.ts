/** Which pairs of a tile meet: PairTables.apply of kernels/attention-rules.ts, four keys at a time. */
import { log4 } from './elementary';

// @ts-ignore: decorator
@inline
function place(list: usize, index: i32): usize {
  return list + ((<usize>index) << 2);
}

/** Lanes of all ones where the query meets these four keys in a round: same label, and within the query's run. */
// @ts-ignore: decorator
@inline
function meets(label: i32, begin: usize, end: usize, labels: v128, places: usize): v128 {
  if (label < 0) return i32x4.splat(0);
  const same = i32x4.eq(labels, i32x4.splat(label));
  // Most keys have another label in the other rounds.
  if (!v128.any_true(same)) return same;
  const at = v128.load(places);
  const within = v128.and(i32x4.ge_s(at, v128.load_splat<i32>(begin)), i32x4.lt_s(at, v128.load_splat<i32>(end)));
  return v128.and(within, same);
}

/**
 * Hides the keys outside of each query's run, in a tile whose keys are neighbours from place `first` on: the loop of hidePairs in
 * kernels/attention-rules.ts. Rows are `stride` apart; `begins` and `ends` are looked up at the places of the queries.
 */
export function hideRuns(
  scores: usize,
  stride: i32,
  rows: i32,
  columns: i32,
  queryPlaces: usize,
  begins: usize,
  ends: usize,
  first: i32,
): void {
  for (let i = 0; i < rows; i++) {
    const query = load<i32>(place(queryPlaces, i));
    const before = min(columns, max(0, load<i32>(place(begins, query)) - first));
    const after = max(before, load<i32>(place(ends, query)) - first);
    const row = place(scores, i * stride);
    hide(row, before);
    if (after < columns) hide(place(row, after), columns - after);
  }
}

/** Sets `count` scores to −∞. */
// @ts-ignore: decorator
@inline
function hide(from: usize, count: i32): void {
  let j = 0;
  for (; j + 4 <= count; j += 4) v128.store(place(from, j), f32x4.splat(-Infinity));
  for (; j < count; j++) store<f32>(place(from, j), -Infinity);
}

/**
 * The rules on a tile of scores, rows and the lists of all tables `stride` apart, a multiple of 4: scores between `columns`
 * and the next multiple of 4 are changed too.
 */
export function hidePairs(
  scores: usize,
  stride: i32,
  rows: i32,
  columns: i32,
  queryPlaces: usize,
  keyTokens: usize,
  labels: usize,
  begins: usize,
  ends: usize,
  keyLabels: usize,
  keyPlaces: usize,
  rounds: i32,
  round: i32,
  causal: bool,
  selfBias: f32,
  once: bool,
): void {
  const hidden = f32x4.splat(-Infinity);
  const own = round * stride;
  for (let i = 0; i < rows; i++) {
    const query = i32x4.splat(load<i32>(place(queryPlaces, i)));
    const label = load<i32>(place(labels, own + i));
    const begin = place(begins, own + i);
    const end = place(ends, own + i);
    for (let j = 0; j < columns; j += 4) {
      const at = place(scores, i * stride + j);
      const keys = v128.load(place(keyTokens, j));
      const here = meets(label, begin, end, v128.load(place(keyLabels, own + j)), place(keyPlaces, own + j));
      const visible = causal ? v128.and(here, i32x4.le_s(keys, query)) : here;
      if (!v128.any_true(visible)) {
        v128.store(at, hidden);
        continue;
      }
      const isSelf = i32x4.eq(keys, query);
      let change = v128.and(f32x4.splat(selfBias), isSelf);
      if (once) {
        // All ones is −1.
        let meetings = i32x4.neg(here);
        for (let r = 0; r < rounds; r++) {
          if (r == round) continue;
          const from = r * stride;
          const met = meets(
            load<i32>(place(labels, from + i)),
            place(begins, from + i),
            place(ends, from + i),
            v128.load(place(keyLabels, from + j)),
            place(keyPlaces, from + j),
          );
          meetings = i32x4.sub(meetings, met);
        }
        const shared = v128.andnot(i32x4.gt_s(meetings, i32x4.splat(1)), isSelf);
        if (v128.any_true(shared)) {
          const logarithms = log4(f32x4.convert_i32x4_s(meetings));
          change = f32x4.sub(change, v128.and(logarithms, shared));
        }
      }
      v128.store(at, v128.bitselect(f32x4.add(v128.load(at), change), hidden, visible));
    }
  }
}
