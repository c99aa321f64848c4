/**
 * Nyström's landmarks.
 *
 * Nyströmformer lets m *landmarks* stand for L tokens: it cuts the text into m segments of equal length and takes the mean of
 * each, of the queries (Q̃) and of the keys (K̃). Three softmax matrices, none of them L × L, then make up the attention:
 *
 *     F = softmax(QK̃ᵀ/√d)        A = softmax(Q̃K̃ᵀ/√d)        B = softmax(Q̃Kᵀ/√d)
 *     output = F A⁺ (B V)
 *
 * Each softmax runs along rows. A⁺ is the pseudo-inverse of the m × m matrix A: a matrix with A A⁺ A = A, which is the inverse
 * where A has one. Matrix products alone find it, step by step, where I is the identity matrix:
 *
 *     Z_0 = Aᵀ / (‖A‖₁ ‖A‖_∞)
 *     Z_{j+1} = ¼ Z_j (13 I − A Z_j (15 I − A Z_j (7 I − A Z_j)))
 *
 * ‖A‖₁ is the largest sum of absolute values of a column, and ‖A‖_∞ that of a row.
 *
 * Task: write `landmarksOf` (the means of m segments; m divides the number of rows), `pseudoInverse` (Z after so many steps) and
 * `nystrom`, the whole, with Z after so many steps in place of A⁺.
 *
 * Source: Xiong et al. 2021, "Nyströmformer", eqs. 13, 14 and 16.
 */
import { multiply, softmax, transpose } from '../../given.ts';

export function landmarksOf(X: number[][], m: number): number[][] {
  const size = X.length / m;
  const means: number[][] = [];
  for (let s = 0; s < m; s++) {
    const columns = transpose(X.slice(s * size, (s + 1) * size));
    means.push(columns.map((column) => sumOf(column) / size));
  }
  return means;
}

export function pseudoInverse(A: number[][], steps: number): number[][] {
  const largest = (rows: number[][]) => Math.max(...rows.map((row) => sumOf(row.map(Math.abs))));
  const norms = largest(A) * largest(transpose(A));
  let Z = transpose(A).map((row) => row.map((a) => a / norms));
  for (let j = 0; j < steps; j++) {
    const AZ = multiply(A, Z);
    const within15 = multiply(AZ, identityMinus(7, AZ));
    const within13 = multiply(AZ, identityMinus(15, within15));
    Z = multiply(Z, identityMinus(13, within13)).map((row) => row.map((z) => z / 4));
  }
  return Z;
}

export function nystrom(Q: number[][], K: number[][], V: number[][], m: number, steps: number): number[][] {
  const [Qm, Km] = [landmarksOf(Q, m), landmarksOf(K, m)];
  const A = pseudoInverse(weights(Qm, Km), steps);
  // From right to left: what is between two products then has m rows, and never L².
  const summaries = multiply(weights(Qm, K), V);
  return multiply(weights(Q, Km), multiply(A, summaries));
}

/** Given: Σ a_i */
function sumOf(a: number[]): number {
  return a.reduce((sum, x) => sum + x, 0);
}

/** Given: factor · I − M */
function identityMinus(factor: number, M: number[][]): number[][] {
  return M.map((row, i) => row.map((x, j) => (i === j ? factor : 0) - x));
}

/** Given: softmax(QKᵀ/√d) along rows. */
function weights(Q: number[][], K: number[][]): number[][] {
  return multiply(Q, transpose(K)).map((row) => softmax(row.map((score) => score / Math.sqrt(Q[0].length))));
}
