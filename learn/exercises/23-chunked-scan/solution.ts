/**
 * A chunked gated scan.
 *
 * Now the state fades by a gate that each token sets, a_t between 0 and 1:
 *
 *     S_t = a_t S_{t−1} + k_t v_tᵀ        o_t = S_tᵀ q_t
 *
 * Token by token this is a long chain of small steps. Fast code takes C tokens at once, a *chunk*. With S the state before the
 * chunk and i, j = 1 … C its tokens:
 *
 *     o_i = (a_1 ⋯ a_i) Sᵀ q_i + Σ_{j ≤ i} (a_{j+1} ⋯ a_i) (q_i·k_j) v_j
 *     S' = (a_1 ⋯ a_C) S + Σ_j (a_{j+1} ⋯ a_C) k_j v_jᵀ
 *
 * All outputs of a chunk can be computed at the same time; only S' waits for the chunk before. An empty product is 1.
 *
 * One could divide: a_{j+1} ⋯ a_i = (a_1 ⋯ a_i) / (a_1 ⋯ a_j). But a gate of 0 makes that 0 / 0, and many small gates do so in
 * float32. So multiply the gates between j and i, and nothing else.
 *
 * Task: write `chunk`, which returns { output, state }: the outputs of its tokens, and S'. In the lists the first token of the
 * chunk has the number 0, so that a[0] is a_1. S has a row for each number of a key.
 *
 * Source: Dao and Gu 2024, "Transformers are SSMs", section 6 (block decomposition); Yang et al. 2024, "Gated linear attention
 * transformers with hardware-efficient training", section 4.3.
 */
import { dot, multiply } from '../../given.ts';

/** Given. */
interface Chunk {
  output: number[][];
  state: number[][];
}

export function chunk(S: number[][], Q: number[][], K: number[][], V: number[][], a: number[]): Chunk {
  /** Σ_{j ≤ i} (a_{j+1} ⋯ a_i) factor(j) v_j + (a_1 ⋯ a_i) old, from token i back to the first. */
  const faded = (i: number, factor: (j: number) => number, old: number[]) => {
    const sum = V[0].map(() => 0);
    let kept = 1;
    for (let j = i; j >= 0; j--) {
      for (let c = 0; c < sum.length; c++) sum[c] += kept * factor(j) * V[j][c];
      kept *= a[j];
    }
    return sum.map((x, c) => x + kept * old[c]);
  };
  const output = Q.map((q, i) => faded(i, (j) => dot(q, K[j]), multiply([q], S)[0]));
  const state = S.map((row, f) => faded(a.length - 1, (j) => K[j][f], row));
  return { output, state };
}
