/** The oracle of cluster-former.spec.ts: clusters, windows and the mean of a token's windows in plain loops, in float64. */
import type { ClusterFormerOptions } from '../../src/variants/cluster-former.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  /** How far apart windows begin. */
  stride(size: number, overlap: number): number;
  /** What a token gets of what it reads in several windows. */
  share(windows: number): number;
  /** Whether the cluster is that of the states of all heads, or of the first alone. */
  ofAllHeads: boolean;
  /** What tokens of a cluster are sorted by. */
  within(i: number, j: number): number;
}

export const paper: Definition = {
  // A product that is an integer but for rounding is that integer.
  stride: (size, overlap) => Math.ceil(Number((size - overlap * size).toFixed(8))),
  share: (windows) => 1 / windows,
  ofAllHeads: true,
  within: (i, j) => i - j,
};

/** The nearest centroid of each token of a sequence; padding behind all. */
export function clustersByLoops(inputs: AttentionInputs, { C }: Parameters, b: number, how: Definition): number[] {
  const { queries, keyMask } = inputs;
  const [, heads, length, d] = queries.shape;
  const [q, mask, centroids] = [queries.toArray(), keyMask?.toArray(), C.toArray()];
  return Array.from({ length }, (_, i) => {
    if (mask?.[b * length + i] === 0) return C.shape[0];
    const products = Array.from({ length: C.shape[0] }, (_, cluster) => {
      let sum = 0;
      for (let n = 0; n < (how.ofAllHeads ? heads * d : d); n++) {
        sum += centroids[cluster * heads * d + n] * q[((b * heads + Math.floor(n / d)) * length + i) * d + (n % d)];
      }
      return sum;
    });
    return products.indexOf(Math.max(...products));
  });
}

export function byLoops(
  inputs: AttentionInputs,
  options: ClusterFormerOptions,
  parameters: Parameters,
  how: Definition = paper,
): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length, d] = queries.shape;
  const width = values.shape[3];
  const [q, k, v, mask] = [queries.toArray(), keys.toArray(), values.toArray(), keyMask?.toArray()];
  const size = Math.min(options.windowLength, length);
  const stride = how.stride(size, options.overlap);
  const data = new Float64Array(batch * heads * length * width);
  for (let b = 0; b < batch; b++) {
    const order = Array.from({ length }, (_, i) => i);
    if (options.order === 'cluster') {
      const clusters = clustersByLoops(inputs, parameters, b, how);
      order.sort((i, j) => clusters[i] - clusters[j] || how.within(i, j));
    }
    const windows: number[][] = [];
    for (let first = 0; windows.length === 0 || first - stride + size < length; first += stride) {
      windows.push(order.slice(first, first + size));
    }
    for (let h = 0; h < heads; h++) {
      const at = (i: number) => (b * heads + h) * length + i;
      for (let i = 0; i < length; i++) {
        const seen = windows
          .filter((window) => window.includes(i))
          .map((window) => window.filter((j) => mask?.[b * length + j] !== 0))
          .filter((window) => window.length > 0);
        for (const window of seen) {
          const scores = window.map((j) => {
            let sum = 0;
            for (let c = 0; c < d; c++) sum += q[at(i) * d + c] * k[at(j) * d + c];
            return sum / Math.sqrt(d);
          });
          const most = Math.max(...scores);
          const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
          window.forEach((j, n) => {
            const weight = (how.share(seen.length) * Math.exp(scores[n] - most)) / total;
            for (let c = 0; c < width; c++) data[at(i) * width + c] += weight * v[at(j) * width + c];
          });
        }
      }
    }
  }
  return { shape: [batch, heads, length, width], dtype: queries.dtype, data };
}
