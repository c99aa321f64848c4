/** Which blocks of keys a query should meet, by its softmax over coarse keys that each stand for a span of tokens. */
import { defineKernel } from './kernel.ts';

/**
 * queries [batch, heads, length, width] packed; keys [batch, heads, coarse, width], `capacity` rows from head to head; mask [batch, coarse], 1 =
 * counts; lists int32 [batch, heads, length, count]. Coarse key c stands for the `span` tokens from c · stride on; query i is
 * token start + i, and sees the coarse keys whose span has ended by then. A block's score is the sum of the softmax over
 * coarse keys, each times the share of `stride` that its span and the block have in common, over the heads of a group. In
 * float64, in an order of its own for every query, so that a step decides as a whole run does. Items: queries of groups.
 */
export const topBlocksKernel = defineKernel(
  'top-blocks',
  {
    arrays: ['queries', 'keys', 'lists'],
    optional: ['mask'],
    numbers: ['heads', 'group', 'length', 'width', 'coarse', 'capacity', 'count', 'start', 'span', 'stride', 'block'],
  },
  (begin, end, { queries, keys, lists, mask }, numbers) => {
    const { heads, group, length, width, coarse, capacity, count, start, span, stride, block } = numbers;
    const weights = new Float64Array(coarse);
    const scores = new Float64Array(Math.ceil((start + length) / block));
    const chosen = new Int32Array(count);
    const groups = heads / group;
    for (let item = begin; item < end; item++) {
      const query = item % length;
      const b = Math.floor(item / length / groups);
      const first = (Math.floor(item / length) % groups) * group;
      const place = start + query;
      const own = Math.floor(place / block);
      if (own >= count) {
        const seen = coarseSeen(place + 1, span, stride);
        scores.fill(0, 0, own + 1);
        for (let head = first; head < first + group; head++) {
          const row = ((b * heads + head) * length + query) * width;
          const total = weigh(row, (b * heads + head) * capacity * width, b * coarse, seen);
          if (total > 0) addShares(seen, total);
        }
      }
      choose(own);
      for (let head = first; head < first + group; head++) {
        lists.set(chosen, ((b * heads + head) * length + query) * count);
      }
    }

    /** exp of the scores relative to the largest, for the coarse keys that are seen. Returns their sum. */
    function weigh(row: number, from: number, maskRow: number, seen: number): number {
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

    function addShares(seen: number, total: number): void {
      for (let c = 0; c < seen; c++) {
        const [from, to] = [c * stride, c * stride + span];
        for (let n = Math.floor(from / block); n * block < to && n < scores.length; n++) {
          const common = Math.min(to, (n + 1) * block) - Math.max(from, n * block);
          scores[n] += ((weights[c] / total) * common) / stride;
        }
      }
    }

    /** The first block, the last two, and the best of the others; of equal ones the earlier. −1 where there are too few. */
    function choose(own: number): void {
      chosen.fill(-1);
      if (own < count) {
        for (let n = 0; n <= own; n++) chosen[n] = n;
        return;
      }
      // Blocks that share the largest terms of their sums are equal but for rounding: compared in float32, they are equal.
      for (let n = 1; n < own - 1; n++) scores[n] = Math.fround(scores[n]);
      const free = count - 3;
      let taken = 0;
      for (let n = 1; n < own - 1; n++) {
        if (taken === free && (free === 0 || scores[n] <= scores[chosen[free - 1]])) continue;
        let at = taken < free ? taken++ : free - 1;
        for (; at > 0 && scores[chosen[at - 1]] < scores[n]; at--) chosen[at] = chosen[at - 1];
        chosen[at] = n;
      }
      chosen[free] = 0;
      chosen[free + 1] = own - 1;
      chosen[free + 2] = own;
      chosen.sort();
    }
  },
);

/** How many coarse keys have ended within the first `tokens` tokens. */
export function coarseSeen(tokens: number, span: number, stride: number): number {
  return tokens < span ? 0 : Math.floor((tokens - span) / stride) + 1;
}
