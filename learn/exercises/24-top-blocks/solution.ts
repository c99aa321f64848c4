/**
 * Top-k blocks.
 *
 * Which far tokens matter depends on the text, so let each query choose. MoBA cuts the keys into blocks of `size` neighbours and
 * scores a block by the query with the mean of its keys. In a causal model query i may take:
 *
 *     its own block, always, up to its own key
 *     of the blocks before it: the count − 1 of largest q_i · mean(keys)
 *
 * Of blocks with equal scores the earlier wins. Its own block takes no part in the contest, because its mean would tell of keys
 * after the query. The attention is then the softmax of q_i·k_j / √d over all keys of these blocks, but none after i.
 *
 * Task: write `chosenBlocks`, which returns for each query the numbers of its blocks in any order, and `blockAttention`, the
 * matrix of outputs. The last block may be shorter than the others.
 *
 * Source: Lu et al. 2025, "MoBA: mixture of block attention for long-context LLMs", eqs. 2 to 6 and section 2.2.
 */
import { dot, multiply, softmax } from '../../given.ts';

export function chosenBlocks(Q: number[][], K: number[][], size: number, count: number): number[][] {
  return Q.map((q, i) => {
    const own = Math.floor(i / size);
    // Blocks before the own one are whole.
    const scores = Array.from({ length: own }, (_, n) => {
      const keys = K.slice(n * size, (n + 1) * size);
      return keys.reduce((sum, k) => sum + dot(q, k), 0) / size;
    });
    // The sort is stable: of equals the earlier stays first.
    const best = scores.map((_, n) => n).sort((a, b) => scores[b] - scores[a]);
    return [...best.slice(0, count - 1), own].sort((a, b) => a - b);
  });
}

export function blockAttention(Q: number[][], K: number[][], V: number[][], size: number, count: number): number[][] {
  const chosen = chosenBlocks(Q, K, size, count);
  return Q.map((q, i) => {
    const met: number[] = [];
    for (let j = 0; j <= i; j++) if (chosen[i].includes(Math.floor(j / size))) met.push(j);
    const scores = met.map((j) => dot(q, K[j]) / Math.sqrt(q.length));
    return multiply(
      [softmax(scores)],
      met.map((j) => V[j]),
    )[0];
  });
}
