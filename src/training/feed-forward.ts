/**
 * The position-wise feed-forward layer of a Transformer, FF(x) = gelu(x W₁ + b₁) W₂ + b₂ (Vaswani et al. 2017, §3.3,
 * with the activation of Hendrycks & Gimpel 2016). Between its two products it is d_ff numbers wide, several times as
 * wide as the model. As no position sees another, the length can be worked off in chunks, of which one is held at a
 * time, in both passes (Kitaev et al. 2020, eq. 10).
 */
import { expectInteger, expectShape } from '../core/errors.ts';
import { expectAxes, expectFloat, expectSameDType } from '../core/ops/check.ts';
import { add, gelu, matmul, scale } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { randomNormal, type Tensor, zeros } from '../core/tensor.ts';
import { recomputedInChunks } from './recompute.ts';

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
  /** Positions that are worked off together; all of them by default, and then nothing is computed twice. */
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
 * FF(x) for x [..., length, width]. The result is the same for any chunk length, and so are the gradients but for the
 * order of the sums over positions. In chunks, the backward pass computes each of them again.
 * Throws ShapeError or ArgumentError for what does not fit.
 */
export function feedForward(x: Tensor, parameters: FeedForwardParameters, options: FeedForwardOptions = {}): Tensor {
  expectInputs(x, parameters);
  const length = x.shape[x.shape.length - 2];
  const { chunkLength = length } = options;
  expectInteger('chunkLength', chunkLength, 1);
  const { W1, b1, W2, b2 } = parameters;
  const whole = (each: Tensor) => add(matmul(gelu(add(matmul(each, W1), b1)), W2), b2);
  if (chunkLength >= length) return whole(x);
  return recomputedInChunks(whole, x, -2, chunkLength, [W1, b1, W2, b2]);
}

function expectInputs(x: Tensor, { W1, b1, W2, b2 }: FeedForwardParameters): void {
  expectFloat('x', x);
  expectAxes('x', x, 2);
  for (const [name, tensor] of Object.entries({ W1, b1, W2, b2 })) {
    expectSameDType(`parameters.${name}`, tensor, x.dtype, 'to match x');
  }
  const width = x.shape[x.shape.length - 1];
  const hidden = W1.shape[1];
  expectShape('parameters.W1', W1.shape, [width, hidden], 'to match x');
  expectShape('parameters.b1', b1.shape, [hidden], 'to match W1');
  expectShape('parameters.W2', W2.shape, [hidden, width], 'to match W1');
  expectShape('parameters.b2', b2.shape, [width], 'to match x');
}
