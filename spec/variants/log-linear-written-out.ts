/**
 * Log-linear attention by plain loops in float64 (Guo et al. 2025): the buckets by the paper's iteration over lowest bits, and
 * every pair of tokens by itself.
 */
import type { Tensor } from '../../src/core/tensor.ts';
import type { LogLinearOptions } from '../../src/variants/log-linear.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { Output } from '../laws/evaluate.ts';

/**
 * The buckets of token t, by the paper's iteration: b⁰ = t, and each next b is the last without its lowest bit (§3.1).
 * Returns the level of every token up to t.
 */
export function levelsUpTo(t: number): number[] {
  const levels = new Array<number>(t + 1);
  levels[t] = 0;
  for (let b = t; b > 0; ) {
    let level = 0;
    while (Math.floor(b / 2 ** level) % 2 === 0) level++;
    const next = b - 2 ** level;
    for (let j = next; j < b; j++) levels[j] = level + 1;
    b = next;
  }
  return levels;
}

const dot = (x: readonly number[], y: readonly number[]) => x.reduce((total, each, c) => total + each * y[c], 0);
const unit = (x: readonly number[]) => {
  const norm = Math.sqrt(dot(x, x));
  return norm === 0 ? [...x] : x.map((each) => each / norm);
};

/** Pair by pair: what token j wrote goes through every step to t, and is weighed by its level. */
export function writtenOut(inputs: AttentionInputs, options: LogLinearOptions, parameters: Parameters): Output {
  const [batch, heads, length, d] = inputs.queries.shape;
  const n = inputs.values.shape[3];
  const mask = inputs.keyMask?.toArray();
  const gates = inputs.gates as Record<string, Tensor>;
  const data = new Float64Array(batch * heads * length * n);
  const row = (x: Tensor, at: number, width: number) => [...x.toArray().subarray(at * width, (at + 1) * width)];
  for (let sequence = 0; sequence < batch * heads; sequence++) {
    const isReal = (t: number) => mask === undefined || mask[Math.floor(sequence / heads) * length + t] === 1;
    const delta = (t: number) => gates.delta.toArray()[sequence * length + t];
    const beta = (t: number) => gates.beta.toArray()[sequence * length + t];
    const key = (t: number) => row(inputs.keys, sequence * length + t, d);
    const write = (t: number): number[] =>
      options.base === 'mamba2' ? key(t).map((each) => delta(t) * each) : unit(key(t)).map((each) => beta(t) * each);
    const step = (t: number, x: number[]): number[] => {
      if (!isReal(t)) return x;
      if (options.base === 'mamba2') {
        const rate = Math.exp(parameters.A_log.toArray()[sequence % heads]);
        return x.map((each) => each * Math.exp(-rate * delta(t)));
      }
      const kept = x.map((each) => each * Math.exp(gates.logDecay.toArray()[sequence * length + t]));
      const k = unit(key(t));
      const known = dot(k, kept);
      return kept.map((each, c) => each - beta(t) * known * k[c]);
    };
    const reading: number[][] = [];
    for (let t = 0; t < length; t++) {
      // Column by column: what each token j ≤ t wrote, as it is after the step t.
      for (let j = 0; j < t; j++) reading[j] = step(t, reading[j]);
      reading.push(isReal(t) ? write(t) : new Array<number>(d).fill(0));
      if (!isReal(t)) continue;
      const at = sequence * length + t;
      const raw = row(inputs.queries, at, d);
      const q = options.base === 'mamba2' ? raw : unit(raw).map((each) => each / Math.sqrt(d));
      const weights = row(gates.lambda, at, options.levels);
      for (const [j, level] of levelsUpTo(t).entries()) {
        const weight = weights[Math.min(level, options.levels - 1)] * dot(q, reading[j]);
        const value = row(inputs.values, sequence * length + j, n);
        // What a masked token holds is not read.
        if (isReal(j)) for (let c = 0; c < n; c++) data[at * n + c] += weight * value[c];
      }
      if (options.base !== 'mamba2') continue;
      const skip = parameters.D.toArray()[sequence % heads];
      for (const [c, each] of row(inputs.values, at, n).entries()) data[at * n + c] += skip * each;
    }
  }
  return { shape: [batch, heads, length, n], dtype: inputs.queries.dtype, data };
}
