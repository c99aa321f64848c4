/** A memory of fixed size, as plain loops: three ways to write a pair of key and value into a matrix. For lesson 11. */

export type Rule = 'sum' | 'decay' | 'delta';

/** S [d, v] after one more pair. `keep` is the decay, and `beta` how much of the old value gives way. */
export function written(
  S: number[][],
  key: number[],
  value: number[],
  rule: Rule,
  keep: number,
  beta: number,
): number[][] {
  if (rule === 'delta') {
    // What the memory returns for this key now; only the difference is written.
    const old = read(S, key);
    return S.map((row, m) => row.map((each, n) => each + beta * key[m] * (value[n] - old[n])));
  }
  const kept = rule === 'decay' ? keep : 1;
  return S.map((row, m) => row.map((each, n) => kept * each + key[m] * value[n]));
}

/** What the memory holds under a key: Sᵀ q. */
export function read(S: readonly number[][], query: readonly number[]): number[] {
  return S[0].map((_, n) => query.reduce((sum, each, m) => sum + each * S[m][n], 0));
}
