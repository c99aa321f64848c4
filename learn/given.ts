/** What the exercises may use: the linear algebra that the learner knows already. A matrix is a list of its rows. */

/** Σ a_i b_i */
export function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** A matrix of zeros. */
export function zeros(rows: number, columns: number): number[][] {
  return Array.from({ length: rows }, () => new Array<number>(columns).fill(0));
}

/** AB. Throws if A has not as many columns as B has rows. */
export function multiply(A: readonly number[][], B: readonly number[][]): number[][] {
  if (A.length > 0 && A[0].length !== B.length) {
    const shape = (M: readonly number[][]) => `${M.length} × ${M[0]?.length ?? 0}`;
    throw new Error(`multiply(A, B): A is ${shape(A)} and B is ${shape(B)}, and A needs as many columns as B has rows`);
  }
  const columns = transpose(B);
  return A.map((row) => columns.map((column) => dot(row, column)));
}

/** Aᵀ */
export function transpose(A: readonly number[][]): number[][] {
  return A.length === 0 ? [] : A[0].map((_, column) => A.map((row) => row[column]));
}

/** exp(x_i) / Σ exp(x_j), of scores of any size: the first exercise. Throws for a matrix. */
export function softmax(scores: readonly number[]): number[] {
  if (Array.isArray(scores[0])) {
    throw new Error(
      'softmax(scores): scores is a matrix, and softmax takes one row: matrix.map((row) => softmax(row))',
    );
  }
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
