/** The keys of the largest products with rows that are known in float64: by estimates, and exactly where these leave doubt. */
import { defineKernel } from './kernel.ts';
import { nthLargest } from './nth-largest.ts';

/**
 * estimates [lists, keyLength], products of rows [lists, width] (float64) and keys [groups, keyLength, width], where
 * `perGroup` lists meet the same keys; mask [batch, keyLength], 1 = may be chosen, for `perEntry` lists of a batch entry;
 * norms [groups] the largest norm of a key; lists int32 [lists, count], ascending and then −1. An estimate is at most `error`
 * times the two norms from its product. Of equal products the first counts. Items: lists.
 */
export const nearestKeysKernel = defineKernel(
  'nearest-keys',
  {
    arrays: ['estimates', 'rows', 'keys', 'norms', 'lists'],
    optional: ['mask'],
    numbers: ['keyLength', 'width', 'count', 'perGroup', 'perEntry', 'error'],
  },
  (begin, end, { estimates, rows, keys, norms, lists, mask }, numbers) => {
    const { keyLength, width, count, perGroup, perEntry, error } = numbers;
    const places = new Int32Array(keyLength);
    const products = new Float64Array(keyLength);
    const ranked = new Float64Array(keyLength);
    for (let list = begin; list < end; list++) {
      const flags = Math.floor(list / perEntry) * keyLength;
      let candidates = 0;
      for (let key = 0; key < keyLength; key++) {
        if (mask !== undefined && mask[flags + key] === 0) continue;
        places[candidates] = key;
        products[candidates++] = estimates[list * keyLength + key];
      }
      if (candidates > count) {
        ranked.set(products.subarray(0, candidates));
        const group = Math.floor(list / perGroup);
        let squares = 0;
        for (let c = 0; c < width; c++) squares += rows[list * width + c] ** 2;
        const least = nthLargest(ranked, candidates, count) - 2 * error * Math.sqrt(squares) * norms[group];
        let kept = 0;
        for (let n = 0; n < candidates; n++) {
          // So that a doubt of NaN keeps a key.
          if (products[n] < least) continue;
          const key = places[n];
          const first = (group * keyLength + key) * width;
          let product = 0;
          for (let c = 0; c < width; c++) product += rows[list * width + c] * keys[first + c];
          places[kept] = key;
          products[kept++] = product;
        }
        candidates = kept;
      }
      let least = Number.NEGATIVE_INFINITY;
      let equals = candidates;
      if (candidates > count) {
        ranked.set(products.subarray(0, candidates));
        least = nthLargest(ranked, candidates, count);
        equals = count;
        for (let n = 0; n < candidates; n++) if (products[n] > least) equals--;
      }
      let to = list * count;
      for (let n = 0; n < candidates && to < (list + 1) * count; n++) {
        if (products[n] > least || (!(products[n] < least) && equals-- > 0)) lists[to++] = places[n];
      }
      lists.fill(-1, to, (list + 1) * count);
    }
  },
);
