/**
 * The feed-forward layer of Vaswani et al. 2017, §3.3, with the activation of Hendrycks & Gimpel 2016:
 *
 *     FF(x) = gelu(x W₁ + b₁) W₂ + b₂
 *
 * Between its two products it is d_ff numbers wide, several times as wide as the model. No position sees another, so the
 * length can be processed in chunks, one at a time, in both passes (Kitaev et al. 2020, eq. 10).
 */
import { expectInteger, expectShape } from '../../core/errors.ts';
import { affine } from '../../core/ops/affine.ts';
import { expectAxes, expectFloat, expectSameDType } from '../../core/ops/check.ts';
import { gelu, scale } from '../../core/ops/index.ts';
import type { Random } from '../../core/random.ts';
import { randomNormal, type Tensor, zeros } from '../../core/tensor.ts';
import { recomputedInChunks } from '../recompute.ts';
import type { FeedForwardKind } from './kind.ts';

/** A type, not an interface, so that a model's record of learned tensors can hold it. */
export type FeedForwardParameters = {
  /** [width, hidden] */
  W1: Tensor;
  /** [hidden] */
  b1: Tensor;
  /** [hidden, width] */
  W2: Tensor;
  /** [width] */
  b2: Tensor;
};

export interface FeedForwardOptions {
  /** Positions that are processed together. By default all of them, and then nothing is computed twice. */
  chunkLength?: number;
}

/** Weights N(0, 2/(width + hidden)) (Glorot & Bengio 2010), biases 0; all learned. */
export function feedForwardParameters(
  width: number,
  hidden: number,
  random: Random,
  dtype: 'float32' | 'float64' = 'float32',
): FeedForwardParameters {
  expectInteger('width', width, 1);
  expectInteger('hidden', hidden, 1);
  const deviation = Math.sqrt(2 / (width + hidden));
  const weights = (name: string, shape: number[]) =>
    scale(randomNormal(shape, random.split(name), dtype), deviation).withGrad();
  return {
    W1: weights('W1', [width, hidden]),
    b1: zeros([hidden], dtype).withGrad(),
    W2: weights('W2', [hidden, width]),
    b2: zeros([width], dtype).withGrad(),
  };
}

/**
 * FF(x) for x [..., length, width]. The result is the same for any chunk length, and so are the gradients except for the
 * order of sums over positions. With chunks, the backward pass recomputes each of them. Throws ShapeError or ArgumentError
 * for inputs that do not fit.
 */
export function feedForward(x: Tensor, parameters: FeedForwardParameters, options: FeedForwardOptions = {}): Tensor {
  expectInputs(x, parameters);
  const length = x.shape[x.shape.length - 2];
  const { chunkLength = length } = options;
  expectInteger('chunkLength', chunkLength, 1);
  if (chunkLength >= length) return whole(x, parameters);
  const { W1, b1, W2, b2 } = parameters;
  return recomputedInChunks((chunk) => whole(chunk, parameters), x, -2, chunkLength, [W1, b1, W2, b2]);
}

function whole(x: Tensor, { W1, b1, W2, b2 }: FeedForwardParameters): Tensor {
  return affine(gelu(affine(x, W1, b1)), W2, b2);
}

function expectInputs(x: Tensor, { W1, b1, W2, b2 }: FeedForwardParameters): void {
  expectFloat('x', x);
  expectAxes('x', x, 2);
  expectSameDType('parameters.W1', W1, x.dtype, 'to match x');
  expectSameDType('parameters.b1', b1, x.dtype, 'to match x');
  expectSameDType('parameters.W2', W2, x.dtype, 'to match x');
  expectSameDType('parameters.b2', b2, x.dtype, 'to match x');
  const width = x.shape[x.shape.length - 1];
  const hidden = W1.shape[1];
  expectShape('parameters.W1', W1.shape, [width, hidden], 'to match x');
  expectShape('parameters.b1', b1.shape, [hidden], 'to match W1');
  expectShape('parameters.W2', W2.shape, [hidden, width], 'to match W1');
  expectShape('parameters.b2', b2.shape, [width], 'to match x');
}

/** The layer of every Transformer, as a kind for `feedForward` of a model. */
export const denseKind: FeedForwardKind<object, FeedForwardParameters> = {
  name: 'dense',
  papers: [{ authors: 'Vaswani et al.', year: 2017, title: 'Attention Is All You Need', arxiv: '1706.03762' }],
  options: {},
  counts: (_, { width, hidden }) => {
    const all = 2 * width * hidden + hidden + width;
    return { all, active: all };
  },
  parameters: (_, { width, hidden, dtype }, random) => feedForwardParameters(width, hidden, random, dtype),
  apply: (x, _, parameters, { chunkLength }) =>
    feedForward(x, parameters, chunkLength === undefined ? {} : { chunkLength }),
};
