/** The oracle of α-entmax: its equation with a threshold by bisection, and closed forms that sort, in plain float64. */

/** [(α − 1) z − τ]₊^{1/(α − 1)}, with τ halved upon until nothing is left of the doubt; softmax for α = 1. −∞ weighs 0. */
export function entmaxByBisection(z: readonly number[], alpha: number): number[] {
  const largest = Math.max(...z);
  if (largest === Number.NEGATIVE_INFINITY) return z.map(() => 0);
  if (alpha === 1) {
    const all = z.map((each) => Math.exp(each - largest));
    const total = all.reduce((sum, each) => sum + each, 0);
    return all.map((each) => each / total);
  }
  const at = (tau: number) => z.map((each) => Math.max(0, (alpha - 1) * (each - largest) - tau) ** (1 / (alpha - 1)));
  const sumOf = (all: readonly number[]) => all.reduce((sum, each) => sum + each, 0);
  let [low, high] = [-1, 0];
  for (let n = 0; n < 200; n++) {
    const middle = (low + high) / 2;
    if (sumOf(at(middle)) >= 1) low = middle;
    else high = middle;
  }
  const weights = at(low);
  const total = sumOf(weights);
  return weights.map((each) => each / total);
}

/** Sparsemax: the k largest keep z − τ, with τ = (Σ z − 1)/k, for the most k whose smallest is above τ (Martins & Astudillo 2016). */
export function sparsemaxBySorting(z: readonly number[]): number[] {
  const sorted = [...z].sort((a, b) => b - a);
  let [sum, tau] = [0, 0];
  for (let k = 1; k <= sorted.length; k++) {
    sum += sorted[k - 1];
    if (1 + k * sorted[k - 1] > sum) tau = (sum - 1) / k;
  }
  return z.map((each) => Math.max(0, each - tau));
}

/** 1.5-entmax: with s = z/2 of mean M and spread S of the k largest, τ = M − √((1 − S)/k) (Peters et al. 2019). */
export function entmax15BySorting(z: readonly number[]): number[] {
  const largest = Math.max(...z);
  const s = z.map((each) => (each - largest) / 2);
  const sorted = [...s].sort((a, b) => b - a);
  let tau = 0;
  for (let k = 1; k <= sorted.length; k++) {
    const first = sorted.slice(0, k);
    const mean = first.reduce((sum, each) => sum + each, 0) / k;
    const spread = first.reduce((sum, each) => sum + (each - mean) ** 2, 0);
    const own = spread > 1 ? Number.POSITIVE_INFINITY : mean - Math.sqrt((1 - spread) / k);
    if (own <= sorted[k - 1]) tau = own;
  }
  return s.map((each) => Math.max(0, each - tau) ** 2);
}
