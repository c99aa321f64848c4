/**
 * RetNet's decay.
 *
 * A running sum of k_m v_mᵀ over all tokens fills up: old tokens drown new ones. RetNet lets it fade. Each step keeps a share γ
 * of the state, so a token that lies n − m steps back still counts with γ^(n−m):
 *
 *     S_n = γ S_{n−1} + k_n v_nᵀ
 *     o_n = S_nᵀ q_n = Σ_{m ≤ n} γ^(n−m) (q_n·k_m) v_m
 *
 * There is no softmax and no division. Each head h = 0, 1, 2 … has a share of its own, so that some heads look near and some
 * far:
 *
 *     γ_h = 1 − 2^(−5−h)
 *
 * Task: write `decays`, the list γ_0, γ_1 … of so many heads, and `retention`, the matrix of outputs of one head.
 *
 * Source: Sun et al. 2023, "Retentive network", eqs. 5, 6 and 8 (here without rotation, norm and gate).
 */
import { multiply, zeros } from '../../given.ts';

export function decays(heads: number): number[] {
  return Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h));
}

export function retention(Q: number[][], K: number[][], V: number[][], gamma: number): number[][] {
  let S = zeros(K[0].length, V[0].length);
  return Q.map((q, n) => {
    // Only what was there fades; the new token comes in full.
    S = S.map((row, f) => row.map((s, c) => gamma * s + K[n][f] * V[n][c]));
    return multiply([q], S)[0];
  });
}
