/**
 * Softmax that does not overflow.
 *
 * Softmax turns n scores into n weights, which are positive and sum to 1:
 *
 *     w_i = exp(s_i) / Σ_j exp(s_j)
 *
 * Task: write it for scores of any size. exp(710) is already too large for a number, but the weights of [1000, 1000] are
 * simply [0.5, 0.5]. Subtracting one number from all scores changes no weight: which number helps?
 *
 * Source: Milakov and Gimelshein 2018, "Online normalizer calculation for softmax", section 2 ("safe softmax").
 */

export function softmax(scores: readonly number[]): number[] {
  // With the largest score subtracted, the largest exponential is exp(0) = 1, and none overflows.
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
