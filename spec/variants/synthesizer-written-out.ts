/** The oracle of synthesizer.spec.ts: scores and weights pair by pair, in float64. */
import { Random } from '../../src/core/random.ts';
import { elements, randomNormal } from '../../src/core/tensor.ts';
import { drawParameters } from '../../src/variants/attend.ts';
import { type SynthesizerOptions, synthesizer } from '../../src/variants/synthesizer.ts';
import { factorsOf, partsOf } from '../../src/variants/synthesizer-scores.ts';
import type { AttentionInputs, Parameters } from '../../src/variants/variant.ts';
import type { AttentionCase } from '../laws/draw.ts';
import type { Output } from '../laws/evaluate.ts';

export const optionsOf = ({ options }: AttentionCase) => options as SynthesizerOptions;

/** Parameters as training might leave them: those that start as zeros are drawn too. */
export function trained(attentionCase: AttentionCase): Parameters {
  const { shape, seed } = attentionCase;
  const random = new Random(seed).split('trained');
  const drawn = drawParameters(synthesizer, optionsOf(attentionCase), shape, seed);
  const entries = Object.entries(drawn).map(([name, tensor]) => {
    const isZero = elements(tensor).every((each) => each === 0);
    return [name, isZero ? randomNormal(tensor.shape, random.split(name), shape.dtype) : tensor];
  });
  return Object.fromEntries(entries);
}

/** What of the definition a copy gets wrong, for the law to notice. */
export interface Definition {
  hidden(x: number): number;
  /** Which numbers of A and B place j takes. */
  tile(j: number, a: number, b: number): [ofA: number, ofB: number];
  shares(logits: number[]): number[];
}

const exponentials = (logits: number[]) => logits.map((each) => Math.exp(each - Math.max(...logits)));
export const paper: Definition = {
  hidden: (x) => Math.max(0, x),
  tile: (j, a) => [j % a, Math.floor(j / a)],
  shares(logits) {
    const all = exponentials(logits);
    return all.map((each) => each / all.reduce((sum, other) => sum + other));
  },
};

/** Weights of the values, then their sum, pair by pair. */
export function byLoops(attentionCase: AttentionCase, inputs: AttentionInputs, p: Parameters, how = paper): Output {
  const { batch, heads, keyLength: length, headDim: d } = attentionCase.shape;
  const options = optionsOf(attentionCase);
  const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map((each) => each.toArray());
  const mask = inputs.keyMask?.toArray();
  const numbers = Object.fromEntries(Object.entries(p).map(([name, tensor]) => [name, tensor.toArray()]));
  const N = options.maxLength;
  const { a, b: ofB } = factorsOf(options);
  const parts = partsOf(options.kind);
  const shares = parts.length === 1 ? [1] : how.shares(Array.from(numbers.alpha));
  const data = new Float64Array(batch * heads * length * d);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const at = (i: number) => ((b * heads + h) * length + i) * d;
      const linear = (W: ArrayLike<number>, bias: ArrayLike<number>, rows: number, row: number, i: number) => {
        let sum = bias[h * rows + row];
        for (let c = 0; c < d; c++) sum += W[(h * rows + row) * d + c] * how.hidden(q[at(i) + c]);
        return sum;
      };
      const score = (part: string, i: number, j: number): number => {
        if (part === 'dense') return linear(numbers.W, numbers.b, N, j, i);
        if (part === 'random') return numbers.R[(h * N + i) * N + j];
        if (part === 'fixed-random') return numbers.fixedR[(h * N + i) * N + j];
        if (part === 'factorized-dense') {
          const [m, n] = how.tile(j, a, ofB);
          return linear(numbers.WA, numbers.bA, a, m, i) * linear(numbers.WB, numbers.bB, ofB, n, i);
        }
        let sum = 0;
        if (part === 'vanilla') for (let c = 0; c < d; c++) sum += (q[at(i) + c] * k[at(j) + c]) / Math.sqrt(d);
        else {
          const { rank } = options;
          for (let c = 0; c < rank; c++) sum += numbers.R1[(h * N + i) * rank + c] * numbers.R2[(h * N + j) * rank + c];
        }
        return sum;
      };
      for (let i = 0; i < length; i++) {
        const seen = Array.from({ length }, (_, j) => j).filter(
          (j) => mask?.[b * length + j] !== 0 && (!options.causal || j <= i),
        );
        const weights = exponentials(
          seen.map((j) => parts.reduce((s, part, n) => s + shares[n] * score(part, i, j), 0)),
        );
        const total = weights.reduce((sum, each) => sum + each, 0);
        seen.forEach((j, n) => {
          for (let c = 0; c < d; c++) data[at(i) + c] += (weights[n] / total) * v[at(j) + c];
        });
      }
    }
  }
  return { shape: inputs.queries.shape, dtype: inputs.queries.dtype, data };
}
