/**
 * The sparse projections of Scaling Transformers (Jaszczur et al. 2021, *Sparse is Enough in Scaling Transformers*, arXiv
 * 2111.12763, §3.2): a product of two narrow matrices, then a convolution, in place of the dense projections of attention.
 *
 * Problem: to decode one token, attention reads d² weights for each of its queries, keys, values and output.
 * Idea: the width d is split into S modules of M = d/S numbers. The multiplicative layer can bring any number of a token into any
 *   module (theorem 1). A convolution over modules and over the last tokens, with the same filters everywhere, makes the queries
 *   of what is there, another one the keys, a third the values.
 * Cost: d · (S + M) + 3 F² M² + 3 M weights, with S about √d of order d^1.5, in place of 4d². No output projection is left.
 * It gives up: filters see F neighbouring modules of the last F tokens, and nothing mixes the heads behind the attention.
 *
 *     y_{s,m} = Σ_i x_i D_{i,s} E_{i,m},   D [d, S], E [d, M]                               (multiplicative dense layer)
 *     Q_{t,s} = b + Σ_{i,j < F} y_{t−F+1+i, s−⌊F/2⌋+j} W_{i,j},   W [F, F, M, M]            (convolutional layer; K, V alike)
 *
 * where y is 0 before the first token, at padding, and beyond the first and the last module.
 *
 * Departs from the paper: with a gate of the values their filters are twice as many; gates of variants are dense projections
 * here as everywhere; W has the weights of Glorot & Bengio 2010 at first, D a deviation of ½ and E Glorot's, as in Trax.
 */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { affine } from '../core/ops/affine.ts';
import {
  concat,
  expandDims,
  matmul,
  multiply,
  reshape,
  scale,
  slice,
  transpose,
  zeroMasked,
} from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { randomNormal, type Tensor, zeros } from '../core/tensor.ts';
import type { FloatType, Linear } from './linear.ts';
import type { ProjectionPlace, ProjectionSettings } from './projections.ts';

/** A type, so that a module's record of parts can hold it. */
export type Multiplicative = {
  /** [modelDim, S] */
  D: Tensor;
  /** [modelDim, M] */
  E: Tensor;
};

/** S, M and F. */
export interface MultiplicativeSizes {
  modules: number;
  width: number;
  kernel: number;
}

/** y [batch, S, length, M] for x [batch, length, modelDim]. */
export function multiplicative(x: Tensor, { D, E }: Multiplicative): Tensor {
  const [batch, length, modelDim] = x.shape;
  const [S, M] = [D.shape[1], E.shape[1]];
  if (batch * length < M) {
    // (x ∘ D_s) E for each module: a few tokens need read no more than D and E.
    const scaled = multiply(expandDims(x, 1), reshape(transpose(D, [1, 0]), [S, 1, modelDim]));
    return matmul(scaled, E);
  }
  // D_s ∘ E of all modules as one matrix: many tokens need not be held S times.
  const weights = reshape(multiply(expandDims(D, 2), expandDims(E, 1)), [modelDim, S * M]);
  return transpose(reshape(matmul(x, weights), [batch, length, S, M]), [0, 2, 1, 3]);
}

/**
 * What the filters see of each token and module, [batch, length, S, F · F · M], and the rows of the last F − 1 tokens,
 * [batch, S, F − 1, M], for the next call; undefined for F = 1. F is read off the filters.
 */
export function neighbours(
  x: Tensor,
  parameters: Multiplicative,
  { weight }: Linear,
  keyMask: Tensor | undefined,
  before: Tensor | undefined,
): { windows: Tensor; last: Tensor | undefined } {
  const F = weight.shape[0];
  const half = (F - 1) / 2;
  const y = zeroMasked(multiplicative(x, parameters), keyMask);
  const [batch, S, length, M] = y.shape;
  const rows = F === 1 ? y : concat([before ?? zeros([batch, S, F - 1, M], y.dtype), y], 2);
  const none = half === 0 ? [] : [zeros([batch, half, length + F - 1, M], y.dtype)];
  const all = concat([...none, rows, ...none], 1);
  const seen: Tensor[] = [];
  for (let i = 0; i < F; i++) {
    for (let j = 0; j < F; j++) seen.push(slice(slice(all, 2, i, i + length), 1, j, j + S));
  }
  const windows = transpose(concat(seen, 3), [0, 2, 1, 3]);
  return { windows, last: F === 1 ? undefined : slice(rows, 2, length, length + F - 1) };
}

/** The filters [F, F, M, filters] over all windows, and `finish` on each module's result: [batch, length, S · …]. */
export function filtered(windows: Tensor, { weight, bias }: Linear, finish: (rows: Tensor) => Tensor): Tensor {
  const [batch, length, S, seen] = windows.shape;
  const matrix = reshape(weight, [seen, weight.shape[3]]);
  const rows = finish(affine(windows, matrix, bias as Tensor));
  return reshape(rows, [batch, length, S * rows.shape[3]]);
}

/** Throws ArgumentError unless the width can be split into these modules, and a filter has a middle. */
export function expectMultiplicative(
  { modules, projectionKernel: kernel = 3 }: ProjectionSettings,
  { modelDim, heads, headDim }: ProjectionPlace,
): MultiplicativeSizes {
  if (heads * headDim !== modelDim) {
    throw new ArgumentError(
      `headDim: expected modelDim / heads with multiplicative projections, which have no output projection, got ${headDim}`,
    );
  }
  const S = modules ?? heads;
  expectInteger('modules', S, 1);
  if (modelDim % S !== 0) {
    throw new ArgumentError(`modules: expected a divisor of modelDim ${modelDim}, got ${S}`);
  }
  expectInteger('projectionKernel', kernel, 1);
  if (kernel % 2 === 0) throw new ArgumentError(`projectionKernel: expected an odd number, got ${kernel}`);
  return { modules: S, width: modelDim / S, kernel };
}

/** D N(0, ¼), E N(0, 2/(d + M)). */
export function multiplicativeParameters(
  modelDim: number,
  { modules, width }: MultiplicativeSizes,
  random: Random,
  dtype: FloatType,
): Multiplicative {
  const draw = (name: string, shape: number[], deviation: number) =>
    scale(randomNormal(shape, random.split(name), dtype), deviation).withGrad();
  return {
    D: draw('D', [modelDim, modules], 0.5),
    E: draw('E', [modelDim, width], Math.sqrt(2 / (modelDim + width))),
  };
}

/** `times` · M filters of F × F × M, N(0, 2/(F² (inputs + outputs))), bias 0. */
export function windowParameters(
  { width, kernel: F }: MultiplicativeSizes,
  times: number,
  random: Random,
  dtype: FloatType,
): Linear {
  const outputs = times * width;
  const deviation = Math.sqrt(2 / (F * F * (width + outputs)));
  return {
    weight: scale(randomNormal([F, F, width, outputs], random.split('weight'), dtype), deviation).withGrad(),
    bias: zeros([outputs], dtype).withGrad(),
  };
}
