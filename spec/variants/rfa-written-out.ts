/** The oracle of rfa.spec.ts: features number by number and recurrences token by token, in float64. */
import type { RfaOptions } from '../../src/variants/rfa.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  /** x of length 1, or as it is. */
  unit(x: readonly number[]): number[];
  w(sigma: number, omega: number): number;
  f(kernel: RfaOptions['kernel']): readonly ((u: number) => number)[];
  /** What is kept of the sums, and what a token adds, by g. */
  keep(g: number): number;
  write(g: number): number;
  /** The least sum of weights for each key, of D random vectors and σ. */
  least(D: number, sigma: readonly number[], kernel: RfaOptions['kernel']): number;
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);

export const paper: Definition = {
  unit(x) {
    const largest = Math.max(...x.map(Math.abs));
    if (largest === 0) return [...x];
    // Twice, so that no square is out of range.
    const scaled = x.map((each) => each / largest);
    return scaled.map((each) => each / Math.hypot(...scaled));
  },
  w: (sigma, omega) => sigma * omega,
  f: (kernel) => (kernel === 'gaussian' ? [Math.sin, Math.cos] : [(u) => Math.max(0, u)]),
  keep: (g) => g,
  write: (g) => 1 - g,
  least: (D, sigma, kernel) =>
    kernel === 'gaussian' ? 0.5 / Math.sqrt(2 * D) : (1e-6 * dot(sigma, sigma)) / sigma.length,
};

/** φ(x) for one row, with the rows ω_i of a head and its σ. */
export function phi(
  x: readonly number[],
  omega: number[][],
  sigma: number[],
  kernel: RfaOptions['kernel'],
  how = paper,
): number[] {
  const unit = how.unit(x);
  const u = omega.map((row) =>
    dot(
      unit,
      row.map((each, c) => how.w(sigma[c], each)),
    ),
  );
  return how.f(kernel).flatMap((each) => u.map((value) => each(value) / Math.sqrt(omega.length)));
}

export function byLoops(inputs: AttentionInputs, options: RfaOptions, parameters: Parameters, how = paper): Output {
  const { queries, keys, values, keyMask, gates } = inputs;
  const [batch, heads, queryLength, d] = queries.shape;
  const [keyLength, width] = [keys.shape[2], values.shape[3]];
  const { numRandomFeatures: D, kernel } = options;
  const [Q, K, V, omega, sigma] = [queries, keys, values, parameters.omega, parameters.sigma].map((x) => x.toArray());
  const mask = keyMask?.toArray();
  const gated = options.causal && options.gated;
  const logG = gates?.logDecay?.toArray();
  const rowOf = (data: ArrayLike<number>, n: number, columns: number) =>
    Array.from({ length: columns }, (_, c) => data[n * columns + c]);
  const data = new Float64Array(batch * heads * queryLength * width);
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const h = sequence % heads;
    const omegas = Array.from({ length: D }, (_, i) => rowOf(omega, h * D + i, d));
    const ownSigma = rowOf(sigma, h, d);
    const of = (x: ArrayLike<number>, n: number) => phi(rowOf(x, n, d), omegas, ownSigma, kernel, how);
    // Rows of S, of z beside them, and n.
    const S = Array.from({ length: how.f(kernel).length * D }, () => new Array<number>(width + 1).fill(0));
    let count = 0;
    const meet = (j: number) => {
      if (mask?.[Math.floor(sequence / heads) * keyLength + j] === 0) return;
      const at = sequence * keyLength + j;
      const g = gated ? Math.exp(logG?.[at] ?? Math.log(0.5)) : null;
      const [keep, write] = g === null ? [1, 1] : [how.keep(g), how.write(g)];
      const value = [...rowOf(V, at, width), 1];
      of(K, at).forEach((each, f) => {
        S[f] = S[f].map((sum, c) => keep * sum + write * each * value[c]);
      });
      count = keep * count + write;
    };
    const read = (i: number) => {
      const at = sequence * queryLength + i;
      const features = of(Q, at);
      const sums = S[0].map((_, c) => features.reduce((sum, each, f) => sum + each * S[f][c], 0));
      const divisor = Math.max(sums[width], count * how.least(D, ownSigma, kernel));
      for (let c = 0; c < width; c++) data[at * width + c] = divisor === 0 ? 0 : sums[c] / divisor;
    };
    if (!options.causal) for (let j = 0; j < keyLength; j++) meet(j);
    for (let i = 0; i < queryLength; i++) {
      if (options.causal) meet(i);
      read(i);
    }
  }
  return { shape: [batch, heads, queryLength, width], dtype: queries.dtype, data };
}
