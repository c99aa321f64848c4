/**
 * The gradient of attention.
 *
 * Attention is three steps: S = QKᵀ/√d, W = softmax(S) row by row, O = WV. Given the gradients dO of the outputs, go back
 * through them in the opposite order. For a product O = WV the rule is dW = dO Vᵀ and dV = Wᵀ dO, and so for the first product
 * too:
 *
 *     dV = Wᵀ dO        dW = dO Vᵀ
 *     dS_ij = W_ij (dW_ij − Σ_n W_in dW_in)
 *     dQ = dS K / √d    dK = dSᵀ Q / √d
 *
 * Each row of dS is that of the last exercise. FlashAttention computes the same without storing W: block by block, and each block
 * of W anew on the way back.
 *
 * Task: return { dQ, dK, dV }, each of the shape of Q, K, V. There may be more keys than queries.
 *
 * Source: Dao et al. 2022, "FlashAttention", appendix B.2.
 */
import { dot, multiply, softmax, transpose } from '../../given.ts';

/** Given. */
interface Gradients {
  dQ: number[][];
  dK: number[][];
  dV: number[][];
}

export function attentionGradient(Q: number[][], K: number[][], V: number[][], dO: number[][]): Gradients {
  const root = Math.sqrt(Q[0].length);
  const W = multiply(Q, transpose(K)).map((row) => softmax(row.map((score) => score / root)));
  const dV = multiply(transpose(W), dO);
  const dW = multiply(dO, transpose(V));
  const dS = W.map((w, i) => w.map((weight, j) => weight * (dW[i][j] - dot(w, dW[i]))));
  // The scores were divided by √d, so their gradients are too before they go on.
  const scaled = dS.map((row) => row.map((ds) => ds / root));
  return { dQ: multiply(scaled, K), dK: multiply(transpose(scaled), Q), dV };
}
