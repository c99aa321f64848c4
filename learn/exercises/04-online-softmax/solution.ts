/**
 * Online softmax.
 *
 * Softmax needs the largest score before it can begin, so it seems to need all scores at once. It does not: keep three running
 * things, and correct them when a larger score comes. For each next score s with its value v:
 *
 *     m' = max(m, s)
 *     l' = l · exp(m − m') + exp(s − m')              the sum of exponentials, measured from m'
 *     a' = a · exp(m − m') + exp(s − m') · v          the sum of weighted values, measured from m'
 *
 * They begin as m = −∞, l = 0, a = 0. After the last key, a / l is the output of attention for this query. No list of weights
 * is ever made: this is how FlashAttention needs O(L) memory.
 *
 * Task: write `step`, which takes a state and the next score and value, and `finish`, which returns a / l.
 *
 * Source: Milakov and Gimelshein 2018, algorithm 3; Dao et al. 2022, "FlashAttention", section 3.1.
 */

/** Given. */
interface State {
  max: number;
  sum: number;
  mixture: number[];
}

export function step({ max, sum, mixture }: State, score: number, value: number[]): State {
  const next = Math.max(max, score);
  // exp(−∞ − next) is 0 at the first step: what was before it counts for nothing.
  const shrink = Math.exp(max - next);
  const weight = Math.exp(score - next);
  return { max: next, sum: sum * shrink + weight, mixture: mixture.map((a, c) => a * shrink + weight * value[c]) };
}

export function finish({ sum, mixture }: State): number[] {
  return mixture.map((a) => a / sum);
}
