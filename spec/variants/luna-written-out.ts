/** The oracle of luna.spec.ts: both attentions, and the running means of the causal form, pair by pair in float64. */
import type { LunaOptions } from '../../src/variants/luna.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  omega: Record<LunaOptions['activation'], (x: number) => number>;
  /** What a running mean divides by at a token, the `real`-th real one of `all` so far. */
  divisor(real: number, all: number): number;
  /** The scale of scores. */
  scale(d: number): number;
  /** What packed values are unpacked by. */
  unpackedBy: 'keys' | 'values';
}

export const paper: Definition = {
  omega: {
    softplus: (x) => (Math.max(0, x * Math.LN2) + Math.log1p(Math.exp(-Math.abs(x * Math.LN2)))) / Math.LN2,
    elu: (x) => (x > 0 ? x + 1 : Math.exp(x)),
  },
  divisor: (real) => real,
  scale: (d) => 1 / Math.sqrt(d),
  unpackedBy: 'keys',
};

type Rows = number[][];

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, each, c) => sum + each * b[c], 0);

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const all = scores.map((each) => Math.exp(each - largest));
  const total = all.reduce((sum, each) => sum + each, 0);
  return all.map((each) => each / total);
}

const mixed = (weights: readonly number[], rows: Rows): number[] =>
  rows[0].map((_, c) => weights.reduce((sum, each, j) => sum + each * rows[j][c], 0));

export function byLoops(inputs: AttentionInputs, options: LunaOptions, { P }: Parameters, how = paper): Output {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, heads, queryLength, d] = queries.shape;
  const [keyLength, width] = [keys.shape[2], values.shape[3]];
  const scale = how.scale(d);
  const mask = keyMask?.toArray();
  const rowsOf = (tensor: typeof keys, sequence: number): Rows => {
    const [length, columns] = tensor.shape.slice(-2);
    const data = tensor.toArray();
    return Array.from({ length }, (_, i) => {
      const from = (sequence * length + i) * columns;
      return Array.from(data.subarray(from, from + columns));
    });
  };
  const data = new Float64Array(batch * heads * queryLength * width);
  for (let b = 0; b < batch; b++) {
    const real = Array.from({ length: keyLength }, (_, j) => j).filter((j) => mask?.[b * keyLength + j] !== 0);
    if (real.length === 0) continue;
    for (let h = 0; h < heads; h++) {
      const sequence = b * heads + h;
      const [q, k, v, p] = [...[queries, keys, values].map((each) => rowsOf(each, sequence)), rowsOf(P, h)];
      const unpacked = (query: number[], packedKeys: Rows, packedValues: Rows) => {
        const by = how.unpackedBy === 'keys' ? packedKeys : packedValues;
        const scores = by.map((each) => scale * dot(query, each));
        return mixed(softmax(scores), packedValues);
      };
      if (!options.causal) {
        const A = p.map((row) => softmax(real.map((j) => scale * dot(row, k[j]))));
        const [K, V] = [k, v].map((rows) => {
          const seen = real.map((j) => rows[j]);
          return A.map((weights) => mixed(weights, seen));
        });
        q.forEach((query, i) => {
          data.set(unpacked(query, K, V), (sequence * queryLength + i) * width);
        });
        continue;
      }
      for (let t = 0; t < queryLength; t++) {
        const seen = real.filter((j) => j <= t);
        if (seen.length === 0) continue;
        const divisor = how.divisor(seen.length, t + 1);
        const A = p.map((row) => seen.map((j) => how.omega[options.activation](scale * dot(row, k[j])) / divisor));
        const [K, V] = [k, v].map((rows) => {
          const met = seen.map((j) => rows[j]);
          return A.map((weights) => mixed(weights, met));
        });
        data.set(unpacked(q[t], K, V), (sequence * queryLength + t) * width);
      }
    }
  }
  return { shape: [batch, heads, queryLength, width], dtype: queries.dtype, data };
}
