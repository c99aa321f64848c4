/** Hashing by random directions (Andoni et al. 2015): h(x) = argmax([xR; −xR]). For lesson 7. */

/** The bucket of `x`: which of the directions, or of their opposites, it is nearest to. */
export function bucketOf(x: ArrayLike<number>, directions: readonly ArrayLike<number>[]): number {
  let [best, most] = [0, -Infinity];
  directions.forEach((direction, n) => {
    let along = 0;
    for (let c = 0; c < x.length; c++) along += x[c] * direction[c];
    // The opposites are numbered after the directions.
    if (along > most) [best, most] = [n, along];
    if (-along > most) [best, most] = [n + directions.length, -along];
  });
  return best;
}
