/**
 * A delta rule.
 *
 * A state S that only adds up k vᵀ cannot correct itself: when a key comes again with another value, both values come out of it,
 * added. The delta rule first looks up what the state returns for the key, and writes only the difference, times β between 0
 * (write nothing) and 1 (replace all of it, if the key has length 1):
 *
 *     old = S_{t−1}ᵀ k_t
 *     S_t = S_{t−1} + β_t k_t (v_t − old)ᵀ
 *     o_t = S_tᵀ q_t
 *
 * S has a row for each number of a key and a column for each number of a value, and begins with zeros. In one formula it is S_t
 * = (I − β_t k_t k_tᵀ) S_{t−1} + β_t k_t v_tᵀ.
 *
 * Task: return the matrix of outputs, one row for each token.
 *
 * Source: Schlag, Irie and Schmidhuber 2021, "Linear transformers are secretly fast weight programmers", section 4.2; Yang et
 * al. 2024, "Parallelizing linear transformers with the delta rule", section 2.2.
 */
import { multiply, zeros } from '../../given.ts';

export function deltaRule(Q: number[][], K: number[][], V: number[][], beta: number[]): number[][] {
  let S = zeros(K[0].length, V[0].length);
  return Q.map((q, t) => {
    const old = multiply([K[t]], S)[0]; // Sᵀk
    S = S.map((row, f) => row.map((s, c) => s + beta[t] * K[t][f] * (V[t][c] - old[c])));
    return multiply([q], S)[0];
  });
}
