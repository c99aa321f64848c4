/** Which pairs of chunked tokens meet: applyRules of kernels/chunks.ts, four keys at a time. */
import { log4 } from './elementary';

// @ts-ignore: decorator
@inline
function place(list: usize, index: i32): usize {
  return list + ((<usize>index) << 2);
}

/** Lanes of all ones where the query meets these four keys in a round. */
// @ts-ignore: decorator
@inline
function meets(
  queryGroup: i32,
  queryChunk: i32,
  keyGroups: v128,
  keyChunks: v128,
  after: i32,
  across: bool,
  groups: i32,
): v128 {
  if (queryGroup == groups) return i32x4.splat(0);
  const distance = i32x4.sub(keyChunks, i32x4.splat(queryChunk));
  const near = v128.and(i32x4.ge_s(distance, i32x4.splat(-1)), i32x4.le_s(distance, i32x4.splat(after)));
  const together = across ? i32x4.ne(keyGroups, i32x4.splat(groups)) : i32x4.eq(keyGroups, i32x4.splat(queryGroup));
  return v128.and(near, together);
}

/**
 * The rules on a block of scores, rows and the entries of all lists `stride` apart, a multiple of 4: what lies between
 * `columns` and the next multiple of 4 is changed too.
 */
export function applyRules(
  scores: usize,
  stride: i32,
  rows: i32,
  columns: i32,
  queryTokens: usize,
  keyTokens: usize,
  queryGroups: usize,
  keyGroups: usize,
  queryChunks: usize,
  keyChunks: usize,
  rounds: i32,
  round: i32,
  after: i32,
  groups: i32,
  causal: bool,
  across: bool,
  selfBias: f32,
  once: bool,
): void {
  const hidden = f32x4.splat(-Infinity);
  const own = round * stride;
  for (let i = 0; i < rows; i++) {
    const query = i32x4.splat(load<i32>(place(queryTokens, i)));
    const group = load<i32>(place(queryGroups, own + i));
    const chunk = load<i32>(place(queryChunks, own + i));
    for (let j = 0; j < columns; j += 4) {
      const at = place(scores, i * stride + j);
      const keys = v128.load(place(keyTokens, j));
      const groupsOfKeys = v128.load(place(keyGroups, own + j));
      const chunksOfKeys = v128.load(place(keyChunks, own + j));
      let visible = meets(group, chunk, groupsOfKeys, chunksOfKeys, after, across, groups);
      if (causal) visible = v128.and(visible, i32x4.le_s(keys, query));
      if (!v128.any_true(visible)) {
        v128.store(at, hidden);
        continue;
      }
      const isSelf = i32x4.eq(keys, query);
      let change = v128.and(f32x4.splat(selfBias), isSelf);
      if (once) {
        let meetings = i32x4.splat(0);
        for (let r = 0; r < rounds; r++) {
          const from = r * stride;
          const met = meets(
            load<i32>(place(queryGroups, from + i)),
            load<i32>(place(queryChunks, from + i)),
            v128.load(place(keyGroups, from + j)),
            v128.load(place(keyChunks, from + j)),
            after,
            across,
            groups,
          );
          // All ones is −1.
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
