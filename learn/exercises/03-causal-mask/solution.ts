/**
 * A causal mask.
 *
 * A model that writes text must not see the tokens that it has not written yet. So query i meets the keys 0 … i only, its own
 * included. The usual way adds a mask to the scores before the softmax:
 *
 *     w_i = softmax(s_i + m_i)        m_ij = 0 where j ≤ i, and −∞ where j > i
 *
 * exp(−∞) is 0, so the others share the whole weight of 1.
 *
 * Task: return the matrix of weights from the matrix of scores: a row for each query, and in it a weight for each key, which is
 * 0 where the key is hidden.
 *
 * Source: Vaswani et al. 2017, "Attention is all you need", section 3.2.3.
 */
import { softmax } from '../../given.ts';

export function causalWeights(scores: number[][]): number[][] {
  return scores.map((row, i) => softmax(row.map((score, j) => (j <= i ? score : Number.NEGATIVE_INFINITY))));
}
