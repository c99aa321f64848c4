/**
 * A light convolution.
 *
 * Here no token compares itself with others at all. Each takes a mixture of its neighbours, by weights that depend on how far
 * away they are and on nothing else: a convolution. It works on each column by itself. Neighbouring columns form a
 * *head*, and all columns of a head share one kernel of k weights (k is odd), which a softmax makes positive with sum 1. With
 * c = 0 … d − 1, H heads, and h = ⌊cH/d⌋ the head of column c:
 *
 *     o_ic = Σ_{j = 0 … k−1} softmax(W_h)_j x_{n,c}
 *     n = i + j − (k − 1)/2
 *
 * where rows x_n before the first token and after the last count as zeros. So the middle of the kernel meets the token itself.
 *
 * Task: return the matrix of outputs. X has a row for each token, W a row for each head; H divides the number of columns.
 *
 * Source: Wu et al. 2019, "Pay less attention with lightweight and dynamic convolutions", section 3.
 */
import { softmax } from '../../given.ts';

export function lightConvolution(X: number[][], W: number[][]): number[][] {
  const kernels = W.map((row) => softmax(row));
  return X.map((row, i) =>
    row.map((_, c) => {
      const kernel = kernels[Math.floor((c * W.length) / row.length)];
      let sum = 0;
      for (let j = 0; j < kernel.length; j++) {
        const n = i + j - (kernel.length - 1) / 2;
        if (n >= 0 && n < X.length) sum += kernel[j] * X[n][c];
      }
      return sum;
    }),
  );
}
