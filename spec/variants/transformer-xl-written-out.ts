/** The oracle of the Transformer-XL specs: every pair of tokens by itself, from the definition, in float64. */
import {
  type Dense,
  type ReferenceInputs,
  type ReferenceOptions,
  referenceAttentionGradients,
  referenceWeights,
} from '../../src/core/reference.ts';
import type { Tensor } from '../../src/core/tensor.ts';
import { type TransformerXLOptions, transformerXL } from '../../src/variants/transformer-xl.ts';
import type { AttentionInputs, AttentionPattern, Parameters } from '../../src/variants/variant.ts';
import { at, indices, loop } from '../core/tensors.ts';
import type { AttentionCase } from '../laws/draw.ts';

export const optionsOf = ({ options }: AttentionCase) => options as TransformerXLOptions;

export const dense = (tensor: Tensor): Dense => ({ shape: tensor.shape, data: tensor.toArray() });

/** R_Δ of Vaswani et al. 2017: sines of all frequencies, then cosines. */
export function sinusoid(distance: number, width: number): number[] {
  const angles = Array.from({ length: width / 2 }, (_, f) => distance / 10000 ** ((2 * f) / width));
  return [...angles.map(Math.sin), ...angles.map(Math.cos)];
}

const range = (length: number) => Array.from({ length }, (_, n) => n);
const dot = (a: number[], b: number[]) => a.reduce((sum, each, n) => sum + each * b[n], 0);
const plus = (a: number[], b: number[]) => a.map((each, n) => each + b[n]);
const row = (tensor: Tensor, ...leading: number[]) =>
  range(tensor.shape[leading.length]).map((c) => at(tensor, [...leading, c]));

/** r_Δ = W_{k,R} R_Δ of a head. */
function distanceKey({ W_kR }: Parameters, head: number, distance: number): number[] {
  const R = sinusoid(distance, W_kR.shape[2]);
  return range(W_kR.shape[1]).map((c) => dot(row(W_kR, head, c), R));
}

/** What the dense oracle is given: q·k comes from the inputs, the other three terms are its bias. */
function given({ shape, options, mask }: AttentionCase, inputs: AttentionInputs, parameters: Parameters) {
  const { queries, keys } = inputs;
  const { u, v } = parameters;
  const bias = (b: number, h: number, i: number, j: number) => {
    const [q, k, r] = [row(queries, b, h, i), row(keys, b, h, j), distanceKey(parameters, h, i - j)];
    return (dot(q, r) + dot(row(u, h), k) + dot(row(v, h), r)) / Math.sqrt(shape.headDim);
  };
  const allowed = transformerXL.pattern?.(options as TransformerXLOptions, shape) as AttentionPattern;
  const keyMask = mask === null ? {} : { keyMask: { shape: [shape.batch, shape.keyLength], data: mask.flat() } };
  const reference: ReferenceInputs = {
    queries: dense(inputs.queries),
    keys: dense(inputs.keys),
    values: dense(inputs.values),
  };
  return { reference, how: { bias, allowed, ...keyMask } satisfies ReferenceOptions };
}

/** The weights of all pairs, [batch, heads, L, L]. */
export function writtenOutWeights(
  attentionCase: AttentionCase,
  inputs: AttentionInputs,
  parameters: Parameters,
): Dense {
  const { reference, how } = given(attentionCase, inputs, parameters);
  return referenceWeights(reference, how);
}

/** Gradients of the output weighted by `G`, where pairs of a query and its memory pass nothing to keys and values. */
export function writtenOutGradients(
  attentionCase: AttentionCase,
  inputs: AttentionInputs,
  parameters: Parameters,
  G: Tensor,
): Record<'queries' | 'keys' | 'values' | 'W_kR' | 'u' | 'v', Dense> {
  const { shape } = attentionCase;
  const { segmentLength } = optionsOf(attentionCase);
  const { queries, keys, values } = inputs;
  const { W_kR, u, v } = parameters;
  const { reference, how } = given(attentionCase, inputs, parameters);
  const P = referenceWeights(reference, how);
  const ofScores = referenceAttentionGradients(reference, dense(G), how).scores;

  const zero = (tensor: Tensor) => ({ shape: tensor.shape, data: new Float64Array(tensor.size) });
  const gradients = {
    queries: zero(queries),
    keys: zero(keys),
    values: zero(values),
    W_kR: zero(W_kR),
    u: zero(u),
    v: zero(v),
  };
  const width = W_kR.shape[2];
  for (const [b, h, i, j] of indices(P.shape)) {
    const pair = ((b * shape.heads + h) * shape.keyLength + i) * shape.keyLength + j;
    const s = ofScores.data[pair] / Math.sqrt(shape.headDim);
    const inMemory = Math.floor(i / segmentLength) !== Math.floor(j / segmentLength);
    const [q, k, r] = [row(queries, b, h, i), row(keys, b, h, j), distanceKey(parameters, h, i - j)];
    addTo(gradients.queries, [b, h, i], plus(k, r), s);
    addTo(gradients.u, [h], k, s);
    addTo(gradients.v, [h], r, s);
    for (const [c, each] of plus(q, row(v, h)).entries()) {
      addTo(gradients.W_kR, [h, c], sinusoid(i - j, width), s * each);
    }
    if (inMemory) continue;
    addTo(gradients.keys, [b, h, j], plus(q, row(u, h)), s);
    addTo(gradients.values, [b, h, j], row(G, b, h, i), P.data[pair]);
  }
  return gradients;
}

/** Adds factor · x to the row at the leading indices. */
function addTo(sums: { shape: readonly number[]; data: Float64Array }, leading: number[], x: number[], factor: number) {
  const start = leading.reduce((place, index, axis) => place * sums.shape[axis] + index, 0) * x.length;
  for (const [c, each] of x.entries()) sums.data[start + c] += factor * each;
}

/** Σ_j P_ij v_j. */
export function mixed(weights: Dense, values: Tensor): Dense {
  const length = weights.shape[3];
  return loop(values.shape, ([b, h, i, c]) => {
    let sum = 0;
    for (let j = 0; j < length; j++) {
      sum += weights.data[((b * values.shape[1] + h) * length + i) * length + j] * at(values, [b, h, j, c]);
    }
    return sum;
  });
}
