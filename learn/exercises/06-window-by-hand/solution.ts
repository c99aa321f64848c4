/**
 * A window by hand, without wrap-around.
 *
 * Now the attention that the layout of the last exercise describes. With `reach` r, query i meets the keys j with |i − j| ≤ r,
 * or i − r ≤ j ≤ i where the model is causal, and shares its weight of 1 among these alone:
 *
 *     w_i = softmax of q_i·k_j / √d over the keys j of the window
 *     o_i = Σ_j w_ij v_j
 *
 * This takes L (2r + 1) scores and not L². The care is in the ends of the text. The first query has no keys on its left: its
 * window is smaller, it does not go on at the last tokens, and no zeros stand in for keys that do not exist.
 *
 * Task: return the matrix of outputs. Q, K and V have a row for each token.
 *
 * Source: Beltagy, Peters and Cohan 2020, "Longformer", section 3.1 (sliding window).
 */
import { dot, multiply, softmax } from '../../given.ts';

export function windowAttention(
  Q: number[][],
  K: number[][],
  V: number[][],
  reach: number,
  causal: boolean,
): number[][] {
  return Q.map((q, i) => {
    const first = Math.max(0, i - reach);
    const end = Math.min(K.length, causal ? i + 1 : i + reach + 1);
    const scores = K.slice(first, end).map((k) => dot(q, k) / Math.sqrt(q.length));
    return multiply([softmax(scores)], V.slice(first, end))[0];
  });
}
