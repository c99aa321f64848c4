/** Which keys a query should meet, by the scores of a small indexer that are never stored for more than one query. */
import { defineKernel } from './kernel.ts';

/**
 * queries [batch, heads, length, width] and weights [batch, heads, length] packed; keys [batch, heads, keyLength, width],
 * `capacity` rows from head to head; mask [batch, keyLength], 1 = may be chosen; lists int32 [batch, 1, length, count]. Query
 * i is token start + i, and chooses among the keys up to its own. A key's score is Σ_heads weight · relu(q·k), in float64.
 * Items: queries of batch entries.
 */
export const topKeysKernel = defineKernel(
  'top-keys',
  {
    arrays: ['queries', 'keys', 'weights', 'lists'],
    optional: ['mask'],
    numbers: ['heads', 'length', 'keyLength', 'capacity', 'width', 'count', 'start'],
  },
  (begin, end, { queries, keys, weights, lists, mask }, numbers) => {
    const { heads, length, keyLength, capacity, width, count, start } = numbers;
    const scores = new Float64Array(start + length);
    const ranked = new Float64Array(start + length);
    for (let item = begin; item < end; item++) {
      const query = item % length;
      const b = Math.floor(item / length);
      const seen = start + query + 1;
      const real = (key: number) => mask === undefined || mask[b * keyLength + key] === 1;
      scores.fill(0, 0, seen);
      // Where there are no more keys than may be chosen, all are.
      for (let head = b * heads; seen > count && head < (b + 1) * heads; head++) {
        const row = head * length + query;
        for (let key = 0; key < seen; key++) {
          const at = (head * capacity + key) * width;
          let dot = 0;
          for (let c = 0; c < width; c++) dot += queries[row * width + c] * keys[at + c];
          if (dot > 0) scores[key] += weights[row] * dot;
        }
      }
      let candidates = 0;
      for (let key = 0; key < seen; key++) {
        // Written so that NaN is not chosen: nothing can be compared with it.
        if (real(key) && scores[key] > Number.NEGATIVE_INFINITY) ranked[candidates++] = scores[key];
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
      const list = item * count;
      let at = list;
      for (let key = 0; key < seen; key++) {
        if (scores[key] < least || (scores[key] === least && skipped-- > 0)) continue;
        lists[at++] = key;
      }
      lists.fill(-1, at, list + count);
    }
  },
);

/** The n-th largest of the first `length` numbers, 1 ≤ n ≤ length, which it puts into another order (Hoare's selection). */
function nthLargest(numbers: Float64Array, length: number, n: number): number {
  let [low, high] = [0, length - 1];
  while (low < high) {
    const pivot = numbers[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (numbers[i] > pivot) i++;
      while (numbers[j] < pivot) j--;
      if (i > j) break;
      [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
      i++;
      j--;
    }
    if (n - 1 <= j) high = j;
    else if (n - 1 >= i) low = i;
    else break;
  }
  return numbers[n - 1];
}
