/**
 * Attention of one head.
 *
 * Each token has three vectors: a query (what it looks for), a key (what it offers to be found by) and a value (what it gives).
 * The output of token i is a mixture of all values. The weights are a softmax over how well its query matches each key:
 *
 *     s_ij = q_i·k_j / √d        w_i = softmax(s_i)        o_i = Σ_j w_ij v_j
 *
 * Q, K and V are matrices with a row for each token; d is how many numbers a query has. The division by √d keeps the scores of
 * long vectors from growing, so that softmax does not become a choice of one key.
 *
 * Task: return the matrix of outputs. Values may be longer or shorter than keys, and there may be more keys than queries.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", eq. 1.
 */
import { multiply, softmax, transpose } from '../../given.ts';

export function attention(Q: number[][], K: number[][], V: number[][]): number[][] {
  const d = Q[0].length;
  const scores = multiply(Q, transpose(K)); // [queries, keys]
  const weights = scores.map((row) => softmax(row.map((score) => score / Math.sqrt(d))));
  return multiply(weights, V);
}
