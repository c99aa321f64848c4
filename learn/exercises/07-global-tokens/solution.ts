/**
 * Global tokens without double count.
 *
 * A window alone carries nothing across a long text in one layer. So a few chosen tokens, such as the first, become *global*:
 * they meet all tokens, and all tokens meet them. The pair of query i and key j is met where
 *
 *     |i − j| ≤ r    or    i is global    or    j is global
 *
 * and everything else is as before: o_i = Σ_j w_ij v_j, where w_i is the softmax of q_i·k_j / √d over the keys that i meets. A
 * global key may lie in the window too. It is still one key, with one weight.
 *
 * Task: return the matrix of outputs. `globals` holds the numbers of the global tokens, each once, in rising order.
 *
 * Source: Beltagy, Peters and Cohan 2020, "Longformer", section 3.1 (global attention; there with projections of its own).
 */
import { dot, multiply, softmax } from '../../given.ts';

export function globalAttention(
  Q: number[][],
  K: number[][],
  V: number[][],
  reach: number,
  globals: number[],
): number[][] {
  return Q.map((q, i) => {
    const met: number[] = [];
    for (let j = 0; j < K.length; j++) {
      // One question for each key, so that none is counted twice.
      if (Math.abs(i - j) <= reach || globals.includes(i) || globals.includes(j)) met.push(j);
    }
    const scores = met.map((j) => dot(q, K[j]) / Math.sqrt(q.length));
    return multiply(
      [softmax(scores)],
      met.map((j) => V[j]),
    )[0];
  });
}
