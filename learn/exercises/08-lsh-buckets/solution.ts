/**
 * LSH buckets.
 *
 * To find the keys near a query without comparing it with all of them, give every vector a number, its *bucket*, such that near
 * vectors often have the same one. A matrix R of random numbers, d × b/2, turns the vector x into b/2 numbers. Beside them write
 * the same numbers with the other sign, and take the place of the largest of all b:
 *
 *     h(x) = argmax([xR; −xR])
 *
 * Places are counted from 0, and of equally large numbers the first counts. The columns of R and their opposites are b
 * directions. The bucket is the direction that x points to most, however long x is. Locality-sensitive hashing (LSH) is the name
 * of such functions.
 *
 * Task: return the list of the buckets of the rows of X.
 *
 * Source: Kitaev, Kaiser and Levskaya 2020, "Reformer", section 2 (locality sensitive hashing).
 */
import { multiply } from '../../given.ts';

export function bucketsOf(X: number[][], R: number[][]): number[] {
  return multiply(X, R).map((half) => {
    const all = [...half, ...half.map((number) => -number)];
    let best = 0;
    for (let n = 1; n < all.length; n++) if (all[n] > all[best]) best = n;
    return best;
  });
}
