/** What the convolutions of the Compressive Transformer learn from: attention reconstruction (Rae et al. 2020, §3.2). */
import { noGrad } from '../../core/autograd.ts';
import { expectShape, formatShape, ShapeError } from '../../core/errors.ts';
import { expectRecord } from '../../core/expect.ts';
import { expectFloat, expectSameDType } from '../../core/ops/check.ts';
import { attention, detach, everything, mean, multiply, subtract } from '../../core/ops/index.ts';
import { expectTensor, type Tensor } from '../../core/tensor.ts';
import { compress } from './compression.ts';

/** The convolutions of a layer, parameters of `compressive`: [heads, c · headDim, headDim] each. */
export interface CompressionKernels {
  W_K: Tensor;
  W_V: Tensor;
}

/**
 * The mean over all numbers of (softmax(QKᵀ/√d) V − softmax(QK̃ᵀ/√d) Ṽ)², where K and V [batch, heads, groups · c, headDim] leave
 * the memory and K̃ and Ṽ are what the convolutions make of them (Rae et al. 2020, algorithm 2). The queries [batch, heads, queries,
 * headDim] are those of the segment. As in the paper, gradients flow to the convolutions alone: queries, keys and values count as
 * constants, so that compression does not change the model. Without distances and without padding. Throws ShapeError or
 * ArgumentError, with the name of the argument, for arguments that do not fit.
 *
 * Departs from the paper: a mean, where algorithm 2 has the norm of the difference. The scale of a loss of its own parameters makes
 * no difference to an optimiser such as Adam.
 *
 * @example
 * ```ts
 * const kernel = (seed: number) => randomNormal([heads, 3 * 16, 16], new Random(seed)).withGrad();
 * const [queries, keys, values] = [0, 1, 2].map((seed) => randomNormal([batch, heads, 12, 16], new Random(seed)));
 * backward(reconstructionLoss(queries, keys, values, { W_K: kernel(3), W_V: kernel(4) }));
 * ```
 */
export function reconstructionLoss(queries: Tensor, keys: Tensor, values: Tensor, kernels: CompressionKernels): Tensor {
  for (const [name, tensor] of Object.entries({ queries, keys, values })) expectTensor(name, tensor);
  expectRecord('kernels', kernels, { W_K: expectTensor, W_V: expectTensor });
  expectFloat('queries', queries);
  for (const [name, tensor] of Object.entries({ queries, keys, values })) {
    expectSameDType(name, tensor, queries.dtype, 'to match queries');
    if (tensor.shape.length !== 4)
      throw new ShapeError(`${name}: expected [batch, heads, length, headDim], got ${formatShape(tensor.shape)}`);
  }
  const [batch, heads, queryLength, headDim] = queries.shape;
  const length = keys.shape[2];
  expectShape('keys', keys.shape, [batch, heads, length, headDim], 'to match queries');
  expectShape('values', values.shape, keys.shape, 'to match keys');
  const { W_K, W_V } = kernels;
  const ratio = Math.floor((W_K.shape[1] ?? 0) / headDim);
  expectShape('kernels.W_K', W_K.shape, [heads, Math.max(1, ratio) * headDim, headDim], 'to convolve c keys');
  expectShape('kernels.W_V', W_V.shape, W_K.shape, 'to match W_K');
  for (const [name, tensor] of Object.entries({ W_K, W_V }))
    expectSameDType(`kernels.${name}`, tensor, queries.dtype, 'to match queries');
  if (length % ratio !== 0)
    throw new ShapeError(`keys: expected a multiple of ${ratio} rows, which W_K makes one of, got ${length}`);

  const [q, k, v] = [queries, keys, values].map(detach);
  const target = noGrad(() => attention(q, k, v, everything(queryLength, length)).output);
  const [K, V] = [
    [k, W_K],
    [v, W_V],
  ].map(([rows, kernel]) => compress(rows, ratio, { kind: 'convolution', kernel }, undefined));
  const difference = subtract(attention(q, K, V, everything(queryLength, length / ratio)).output, target);
  return mean(multiply(difference, difference));
}
