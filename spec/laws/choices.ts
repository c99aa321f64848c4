/**
 * Choices by rank: top-k, nearest, best. Which of two scores is larger that agree but for rounding is not a paper's to say, and
 * either is right. So a law holds a choice to the scores, and what comes out to the choice: it never asks that two computations
 * choose alike.
 */

/** What a candidate scores in float64, and how far from it a computation that only rounds may come. */
export interface Candidate {
  score: number;
  error: number;
}

const UNIT_ROUNDOFF = { float32: 2 ** -24, float64: 2 ** -53 } as const;

/**
 * γ_n = nu/(1 − nu): what n roundings may make of a number, relative to it; and of a sum of products with n roundings on the way of
 * each, in any order, relative to the sum of their sizes (Higham 2002, Accuracy and Stability of Numerical Algorithms, §3.1).
 */
export function roundings(n: number, dtype: keyof typeof UNIT_ROUNDOFF): number {
  const product = n * UNIT_ROUNDOFF[dtype];
  return product / (1 - product);
}

/**
 * Throws unless `chosen` are `count` different ones of the candidates, or all where there are fewer, and none that is left out
 * scores more than one of them by more than the errors of both.
 */
export function expectBest(
  chosen: readonly number[],
  candidates: ReadonlyMap<number, Candidate>,
  count: number,
  claim: string,
): void {
  if (new Set(chosen).size !== chosen.length) throw new Error(`${claim}: ${chosen} names one twice`);
  const wanted = Math.min(count, candidates.size);
  if (chosen.length !== wanted)
    throw new Error(`${claim}: expected ${wanted} of ${[...candidates.keys()]}, got ${chosen}`);
  let [last, most] = [-1, Number.POSITIVE_INFINITY];
  let [next, worst] = [-1, Number.NEGATIVE_INFINITY];
  for (const name of chosen)
    if (!candidates.has(name)) throw new Error(`${claim}: ${name} is none of ${[...candidates.keys()]}`);
  for (const [name, { score, error }] of candidates) {
    if (Number.isNaN(score) || Number.isNaN(error)) throw new Error(`${claim}: ${name} scores ${score} ± ${error}`);
    if (!chosen.includes(name)) {
      if (score - error > worst) [next, worst] = [name, score - error];
    } else if (score + error < most) [last, most] = [name, score + error];
  }
  if (most >= worst) return;
  const told = [last, next].map((name) => `${name} (${candidates.get(name)?.score} ± ${candidates.get(name)?.error})`);
  throw new Error(`${claim}: chose ${told[0]} and left out ${told[1]}`);
}
