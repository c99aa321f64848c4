/** What the convolutions of the Compressive Transformer learn from: attention reconstruction (Rae et al. 2020, §3.2). */
import { noGrad } from '../../core/autograd.ts';
import { expectInteger, expectShape, formatShape, ShapeError } from '../../core/errors.ts';
import { expectRecord } from '../../core/expect.ts';
import { expectFloat, expectSameDType } from '../../core/ops/check.ts';
import {
  add,
  attention,
  detach,
  everything,
  multiply,
  scale,
  slice,
  subtract,
  sum,
  zeroMasked,
} from '../../core/ops/index.ts';
import { elements, expectTensor, type Tensor } from '../../core/tensor.ts';
import type { AttentionInputs, Parameters } from '../variant.ts';
import { columnsOf, compress, maskOfGroups } from './compression.ts';
import { type MemoryOptions, placesOf } from './places.ts';

/** The convolutions of a layer, parameters of `compressive`: [heads, c · headDim, headDim] each. */
export interface CompressionKernels {
  W_K: Tensor;
  W_V: Tensor;
}

/**
 * The mean over all numbers of (softmax(QKᵀ/√d) V − softmax(QK̃ᵀ/√d) Ṽ)², where K and V [batch, heads, groups · c, headDim] leave
 * the memory and K̃ and Ṽ are what the convolutions make of them (Rae et al. 2020, algorithm 2). The queries [batch, heads, queries,
 * headDim] are those of the segment. As in the paper, gradients flow to the convolutions alone: queries, keys and values count as
 * constants, so that compression does not change the model. Without distances and without padding. `dilation` is that of the taps.
 * Training adds this loss by itself, where the tokens of a segment leave. Throws ShapeError or ArgumentError, with the name of the argument, for arguments that do not fit.
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
export function reconstructionLoss(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  kernels: CompressionKernels,
  dilation = 1,
): Tensor {
  for (const [name, tensor] of Object.entries({ queries, keys, values })) expectTensor(name, tensor);
  expectRecord('kernels', kernels, { W_K: expectTensor, W_V: expectTensor });
  expectFloat('queries', queries);
  for (const [name, tensor] of Object.entries({ queries, keys, values })) {
    expectSameDType(name, tensor, queries.dtype, 'to match queries');
    if (tensor.shape.length !== 4)
      throw new ShapeError(`${name}: expected [batch, heads, length, headDim], got ${formatShape(tensor.shape)}`);
  }
  const [batch, heads, , headDim] = queries.shape;
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

  expectInteger('dilation', dilation, 1);
  return scale(squares({ queries, keys, values }, kernels, ratio, dilation), 1 / queries.size);
}

/** Tokens that leave the memory, and the queries that met them; masks uint8 [batch, …]. */
interface Leaving {
  queries: Tensor;
  keys: Tensor;
  values: Tensor;
  queryMask?: Tensor | undefined;
  keyMask?: Tensor | undefined;
}

/** Σ (softmax(QKᵀ/√d) V − softmax(QK̃ᵀ/√d) Ṽ)² over real queries. */
function squares(
  { queries, keys, values, queryMask, keyMask }: Leaving,
  kernels: CompressionKernels,
  ratio: number,
  dilation: number,
) {
  const [q, k, v] = [queries, keys, values].map(detach);
  const [queryLength, length] = [q.shape[2], k.shape[2]];
  const target = noGrad(() => attention(q, k, v, everything(queryLength, length), { keyMask }).output);
  const [K, V] = [
    [k, kernels.W_K],
    [v, kernels.W_V],
  ].map(([rows, kernel]) => compress(rows, ratio, { kind: 'convolution', kernel, dilation }, keyMask));
  const rowMask = keyMask && maskOfGroups(keyMask, ratio, dilation);
  const made = attention(q, K, V, everything(queryLength, length / ratio), { keyMask: rowMask }).output;
  const difference = zeroMasked(subtract(made, target), queryMask);
  return sum(multiply(difference, difference));
}

/**
 * The loss of a layer: that of the tokens which leave with each whole segment, whose queries are those of algorithm 2. A mean over
 * all numbers of real queries, times its weight; null where there is no convolution, or nothing leaves.
 */
export function layerLoss(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: MemoryOptions & { reconstruction: number },
  { W_K, W_V }: Parameters,
): Tensor | null {
  const { segmentLength, ratio, dilation, reconstruction: weight } = options;
  if (weight === 0 || W_K === undefined) return null;
  const [batch, heads, length, headDim] = queries.shape;
  const losses: Tensor[] = [];
  let counted = 0;
  for (let end = segmentLength; end <= length; end += segmentLength) {
    const start = end - segmentLength;
    const [{ first }, after] = [placesOf(start, options), placesOf(end, options)];
    if (after.first === first) continue;
    const queryMask = keyMask && columnsOf(keyMask, start, end);
    const leaving = {
      queries: slice(queries, 2, start, end),
      ...{ keys: slice(keys, 2, first, after.first), values: slice(values, 2, first, after.first) },
      ...{ queryMask, keyMask: keyMask && columnsOf(keyMask, first, after.first) },
    };
    losses.push(squares(leaving, { W_K, W_V }, ratio, dilation));
    counted += queryMask ? Array.from(elements(queryMask)).filter((flag) => flag === 1).length : batch * segmentLength;
  }
  if (counted === 0) return null;
  return scale(losses.reduce(add), weight / (counted * heads * headDim));
}
