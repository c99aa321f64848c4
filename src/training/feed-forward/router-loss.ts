/** The losses of a router: what draws it towards equal shares, and what keeps its scores small. */
import { logSumExp, multiply, scale, square, sum } from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';

/**
 * N Σ_i f_i P_i (Fedus et al. 2021, eqs. 4 to 6): f_i the share of tokens whose first choice is expert i, P_i the mean of p_i. It
 * is 1 if either is the same for all experts. f has no gradient. `probabilities` [tokens, N]; `counts` [tokens, 1] is 1/T for
 * each of T real tokens and 0 for padding.
 */
export function balanceLoss(probabilities: Tensor, firstChoices: Int32Array, counts: Tensor): Tensor {
  const experts = probabilities.shape[1];
  const weights = elements(counts);
  const shares = new Float64Array(experts);
  for (let t = 0; t < firstChoices.length; t++) shares[firstChoices[t]] += weights[t];
  const f = fromArray(shares, [experts], probabilities.dtype);
  return scale(sum(multiply(multiply(probabilities, counts), f)), experts);
}

/** The mean over real tokens of (log Σ_j exp h_j)² (Zoph et al. 2022, eq. 5), of scores h [tokens, N] and `counts` as above. */
export function zLoss(scores: Tensor, counts: Tensor): Tensor {
  return sum(multiply(square(logSumExp(scores, 1, true)), counts));
}
