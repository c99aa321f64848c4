/** What the laws expect, in plain loops that share no code with the solutions. */

export type Matrix = number[][];

/** Weights of one row of scores, of which −∞ are left out; zeros where nothing is left. */
export function weightsOf(scores: readonly number[]): number[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > largest) largest = score;
  if (largest === Number.NEGATIVE_INFINITY) return scores.map(() => 0);
  const weights: number[] = [];
  let sum = 0;
  for (const score of scores) {
    const weight = Math.exp(score - largest);
    weights.push(weight);
    sum += weight;
  }
  for (let i = 0; i < weights.length; i++) weights[i] /= sum;
  return weights;
}

/** q·k / √d */
export function scoreOf(q: readonly number[], k: readonly number[]): number {
  let sum = 0;
  for (let c = 0; c < q.length; c++) sum += q[c] * k[c];
  return sum / Math.sqrt(q.length);
}

/** Σ_j weights_j rows_j, of `width` numbers. */
export function mixed(weights: readonly number[], rows: readonly (readonly number[])[], width: number): number[] {
  const output = new Array<number>(width).fill(0);
  for (let j = 0; j < rows.length; j++) {
    for (let c = 0; c < width; c++) output[c] += weights[j] * rows[j][c];
  }
  return output;
}

/** Softmax attention in which query i meets the keys j that `meets(i, j)` lets through. */
export function attention(
  Q: Matrix,
  K: Matrix,
  V: Matrix,
  meets: (query: number, key: number) => boolean = () => true,
): Matrix {
  return Q.map((q, i) => {
    const scores = K.map((k, j) => (meets(i, j) ? scoreOf(q, k) : Number.NEGATIVE_INFINITY));
    return mixed(weightsOf(scores), V, V[0].length);
  });
}

/** Attention with weights that `weight(i, j)` gives, not normalised: the direct sum behind every recurrence. */
export function directSum(V: Matrix, weight: (query: number, key: number) => number): Matrix {
  return V.map((_, i) => {
    const weights = V.map((_, j) => (j <= i ? weight(i, j) : 0));
    return mixed(weights, V, V[0].length);
  });
}

/** Σ a_c b_c */
export function product(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c] * b[c];
  return sum;
}
