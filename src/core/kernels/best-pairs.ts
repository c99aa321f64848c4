/** The best keys of a product of two lists of half keys (Lample et al. 2019, §3.2). */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';

/**
 * For each row of `scores1` and `scores2`, of n numbers, the k pairs (i, j) with the largest sums, best first: `pairs` int32
 * [2, rows, k], all i, then all j. Of equal halves the first counts more, and of equal sums that with the better first half.
 * Items: rows.
 *
 * A pair of the a-th best and the b-th best half, counted from 0, is beaten by (a + 1)(b + 1) − 1 others, so it can only be among
 * the k best if (a + 1)(b + 1) ≤ k: about k log k sums decide.
 */
export const bestPairsKernel = defineKernel(
  'best-pairs',
  { arrays: ['scores1', 'scores2', 'pairs'], numbers: ['n', 'k', 'rows'] },
  (begin, end, { scores1, scores2, pairs }, { n, k, rows }) => {
    const [best1, best2, best] = [new Int32Array(k), new Int32Array(k), new Int32Array(k)];
    const { firsts, seconds } = candidatesOf(k);
    const sums = new Float64Array(firsts.length);
    for (let row = begin; row < end; row++) {
      bestOf(scores1, row * n, n, best1);
      bestOf(scores2, row * n, n, best2);
      for (let c = 0; c < sums.length; c++) {
        sums[c] = scores1[row * n + best1[firsts[c]]] + scores2[row * n + best2[seconds[c]]];
      }
      bestOf(sums, 0, sums.length, best);
      for (let c = 0; c < k; c++) {
        pairs[row * k + c] = best1[firsts[best[c]]];
        pairs[(rows + row) * k + c] = best2[seconds[best[c]]];
      }
    }
  },
);

/** The pairs of ranks with (a + 1)(b + 1) ≤ k. */
function candidatesOf(k: number): { firsts: number[]; seconds: number[] } {
  const [firsts, seconds]: [number[], number[]] = [[], []];
  for (let a = 0; a < k; a++) {
    for (let b = 0; (a + 1) * (b + 1) <= k; b++) {
      firsts.push(a);
      seconds.push(b);
    }
  }
  return { firsts, seconds };
}

/** The places of the largest of n numbers from `begin` on, as many as `best` holds: the largest first, of equals the first. */
function bestOf(scores: NumericArray | Float64Array, begin: number, n: number, best: Int32Array): void {
  let count = 0;
  for (let i = 0; i < n; i++) {
    const score = scores[begin + i];
    if (count === best.length && !(score > scores[begin + best[count - 1]])) continue;
    let at = count < best.length ? count++ : count - 1;
    while (at > 0 && score > scores[begin + best[at - 1]]) {
      best[at] = best[at - 1];
      at--;
    }
    best[at] = i;
  }
}
