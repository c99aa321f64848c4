/** The best keys of a product of two lists of half keys (Lample et al. 2019, §3.2). */

/**
 * For each row of `scores1` and `scores2`, of n numbers, the k pairs (i, j) with the largest sums, best first: all i, then all j,
 * [rows × k] each. Of equal halves the first counts more, and of equal sums that with the better first half.
 *
 * A pair of the a-th best and the b-th best half, counted from 0, is beaten by (a + 1)(b + 1) − 1 others, so it can only be among
 * the k best if (a + 1)(b + 1) ≤ k: about k log k sums decide.
 */
export function bestPairs(scores1: ArrayLike<number>, scores2: ArrayLike<number>, n: number, k: number): Int32Array {
  const rows = scores1.length / n;
  const pairs = new Int32Array(2 * rows * k);
  const [best1, best2] = [new Int32Array(k), new Int32Array(k)];
  const as: number[] = [];
  const bs: number[] = [];
  for (let a = 0; a < k; a++) {
    for (let b = 0; (a + 1) * (b + 1) <= k; b++) {
      as.push(a);
      bs.push(b);
    }
  }
  const sums = new Float64Array(as.length);
  const best = new Int32Array(k);
  for (let row = 0; row < rows; row++) {
    bestOf(scores1, row * n, n, best1);
    bestOf(scores2, row * n, n, best2);
    for (let c = 0; c < sums.length; c++) {
      sums[c] = scores1[row * n + best1[as[c]]] + scores2[row * n + best2[bs[c]]];
    }
    bestOf(sums, 0, sums.length, best);
    for (let c = 0; c < k; c++) {
      pairs[row * k + c] = best1[as[best[c]]];
      pairs[(rows + row) * k + c] = best2[bs[best[c]]];
    }
  }
  return pairs;
}

/** The places of the largest of n numbers from `begin` on, as many as `best` holds: the largest first, of equals the first. */
function bestOf(scores: ArrayLike<number>, begin: number, n: number, best: Int32Array): void {
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
