/** What the specs of the Performer share: cases, features and rows. */
import { add, exp, multiply, scale } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import type { Dense } from '../../src/core/reference.ts';
import { elements, randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { drawParameters } from '../../src/variants/attend.ts';
import { type FeatureOptions, featureMap, type PerformerOptions, performer } from '../../src/variants/performer.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';
import { type AttentionCase, inputsOf } from '../laws/draw.ts';
import { parametersOf } from '../laws/evaluate.ts';

/** The variant as the laws know it. */
export const anyPerformer = performer as unknown as AnyVariant;
export const optionsOf = (drawn: AttentionCase) => drawn.options as PerformerOptions;
export const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray() });

/** φ(x/d^¼) without a stabiliser: what eq. 4 says, and overflows for long vectors. */
export function plainFeatures(x: Tensor, drawn: AttentionCase): Tensor {
  const { omega } = parametersOf(anyPerformer, drawn);
  return phi(scale(x, x.shape[3] ** -0.25), omega, optionsOf(drawn));
}

/** φ(x) of eq. 5 as numbers, with the factors of all φ that the variant leaves out. */
export function phi(x: Tensor, omega: Tensor, options: FeatureOptions): Tensor {
  const { f, logH } = featureMap(x, omega, options);
  const isPositive = options.kernel === 'softmax-positive' || options.kernel === 'softmax-hyperbolic';
  const whole = isPositive
    ? exp(logH === undefined ? f : add(f, logH))
    : logH === undefined
      ? f
      : multiply(f, exp(logH));
  const maps = options.kernel === 'softmax-hyperbolic' ? 2 : 1;
  return scale(whole, 1 / Math.sqrt(maps * omega.shape[0]));
}

/** Inputs of a case with queries and keys `factor` times as long. */
export function lengthened(drawn: AttentionCase, factor: number): AttentionInputs {
  const inputs = inputsOf(drawn);
  return { ...inputs, queries: scale(inputs.queries, factor), keys: scale(inputs.keys, factor) };
}

/** The rows of [batch, heads, length, width], in order. */
export function rowsOf(tensor: Tensor): number[][] {
  const width = tensor.shape[3];
  const data = Array.from(elements(tensor));
  return Array.from({ length: tensor.size / width }, (_, row) => data.slice(row * width, (row + 1) * width));
}

export const dot = (a: number[], b: number[]) => a.reduce((sum, value, index) => sum + value * b[index], 0);

/** One head of `length` tokens, d = 4, m = 32. */
export function oneHead(dtype: 'float32' | 'float64', length: number, seed = 1) {
  const random = new Random(seed);
  const draw = (name: string) => randomNormal([1, 1, length, 4], random.split(name), dtype);
  const shape: AttentionShape = { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim: 4, dtype };
  const options = { ...performer.defaults(length), numRandomFeatures: 32 };
  const inputs = { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
  return { inputs, shape, options, parameters: drawParameters(performer, options, shape, seed) };
}
