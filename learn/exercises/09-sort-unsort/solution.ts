/**
 * Sort and unsort.
 *
 * Tokens of one bucket lie scattered over the text. Reformer brings them together: it sorts the tokens by their bucket, and
 * within a bucket by their place in the text, so that tokens of one bucket are neighbours and a window reaches them. After the
 * attention every output has to go back to the place of its token:
 *
 *     order = the numbers of the tokens, sorted by (bucket, place)
 *     sorted row n = row order[n]
 *     unsorted row order[n] = sorted row n
 *
 * A sort that keeps the order of equals is called *stable*. Here it matters: a causal model asks who comes first.
 *
 * Task: write `orderOf`, which returns `order`, and `unsort`, which puts sorted rows back. unsort(sorted rows, order) = rows.
 *
 * Source: Kitaev, Kaiser and Levskaya 2020, "Reformer", section 2 (LSH attention, figure 2).
 */

export function orderOf(buckets: number[]): number[] {
  const tokens = buckets.map((_, token) => token);
  // JavaScript's sort is stable: tokens of one bucket stay in the order of the text.
  return tokens.sort((a, b) => buckets[a] - buckets[b]);
}

export function unsort(sorted: number[][], order: number[]): number[][] {
  const rows: number[][] = new Array(sorted.length);
  for (let n = 0; n < order.length; n++) rows[order[n]] = sorted[n];
  return rows;
}
