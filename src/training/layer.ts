/**
 * A layer of a Transformer: attention, then the same small network at every position, each in a residual branch.
 *
 *     post (Vaswani et al. 2017, §3.1):   y = norm(x + F(x)),     z = norm(y + G(y))
 *     pre (Xiong et al. 2020, fig. 1):    y = x + F(norm(x)),     z = y + G(norm(y))
 *
 * with F the attention and G the feed-forward layer, both followed by dropout (§5.4). Pre trains without a warm-up; the
 * stack then ends with a normalisation. A normalisation that comes first counts as part of the branch, so that reversible
 * layers can take the branches unchanged.
 *
 * The feed-forward layer is FF(x) = gelu(x W₁ + b₁) W₂ + b₂ (§3.3, with the activation of Hendrycks & Gimpel 2016).
 * Between its two products it is d_ff numbers wide, several times as wide as the model. No position sees another, so the
 * length can be processed in chunks, one at a time, in both passes (Kitaev et al. 2020, eq. 10).
 */
import { expectInteger, expectShape } from '../core/errors.ts';
import { expectAxes, expectFloat, expectSameDType } from '../core/ops/check.ts';
import { add, dropout, gelu, matmul, scale } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import { randomNormal, type Tensor, zeros } from '../core/tensor.ts';
import { MultiHeadAttention } from './attention.ts';
import { placeOf, type TransformerConfig } from './config.ts';
import { type Norm, normalize, normParameters } from './linear.ts';
import type { AttentionSettings, Mixing } from './mixing.ts';
import { type Module, named } from './module.ts';
import { recomputedInChunks } from './recompute.ts';
import type { Branch, Pass } from './repeatable.ts';

/** F and G. */
export interface Branches {
  f: Branch;
  g: Branch;
}

/** The attention of F: the module's `forward` for whole sequences, or a step of generation. */
export type Attend = (x: Tensor, once: Pass['once']) => Tensor;

export class TransformerLayer implements Module {
  readonly attention: MultiHeadAttention;
  readonly attentionNorm: Norm;
  readonly feedForward: FeedForwardParameters;
  readonly feedForwardNorm: Norm;
  readonly #config: TransformerConfig;

  constructor(config: TransformerConfig, attention: AttentionSettings, random: Random, mixing?: Mixing) {
    const { modelDim, feedForwardDim = 4 * modelDim, dtype } = config;
    this.#config = config;
    this.attention = new MultiHeadAttention(attention, placeOf(config), random.split('attention'), mixing);
    this.attentionNorm = normParameters(modelDim, dtype);
    this.feedForward = feedForwardParameters(modelDim, feedForwardDim, random.split('feed-forward'), dtype);
    this.feedForwardNorm = normParameters(modelDim, dtype);
  }

  tensors(): Map<string, Tensor> {
    const { attention, attentionNorm, feedForward, feedForwardNorm } = this;
    return named({ attention: attention.tensors(), attentionNorm, feedForward, feedForwardNorm });
  }

  /** F, which uses `attend`, and G. Both are functions of x and of the pass. */
  branches(attend: Attend, training: boolean): Branches {
    const { norm, dropout: rate, feedForwardChunk } = this.#config;
    const first = (x: Tensor, parameters: Norm) => (norm === 'pre' ? normalize(x, parameters) : x);
    const dropped = (x: Tensor, { random }: Pass) => (training ? dropout(x, rate, random) : x);
    const chunks = feedForwardChunk === 0 ? {} : { chunkLength: feedForwardChunk };
    return {
      f: (x, pass) => dropped(attend(first(x, this.attentionNorm), pass.once), pass),
      g: (x, pass) => dropped(feedForward(first(x, this.feedForwardNorm), this.feedForward, chunks), pass),
    };
  }

  /** The layer with its activations on the tape; `random` is the stream that `reversible` would pass to the branches. */
  plain(x: Tensor, { f, g }: Branches, random: Random): Tensor {
    const pass = (name: string): Pass => ({ random: random.split(name).split('pass'), once: (_, make) => make() });
    const last = (sum: Tensor, parameters: Norm) => (this.#config.norm === 'post' ? normalize(sum, parameters) : sum);
    const y = last(add(x, f(x, pass('f'))), this.attentionNorm);
    return last(add(y, g(y, pass('g'))), this.feedForwardNorm);
  }
}

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
