/** Which keys a query should meet, by the scores of a small indexer that are never stored for more than a few queries. */
import { defineKernel } from './kernel.ts';
import { nthLargest } from './nth-largest.ts';
import {
  KeyEstimates,
  queriesOfItem,
  scoreOf,
  TOP_KEYS,
  type TopKeysArrays,
  type TopKeysNumbers,
} from './top-keys-estimate.ts';

/**
 * queries [batch, heads, length, width] and weights [batch, heads, length] packed; keys [batch, heads, keyLength, width],
 * `capacity` rows from head to head; mask [batch, keyLength], 1 = may be chosen; lists int32 [batch, 1, length, count]. Query
 * i is token start + i, and chooses among the keys up to its own. A key's score is Σ_heads weight · relu(q·k), in float64:
 * where estimates leave no doubt, the same choice without it. Items: `queriesOfItem` neighbouring queries of a batch entry.
 */
export const topKeysKernel = defineKernel('top-keys', TOP_KEYS, (begin, end, arrays, numbers) => {
  const { length, keyLength, start, count } = numbers;
  const size = queriesOfItem(keyLength);
  const items = Math.ceil(length / size);
  const estimates = new KeyEstimates(arrays, numbers);
  const scores = new Float64Array(start + length);
  const ranked = new Float64Array(start + length);
  for (let item = begin; item < end; item++) {
    const b = Math.floor(item / items);
    const from = (item % items) * size;
    const to = Math.min(length, from + size);
    const known = estimates.load(b, from, to);
    for (let query = from; query < to; query++) {
      if (known && estimates.choose(b, query)) continue;
      // Where there are no more keys than may be chosen, all are.
      const needsScores = start + query + 1 > count;
      for (let key = 0; key <= start + query; key++) {
        scores[key] = needsScores ? scoreOf(b, query, key, arrays, numbers) : 0;
      }
      chooseKeys(b, query, scores, ranked, arrays, numbers);
    }
  }
});

function chooseKeys(
  b: number,
  query: number,
  scores: Float64Array,
  ranked: Float64Array,
  { lists, mask }: TopKeysArrays,
  { length, keyLength, count, start }: TopKeysNumbers,
): void {
  const seen = start + query + 1;
  let candidates = 0;
  for (let key = 0; key < seen; key++) {
    // Written so that NaN is not chosen: nothing can be compared with it.
    const isReal = mask === undefined || mask[b * keyLength + key] === 1;
    if (isReal && scores[key] > Number.NEGATIVE_INFINITY) ranked[candidates++] = scores[key];
    else scores[key] = Number.NEGATIVE_INFINITY;
  }
  const least = candidates <= count ? Number.NEGATIVE_INFINITY : nthLargest(ranked, candidates, count);
  let [taken, equal] = [0, 0];
  for (let key = 0; key < seen; key++) {
    if (scores[key] > least) taken++;
    else if (scores[key] === least) equal++;
  }
  // Of those that score alike, the nearest.
  let skipped = candidates <= count ? equal : equal - (count - taken);
  const list = (b * length + query) * count;
  let at = list;
  for (let key = 0; key < seen; key++) {
    if (scores[key] < least || (scores[key] === least && skipped-- > 0)) continue;
    lists[at++] = key;
  }
  lists.fill(-1, at, list + count);
}
