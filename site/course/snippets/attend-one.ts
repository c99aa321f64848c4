/** Attention of one token over all others, in plain numbers. The pictures of lesson 1 are made by it. */

export interface Attended {
  /** q·k/√d of each key. */
  scores: number[];
  /** Positive, with the sum 1. */
  weights: number[];
  /** The mean of the values by these weights. */
  output: number[];
}

/** `query` [d], `keys` [L, d] and `values` [L, v]. */
export function attendOne(query: readonly number[], keys: readonly number[][], values: readonly number[][]): Attended {
  // How well each key matches the query.
  const scores = keys.map((key) => dot(query, key) / Math.sqrt(query.length));

  // Weights from scores: positive, with the sum 1. Taking the largest score away changes nothing but the size of e^s.
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((sofar, each) => sofar + each, 0);
  const weights = exponentials.map((each) => each / sum);

  // The output is the mean of the values, by their weights.
  const output = values[0].map((_, column) =>
    dot(
      weights,
      values.map((value) => value[column]),
    ),
  );
  return { scores, weights, output };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, each, n) => sum + each * b[n], 0);
}
