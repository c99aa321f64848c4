/**
 * Prefix sums.
 *
 * With features in place of softmax, the weight of query i on key j is φ(q_i)·φ(k_j). In a causal model query i meets the keys 0
 * … i. The sums over these keys need not be taken anew for every query: the one for query i is the one for query i − 1 and one
 * more term.
 *
 *     S_i = S_{i−1} + φ(k_i) v_iᵀ        z_i = z_{i−1} + φ(k_i)
 *     o_i = S_iᵀ φ(q_i) / (z_i · φ(q_i))
 *
 * S and z begin as zeros. So a text of L tokens costs L steps, however long it is, and S and z keep their size.
 *
 * Task: return the matrix of outputs in one pass over the tokens. The rows of `Q` and `K` are the features φ(q_i) and φ(k_i),
 * all positive.
 *
 * Source: Katharopoulos et al. 2020, "Transformers are RNNs", eqs. 9 to 12.
 */
import { dot, multiply, zeros } from '../../given.ts';

export function causalLinear(Q: number[][], K: number[][], V: number[][]): number[][] {
  const S = zeros(K[0].length, V[0].length);
  const z = K[0].map(() => 0);
  return Q.map((q, i) => {
    // The token itself is part of its sums.
    K[i].forEach((k, f) => {
      z[f] += k;
      for (let c = 0; c < V[i].length; c++) S[f][c] += k * V[i][c];
    });
    return multiply([q], S)[0].map((x) => x / dot(q, z));
  });
}
