/** The oracle of perceiver.spec.ts: latents read, meet each other and are read, pair by pair in float64. */
import type { Tensor } from '../../src/core/tensor.ts';
import type { PerceiverOptions } from '../../src/variants/perceiver.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  normalized(row: number[]): number[];
  /** What is left of latents beside what they read: of keys before the layers, and of both in them. */
  residuals: readonly [number, number];
  /** The first latent that one at a place meets, if causal. */
  firstMet(at: number, n: number): number;
}
export const paper: Definition = {
  normalized(row) {
    const mean = row.reduce((sum, each) => sum + each, 0) / row.length;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / row.length;
    return row.map((each) => (each - mean) / Math.sqrt(variance + 1e-5));
  },
  residuals: [1, 1],
  firstMet: (at, n) => at - (at % n),
};

export type Rows = number[][];
/** Latents: the keys that weights come from, and the values. */
export type Latents = { K: Rows; V: Rows };
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);
const column = (rows: Rows, c: number) => rows.map((row) => row[c]);
export const plus = (a: Rows, b: Rows, share: number) =>
  a.map((row, i) => row.map((each, c) => share * each + b[i][c]));
export const rowsOf = (x: Tensor, matrix: number): Rows => {
  const [length, width] = x.shape.slice(-2);
  const numbers = Array.from(x.toArray()).slice(matrix * length * width, (matrix + 1) * length * width);
  return Array.from({ length }, (_, i) => numbers.slice(i * width, (i + 1) * width));
};

/** Softmax attention over the keys at the places that a query meets; zeros where it meets none. */
export function mixed(queries: Rows, keys: Rows, values: Rows, met: (i: number) => number[]): Rows {
  return queries.map((query, i) => {
    const seen = met(i);
    const scores = seen.map((j) => dot(query, keys[j]) / Math.sqrt(query.length));
    const weights = scores.map((each) => Math.exp(each - Math.max(...scores)));
    const total = weights.reduce((sum, each) => sum + each, 0);
    return values[0].map((_, c) => seen.reduce((sum, j, n) => sum + (weights[n] / total) * values[j][c], 0));
  });
}

/** N layers among latents. */
export function layers(Z: Latents, M: Rows[], met: (i: number) => number[], how: Definition): Latents {
  return M.reduce(({ K, V }, own) => {
    const S = K.map(how.normalized);
    const queries = S.map((row) => row.map((_, c) => dot(row, column(own, c))));
    const [ofKeys, ofValues] = [K, V].map((rows) => mixed(queries, S, rows, met));
    return { K: plus(K, ofKeys, how.residuals[1]), V: plus(V, ofValues, how.residuals[1]) };
  }, Z);
}

export function byLoops(inputs: AttentionInputs, options: PerceiverOptions, p: Parameters, how = paper): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, length] = queries.shape;
  const mask = keyMask?.toArray();
  const data: number[] = [];
  for (let b = 0; b < batch; b++) {
    const real = (j: number) => mask?.[b * keys.shape[2] + j] !== 0;
    const places = (first: number, end: number) =>
      Array.from({ length: end - first }, (_, n) => first + n).filter(real);
    for (let h = 0; h < heads; h++) {
      const [q, k, v] = [queries, keys, values].map((each) => rowsOf(each, b * heads + h));
      const M = Array.from({ length: options.layers }, (_, layer) => rowsOf(p.M, layer * heads + h));
      const encode = (first: Rows, met: (i: number) => number[]): Latents => ({
        K: plus(first, mixed(first, k, k, met), how.residuals[0]),
        V: mixed(first, k, v, met),
      });
      if (options.causal) {
        const Z = encode(q, (i) => places(0, i + 1));
        data.push(...layers(Z, M, (i) => places(how.firstMet(i, options.latents), i + 1), how).V.flat());
        continue;
      }
      const all = Array.from({ length: options.latents }, (_, i) => i);
      const Z = layers(
        encode(rowsOf(p.Z, h), () => places(0, k.length)),
        M,
        () => all,
        how,
      );
      data.push(...mixed(q, Z.K.map(how.normalized), Z.V, () => all).flat());
    }
  }
  return { shape: [batch, heads, length, values.shape[3]], dtype: queries.dtype, data: Float64Array.from(data) };
}
