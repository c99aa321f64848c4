/** Which blocks of keys a query should meet, by its softmax over coarse keys that each stand for a span of tokens. */
import type { NumericArray } from '../memory.ts';
import { coarseSeen, TOP_BLOCKS, type TopBlocksArrays, type TopBlocksNumbers, withFixed } from './coarse-keys.ts';
import { defineKernel } from './kernel.ts';
import { BlockEstimates, QUERIES_OF_ITEM } from './top-blocks-estimate.ts';

/**
 * queries [batch, heads, length, width] packed; keys [batch, heads, coarse, width], `capacity` rows from head to head; mask [batch, coarse], 1 =
 * counts; lists int32 [batch, heads, length, count]. Coarse key c stands for the `span` tokens from c · stride on; query i is
 * token start + i, and sees the coarse keys whose span has ended by then. A block's score is the sum of the softmax over
 * coarse keys, each times the share of `stride` that its span and the block have in common, over the heads of a group. In
 * float64, in an order of its own for every query, so that a step decides as a whole run does: where estimates from vector
 * kernels leave no doubt, the same choice without these sums. Items: QUERIES_OF_ITEM neighbouring queries of a group.
 */
export const topBlocksKernel = defineKernel('top-blocks', TOP_BLOCKS, (begin, end, arrays, numbers) => {
  const { heads, group, length, count, start, block } = numbers;
  const weights = new Float64Array(numbers.coarse);
  const scores = new Float64Array(Math.ceil((start + length) / block));
  const chosen = new Int32Array(count);
  const estimates = new BlockEstimates(arrays, numbers, scores.length);
  const [items, groups] = [Math.ceil(length / QUERIES_OF_ITEM), heads / group];
  for (let item = begin; item < end; item++) {
    const b = Math.floor(item / items / groups);
    const head = b * heads + (Math.floor(item / items) % groups) * group;
    const from = (item % items) * QUERIES_OF_ITEM;
    const to = Math.min(length, from + QUERIES_OF_ITEM);
    const known = estimates.load(b, head, from, to);
    for (let query = from; query < to; query++) {
      const own = Math.floor((start + query) / block);
      if (own < count) for (let n = 0; n < count; n++) chosen[n] = n <= own ? n : -1;
      else if (!known || !estimates.choose(query, own, chosen)) {
        scoreBlocks(query, b, head, own, weights, scores, arrays, numbers);
        chooseBest(scores, own, chosen);
      }
      for (let h = head; h < head + group; h++) arrays.lists.set(chosen, (h * length + query) * count);
    }
  }
});

/** The scores of blocks 0 to `own`, for the heads of a group from `first` on, counted over batch entries. */
function scoreBlocks(
  query: number,
  b: number,
  first: number,
  own: number,
  weights: Float64Array,
  scores: Float64Array,
  { queries, keys, mask }: TopBlocksArrays,
  { group, length, width, coarse, capacity, start, span, stride, block }: TopBlocksNumbers,
): void {
  const seen = coarseSeen(start + query + 1, span, stride);
  scores.fill(0, 0, own + 1);
  for (let head = first; head < first + group; head++) {
    const row = (head * length + query) * width;
    const total = weigh(weights, seen, queries, row, keys, head * capacity * width, width, mask, b * coarse);
    if (total <= 0) continue;
    for (let c = 0; c < seen; c++) {
      const [from, to] = [c * stride, c * stride + span];
      for (let n = Math.floor(from / block); n * block < to && n < scores.length; n++) {
        const common = Math.min(to, (n + 1) * block) - Math.max(from, n * block);
        scores[n] += ((weights[c] / total) * common) / stride;
      }
    }
  }
}

/** exp of the scores relative to the largest, for the coarse keys that are seen. Returns their sum. */
function weigh(
  weights: Float64Array,
  seen: number,
  queries: NumericArray,
  row: number,
  keys: NumericArray,
  from: number,
  width: number,
  mask: NumericArray | undefined,
  maskRow: number,
): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < seen; c++) {
    const key = from + c * width;
    let dot = 0;
    for (let d = 0; d < width; d++) dot += queries[row + d] * keys[key + d];
    weights[c] = mask === undefined || mask[maskRow + c] === 1 ? dot / Math.sqrt(width) : Number.NEGATIVE_INFINITY;
    largest = Math.max(largest, weights[c]);
  }
  if (largest === Number.NEGATIVE_INFINITY) return 0;
  let total = 0;
  for (let c = 0; c < seen; c++) {
    weights[c] = Math.exp(weights[c] - largest);
    total += weights[c];
  }
  return total;
}

/** The first block, the last two, and the best of the others; of equal ones the earlier. */
function chooseBest(scores: Float64Array, own: number, chosen: Int32Array): void {
  // Blocks that share the largest terms of their sums are equal but for rounding: compared in float32, they are equal.
  for (let n = 1; n < own - 1; n++) scores[n] = Math.fround(scores[n]);
  const free = chosen.length - 3;
  let taken = 0;
  for (let n = 1; n < own - 1; n++) {
    if (taken === free && (free === 0 || scores[n] <= scores[chosen[free - 1]])) continue;
    let at = taken < free ? taken++ : free - 1;
    for (; at > 0 && scores[chosen[at - 1]] < scores[n]; at--) chosen[at] = chosen[at - 1];
    chosen[at] = n;
  }
  withFixed(chosen, own);
}
