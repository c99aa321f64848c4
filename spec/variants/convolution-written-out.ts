/** Light and dynamic convolutions as plain float64 loops, and the cases that both are tried on. */

import fc from 'fast-check';
import { noGrad } from '../../src/core/autograd.ts';
import { Random } from '../../src/core/random.ts';
import { type Dense, maxAbsoluteError } from '../../src/core/reference.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import type { AttentionInputs, AttentionShape, Parameters } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';

/** Sums of at most some hundred float64 terms near 1, grouped in another way. */
export const ROUNDING = 1e-12;

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 70 }),
  headDim: fc.integer({ min: 1, max: 6 }),
  causal: fc.boolean(),
  masked: fc.boolean(),
  seed: fc.nat(),
});

/** `kernelWidth` is any that the length allows: odd, even, and wider than the sequence. */
const cases = sizes.chain((drawn) =>
  fc.integer({ min: 1, max: 2 * drawn.length - 1 }).map((kernelWidth) => ({ ...drawn, kernelWidth })),
);

export type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

export function forAll(runs: number, law: (drawn: Case, inputs: AttentionInputs, random: Random) => void): void {
  fc.assert(
    fc.property(cases, (drawn) => {
      scope(() => noGrad(() => law(drawn, inputsOf(drawn), new Random(drawn.seed).split('law'))));
    }),
    effort(runs),
  );
}

export function inputsOf({ batch, heads, length, headDim, masked, seed }: Omit<Case, 'causal' | 'kernelWidth'>) {
  const random = new Random(seed);
  const draw = (part: string) => randomNormal([batch, heads, length, headDim], random.split(part), 'float64');
  const flags = random.split('mask');
  const mask = Array.from({ length: batch * length }, () => flags.integer(2));
  const inputs: AttentionInputs = { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
  return masked ? { ...inputs, keyMask: fromArray(mask, [batch, length], 'uint8') } : inputs;
}

export const shapeOf = ({ batch, heads, length, headDim }: Omit<Case, 'causal'>): AttentionShape => ({
  batch,
  heads,
  queryLength: length,
  keyLength: length,
  headDim,
  dtype: 'float64',
});

/** W of light-conv, or WQ of dynamic-conv, with larger entries than at the start of training. */
export function trained(shape: readonly number[], random: Random): Tensor {
  return randomNormal(shape, random.split('trained'), 'float64').withGrad();
}

export function softmaxOf(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/**
 * DepthwiseConv with a kernel for each place: Σ_{j=1}^k kernel_j X_{i + j − ⌈(k+1)/2⌉}, or X_{i + j − k} when causal,
 * X being zero beyond the ends and where it is masked. What the band matrix times X is.
 */
export function convolutionByLoops(
  { values, keyMask }: AttentionInputs,
  kernelAt: (batch: number, head: number, position: number) => number[],
  causal: boolean,
): Dense {
  const [batch, heads, length, width] = values.shape;
  const v = values.toArray();
  const mask = keyMask?.toArray();
  const data = new Float64Array(v.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < length; i++) {
        const kernel = kernelAt(b, h, i);
        const k = kernel.length;
        const row = (position: number) => ((b * heads + h) * length + position) * width;
        for (let j = 1; j <= k; j++) {
          const place = causal ? i + j - k : i + j - Math.ceil((k + 1) / 2);
          if (place < 0 || place >= length || (mask && mask[b * length + place] === 0)) continue;
          for (let c = 0; c < width; c++) data[row(i) + c] += kernel[j - 1] * v[row(place) + c];
        }
      }
    }
  }
  return { shape: values.shape, data };
}

/** Row `index` of a tensor of at least two axes, counted over all leading ones. */
export function rowOf(tensor: Tensor, index: number): number[] {
  const width = tensor.shape[tensor.shape.length - 1];
  return [...tensor.toArray().slice(index * width, (index + 1) * width)];
}

export function close(actual: Tensor, expected: Dense | Tensor, claim = 'output', tolerance = ROUNDING): void {
  const target = 'data' in expected ? expected : { shape: expected.shape, data: expected.toArray() };
  const error = maxAbsoluteError({ shape: actual.shape, data: actual.toArray() }, target);
  if (!(error <= tolerance)) throw new Error(`${claim}: differs by ${error}`);
}

/** The mean over draws of D, and its standard error, entry by entry, of what `output` gives. */
export function meanOverDraws(draws: number, draw: (seed: number) => Parameters, output: (p: Parameters) => Tensor) {
  const samples = Array.from({ length: draws }, (_, seed) => scope(() => [...output(draw(seed)).toArray()]));
  const mean = samples[0].map((_, n) => samples.reduce((sum, sample) => sum + sample[n], 0) / draws);
  const standardError = mean.map((each, n) => {
    const variance = samples.reduce((sum, sample) => sum + (sample[n] - each) ** 2, 0) / (draws - 1);
    return Math.sqrt(variance / draws);
  });
  return { mean, standardError };
}
