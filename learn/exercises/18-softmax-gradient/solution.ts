/**
 * The gradient of softmax.
 *
 * Training asks of every number in a model: if it grew a little, how much would the loss grow? This is its gradient. It is found
 * from back to front: from the gradients dw of the weights w = softmax(s), find the gradients ds of the scores s.
 *
 * Score j changes every weight, because all share one sum: ∂w_i/∂s_j = w_i (1 − w_i) where i = j, and −w_i w_j elsewhere. So
 *
 *     ds_j = Σ_i dw_i ∂w_i/∂s_j = w_j (dw_j − Σ_i w_i dw_i)
 *
 * The sum is the same for all j, so this takes O(n) and no n × n matrix. The scores themselves are not needed, only w.
 *
 * Task: return ds from w and dw.
 *
 * Source: Dao et al. 2022, "FlashAttention", appendix B.2 (where the matrix of the derivatives is diag(P) − PPᵀ).
 */
import { dot } from '../../given.ts';

export function softmaxGradient(w: number[], dw: number[]): number[] {
  const mean = dot(w, dw);
  return w.map((weight, j) => weight * (dw[j] - mean));
}
