/**
 * Linformer's projection.
 *
 * Full attention mixes L values with L weights. Linformer first mixes the L keys into k new ones, and the L values likewise,
 * where k stays the same however long the text is. Two matrices E and F of k rows and L columns do it, and the rest is attention
 * over k keys:
 *
 *     head = softmax(Q (E K)ᵀ / √d) (F V)
 *
 * So there are L·k scores and not L². Row n of E says how much of each token goes into the new key n. In a model E and F are
 * learned. What is lost: a new key holds tokens from before and after a query, so no causal model can use it.
 *
 * Task: return the matrix of outputs. Q, K and V have a row for each token.
 *
 * Source: Wang et al. 2020, "Linformer", eq. 7.
 */
import { multiply, softmax, transpose } from '../../given.ts';

export function linformer(Q: number[][], K: number[][], V: number[][], E: number[][], F: number[][]): number[][] {
  const d = Q[0].length;
  const fewKeys = multiply(E, K); // [k, d]
  const fewValues = multiply(F, V); // [k, width]
  const scores = multiply(Q, transpose(fewKeys)); // [queries, k]
  const weights = scores.map((row) => softmax(row.map((score) => score / Math.sqrt(d))));
  return multiply(weights, fewValues);
}
