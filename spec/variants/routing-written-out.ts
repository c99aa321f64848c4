/** The oracle of routing.spec.ts: Algorithm 1 of the Routing Transformer in plain loops, in float64. */
import type { Tensor } from '../../src/core/tensor.ts';
import type { RoutingOptions } from '../../src/variants/routing.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import { type Candidate, expectBest, roundings } from '../laws/choices.ts';
import type { Output } from '../laws/evaluate.ts';

/** What a copy may get wrong. */
export interface Rule {
  /** The tokens of a cluster, from those that may be taken, the strongest first. */
  take(ranked: number[], window: number): number[];
  /** What a token gets of what it reads in several clusters. */
  share(clusters: number): number;
  normalise: boolean;
}

export const paper: Rule = {
  take: (ranked, window) => ranked.slice(0, window),
  share: (clusters) => 1 / clusters,
  normalise: true,
};

/** Rows of mean 0 and variance 1, as layer normalisation with its ε makes them. */
export function normalisedRows(x: ArrayLike<number>, d: number): Float64Array {
  const rows = Float64Array.from(x);
  for (let first = 0; first < rows.length; first += d) {
    const row = rows.subarray(first, first + d);
    const mean = row.reduce((sum, each) => sum + each, 0) / d;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / d;
    for (let c = 0; c < d; c++) row[c] = (row[c] - mean) / Math.sqrt(variance + 1e-5);
  }
  return rows;
}

/**
 * How far a number of a normalised row may be off that is made in this type: x − μ by the roundings of a mean, e, and that over
 * σ; σ by as much, which counts by the number itself. Twice, for what is of second order while e is a small part of σ.
 */
function roundingOf(row: ArrayLike<number>, made: number, dtype: 'float32' | 'float64'): number {
  const [d, each] = [row.length, roundings(row.length + 6, dtype)];
  const mean = Array.from(row).reduce((sum, x) => sum + x, 0) / d;
  const sigma = Math.sqrt(Array.from(row).reduce((sum, x) => sum + (x - mean) ** 2, 0) / d + 1e-5);
  const share = (each * Array.from(row).reduce((most, x) => Math.max(most, Math.abs(x)), 0)) / sigma;
  return share > 0.1 ? Number.MAX_VALUE : 2 * (share + (share + each) * Math.abs(made));
}

/**
 * Algorithm 1 cluster by cluster in float64, for heads without local attention; with tokens [batch, heads, k, w] that clusters
 * have taken, or else it throws that these are not the nearest.
 */
export function byLoops(
  { queries, values, keyMask }: AttentionInputs,
  { mu }: Parameters,
  { numClusters, window, causal, attendSelf }: RoutingOptions,
  rule: Rule = paper,
  members?: Tensor,
): Output {
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const [raw, dtype] = [queries.toArray(), queries.dtype as 'float32' | 'float64'];
  const q = rule.normalise ? normalisedRows(queries.toArray(), d) : queries.toArray();
  const [v, centroids, mask] = [values.toArray(), mu.toArray(), keyMask?.toArray()];
  const output = new Float64Array(batch * heads * length * width);
  for (let list = 0; list < batch * heads; list++) {
    const product = (a: ArrayLike<number>, at: number, token: number) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += a[at + c] * q[(list * length + token) * d + c];
      return sum;
    };
    const read = Array.from({ length }, () => [] as number[][]);
    for (let cluster = 0; cluster < numClusters; cluster++) {
      const scores = Array.from({ length }, (_, t) =>
        product(centroids, ((list % heads) * numClusters + cluster) * d, t),
      );
      const real = [...scores.keys()].filter((t) => mask?.[Math.floor(list / heads) * length + t] !== 0);
      const ranked = real.sort((a, b) => scores[b] - scores[a] || a - b);
      const error = (t: number) => {
        const at = (list * length + t) * d;
        const row = Array.from(raw.slice(at, at + d));
        return row.reduce((sum, _x, c) => {
          const weight = Math.abs(centroids[((list % heads) * numClusters + cluster) * d + c]);
          const own = Math.abs(q[at + c]);
          return sum + weight * (roundingOf(row, own, dtype) + roundings(d, dtype) * own);
        }, 0);
      };
      const size = members?.shape[3] ?? 0;
      const held = members
        ?.toArray()
        .slice((list * numClusters + cluster) * size, (list * numClusters + cluster + 1) * size);
      const taken = held === undefined ? rule.take(ranked, window) : Array.from(held).filter((t) => t >= 0);
      if (held !== undefined) {
        const candidates = real.map((t): [number, Candidate] => [t, { score: scores[t], error: error(t) }]);
        expectBest(taken, new Map(candidates), window, `cluster ${cluster} of list ${list}`);
      }
      for (const i of taken) {
        const seen = taken.filter((j) => !causal || j <= i);
        const met = attendSelf || seen.length === 1 ? seen : seen.filter((j) => j !== i);
        const logs = met.map((j) => product(q, (list * length + i) * d, j) / Math.sqrt(d));
        const largest = Math.max(...logs);
        const weights = logs.map((log) => Math.exp(log - largest));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const row = new Array<number>(width).fill(0);
        for (const [n, j] of met.entries()) {
          for (let c = 0; c < width; c++) row[c] += (weights[n] / total) * v[(list * length + j) * width + c];
        }
        read[i].push(row);
      }
    }
    for (const [i, rows] of read.entries()) {
      for (const row of rows) {
        for (let c = 0; c < width; c++) output[(list * length + i) * width + c] += row[c] * rule.share(rows.length);
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: 'float64', data: output };
}
