/**
 * Attention on a pattern that a peer draws at random: it tells its weights, [length, length] of one head, and they must
 * be the softmax over the keys that they say a query sees, and as many of those as it should see.
 */
import { draw } from '../../peers/inputs.ts';

export interface Verdict {
  /** What it was held against, in words. */
  against: string;
  /** The largest difference; infinite where there is nothing to compare. */
  difference: number;
}

/** Keys that a query sees on average, least and most. */
const SEEN: Record<string, (length: number) => readonly [number, number]> = {
  // Blocks of 64: all for the first and last, 7 for their neighbours, 8 for the rest.
  bigbird: (length) => {
    const blocks = length / 64;
    const seen = (64 * (2 * blocks + 2 * 7 + (blocks - 4) * 8)) / blocks;
    return [seen, seen];
  },
  // Two chunks of 64, of which about half come later and are hidden.
  reformer: () => [48, 80],
};

/**
 * `weights` [length, length] of one head, and the output and the gradient of the values that they made, against a softmax
 * in float64. All are of the order of 1: the difference is taken as it is.
 */
export function patternVerdict(
  computes: string,
  { length, headDim }: { length: number; headDim: number },
  weights: Float32Array,
  results: ReadonlyMap<string, Float32Array>,
): Verdict {
  const [output, valueGradient] = [results.get('output'), results.get('values')];
  if (output === undefined || valueGradient === undefined) {
    return { against: 'output and gradient of the values', difference: Number.POSITIVE_INFINITY };
  }
  const names = ['queries', 'keys', 'values', 'upstream'];
  const [queries, keys, values, upstream] = names.map((name) => draw(name, length * headDim));
  const row = (array: Float32Array, index: number) => array.subarray(index * headDim, (index + 1) * headDim);
  const score = (query: number, key: number) => {
    if (computes !== 'reformer') return dot(row(queries, query), row(keys, key)) / Math.sqrt(headDim);
    // Shared QK: its keys are the queries at length √d.
    const shared = row(queries, key);
    return dot(row(queries, query), shared) / Math.sqrt(dot(shared, shared));
  };
  let difference = 0;
  let pairs = 0;
  const expectedGradient = new Float64Array(length * headDim);
  for (let query = 0; query < length; query++) {
    const seen = [...Array(length).keys()].filter((key) => weights[query * length + key] !== 0);
    pairs += seen.length;
    const scores = seen.map((key) => score(query, key));
    const largest = Math.max(...scores);
    const total = scores.reduce((sum, each) => sum + Math.exp(each - largest), 0);
    const expected = new Float64Array(headDim);
    seen.forEach((key, index) => {
      const weight = Math.exp(scores[index] - largest) / total;
      difference = furthest(difference, weights[query * length + key] - weight);
      row(values, key).forEach((value, column) => {
        expected[column] += weight * value;
        expectedGradient[key * headDim + column] += weight * upstream[query * headDim + column];
      });
    });
    row(output, query).forEach((value, column) => {
      difference = furthest(difference, value - expected[column]);
    });
  }
  valueGradient.forEach((value, index) => {
    difference = furthest(difference, value - expectedGradient[index]);
  });
  const [least, most] = SEEN[computes](length);
  const mean = pairs / length;
  const enough = mean >= least && mean <= most;
  return {
    against: `softmax over the ${mean.toFixed(0)} keys that a query sees${enough ? '' : `, not ${least} to ${most}`}`,
    difference: enough ? difference : Number.POSITIVE_INFINITY,
  };
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * b[index], 0);
}

export function furthest(difference: number, distance: number): number {
  if (Number.isNaN(distance)) return Number.POSITIVE_INFINITY;
  return Math.max(difference, Math.abs(distance));
}
