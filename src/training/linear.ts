/** The basic modules: x W + b, layer normalisation, and rows of a table. */
import { ArgumentError, expectInteger, formatShape, ShapeError } from '../core/errors.ts';
import { affine } from '../core/ops/affine.ts';
import { expectTensor } from '../core/ops/check.ts';
import { gatherRows, layerNorm, matmul, reshape, scale } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { elements, fromArray, ones, randomNormal, type Tensor, zeros } from '../core/tensor.ts';

/** The types of numbers that a model can compute with. */
export type FloatType = 'float32' | 'float64';

/** A type, not an interface, so that a module's record of parts can hold it; so are those below. */
export type Linear = {
  /** [inputs, outputs], as in x W. */
  weight: Tensor;
  /** [inputs, rank] of a low rank, as in x W₁ W, where W is [rank, outputs]. */
  inner?: Tensor;
  /** [outputs] */
  bias?: Tensor;
};

/** Weights N(0, 2/(inputs + outputs)) (Glorot & Bengio 2010), bias 0; all learned. With a rank there are two, x W₁ W. */
export function linearParameters(
  inputs: number,
  outputs: number,
  random: Random,
  dtype: FloatType,
  rank?: number,
): Linear {
  expectInteger('inputs', inputs, 1);
  expectInteger('outputs', outputs, 1);
  if (rank !== undefined) expectInteger('rank', rank, 1);
  const draw = (name: string, from: number, to: number) =>
    scale(randomNormal([from, to], random.split(name), dtype), Math.sqrt(2 / (from + to))).withGrad();
  return {
    weight: draw('weight', rank ?? inputs, outputs),
    ...(rank !== undefined && { inner: draw('inner', inputs, rank) }),
    bias: zeros([outputs], dtype).withGrad(),
  };
}

/** A copy that is learned by itself. */
export function copyOfLinear({ weight, inner, bias }: Linear): Linear {
  const copy = (tensor: Tensor) => fromArray(tensor.toArray(), tensor.shape, tensor.dtype).withGrad();
  return { weight: copy(weight), ...(inner && { inner: copy(inner) }), ...(bias && { bias: copy(bias) }) };
}

/** x W + b, or x W₁ W + b, for x [..., inputs]. */
export function linear(x: Tensor, { weight, inner, bias }: Linear): Tensor {
  const last = inner === undefined ? x : matmul(x, inner);
  return bias === undefined ? matmul(last, weight) : affine(last, weight, bias);
}

/** g and b of layer normalisation (Ba et al. 2016). */
export type Norm = {
  /** [width] */
  gain: Tensor;
  /** [width] */
  bias: Tensor;
};

export function normParameters(width: number, dtype: FloatType): Norm {
  return { gain: ones([width], dtype).withGrad(), bias: zeros([width], dtype).withGrad() };
}

export function normalize(x: Tensor, { gain, bias }: Norm): Tensor {
  return layerNorm(x, gain, bias);
}

export type Embedding = {
  /** [vocabulary, width] */
  weight: Tensor;
};

/** N(0, 1/width): rows of norm about 1, as a tied output needs. */
export function embeddingParameters(vocabulary: number, width: number, random: Random, dtype: FloatType): Embedding {
  expectInteger('vocabulary', vocabulary, 1);
  expectInteger('width', width, 1);
  return { weight: scale(randomNormal([vocabulary, width], random, dtype), 1 / Math.sqrt(width)).withGrad() };
}

/**
 * √width times the row of each token (Vaswani et al. 2017, §3.4), so that entries are of size 1: [batch, length, width]
 * for int32 tokens [batch, length]. Throws ShapeError or ArgumentError for other tokens.
 */
export function embed(tokens: Tensor, { weight }: Embedding): Tensor {
  const [vocabulary, width] = weight.shape;
  expectTokens('tokens', tokens, vocabulary);
  const rows = gatherRows(weight, reshape(tokens, [tokens.size]));
  return scale(reshape(rows, [...tokens.shape, width]), Math.sqrt(width));
}

/** Throws ArgumentError or ShapeError unless these are int32 [batch, length] of 0 … vocabulary − 1. */
export function expectTokens(name: string, tokens: Tensor, vocabulary: number): void {
  expectTensor(name, tokens);
  if (tokens.dtype !== 'int32') throw new ArgumentError(`${name}: expected int32, got ${tokens.dtype}`);
  if (tokens.shape.length !== 2) {
    throw new ShapeError(`${name}: expected [batch, length], got ${formatShape(tokens.shape)}`);
  }
  const at = elements(tokens).findIndex((token) => token < 0 || token >= vocabulary);
  if (at < 0) return;
  throw new ArgumentError(`${name}: expected 0 to ${vocabulary - 1}, got ${elements(tokens)[at]} at element ${at}`);
}
