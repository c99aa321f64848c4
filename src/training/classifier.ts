/**
 * Transformers that answer with one of a few classes, about one text or about two.
 *
 *     pooled = mean of y over the real tokens, or y of the first one (a [CLS] token that the task puts there), or what a
 *              learned seed reads of them (pooling.ts)
 *     logits = relu(pooled W₁ + b₁) W₂ + b₂
 *
 * Two texts are read separately by the same encoder, so that each needs encoding only once (two towers, for retrieval). The
 * head reads [p, q, p ∘ q, p − q], as in the matching task of the Long Range Arena (Tay et al. 2021, §2.2.3).
 */

import { expectInteger } from '../core/errors.ts';
import { expectList } from '../core/expect.ts';
import { concat, mean, multiply, relu, reshape, slice, subtract, sum, zeroMasked } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';
import { expectContext } from './checks.ts';
import { completeConfig, type TransformerConfig, type TransformerSettings } from './config.ts';
import { type Linear, linear, linearParameters } from './linear.ts';
import { build, type ForwardContext, Model, named, within } from './module.ts';
import { type AttentionPooling, poolByAttention, poolingParameters } from './pooling.ts';
import { Transformer } from './transformer.ts';

/** The sizes of a transformer that classifies whole texts. */
export interface ClassifierConfig extends TransformerConfig {
  classes: number;
  /** `mean` by default; `attention` is that of Set Transformer. */
  pooling: 'mean' | 'first' | 'attention';
  /** Width of the hidden layer of the head; d_model by default. */
  classifierDim: number;
}

export type ClassifierSettings = TransformerSettings & Partial<ClassifierConfig> & Pick<ClassifierConfig, 'classes'>;

/** A hidden layer and logits. */
type Head = { hidden: Linear; output: Linear };

/** The common part of both kinds: an encoder, pooling and a head that reads `inputs` pooled vectors. */
abstract class PooledModel extends Model {
  readonly config: ClassifierConfig;
  readonly body: Transformer;
  readonly pooling: AttentionPooling | undefined;
  readonly classifier: Head;

  constructor(config: ClassifierConfig, inputs: number, random: Random) {
    super();
    const { modelDim, classifierDim, classes, dtype } = config;
    this.config = config;
    this.body = new Transformer(config, random.split('body'));
    this.pooling = config.pooling === 'attention' ? poolingParameters(config, random.split('pooling')) : undefined;
    this.classifier = {
      hidden: linearParameters(inputs * modelDim, classifierDim, random.split('hidden'), dtype),
      output: linearParameters(classifierDim, classes, random.split('output'), dtype),
    };
  }

  tensors(): Map<string, Tensor> {
    return named({ encoder: this.body.tensors(), pooling: this.pooling, classifier: this.classifier });
  }

  /**
   * One vector for each text: int32 tokens [batch, length] to [batch, modelDim]; `keyMask` uint8 [batch, length], 1 = a
   * real token. A text without real tokens gives zeros (pooling `mean`). Throws ShapeError or ArgumentError for inputs that
   * do not fit.
   */
  encode(tokens: Tensor, context: ForwardContext, keyMask?: Tensor): Tensor {
    const y = this.body.forward(tokens, context, keyMask);
    if (this.pooling !== undefined) return poolByAttention(y, keyMask, this.pooling, this.config.heads);
    if (this.config.pooling === 'first') return reshape(slice(y, 1, 0, 1), [y.shape[0], y.shape[2]]);
    return meanOfReal(y, keyMask);
  }

  protected logits(pooled: Tensor): Tensor {
    return linear(relu(linear(pooled, this.classifier.hidden)), this.classifier.output);
  }
}

export class Classifier extends PooledModel {
  /** Use `classifier`. */
  constructor(config: ClassifierConfig, random: Random) {
    super(config, 1, random);
  }

  /** int32 tokens [batch, length] to logits [batch, classes]; see `encode`. */
  forward(tokens: Tensor, context: ForwardContext, keyMask?: Tensor): Tensor {
    return scope(() => this.logits(this.encode(tokens, context, keyMask)));
  }
}

export class PairClassifier extends PooledModel {
  /** Use `pairClassifier`. */
  constructor(config: ClassifierConfig, random: Random) {
    super(config, 4, random);
  }

  /** Two texts, int32 tokens [batch, length] each, to logits [batch, classes]; the lengths may differ. See `encode`. */
  forward(
    tokens: readonly [Tensor, Tensor],
    context: ForwardContext,
    keyMasks: readonly [Tensor?, Tensor?] = [],
  ): Tensor {
    expectContext('context', context);
    expectList('tokens', tokens, undefined, 2);
    expectList('keyMasks', keyMasks);
    const [first, second] = tokens;
    const [firstMask, secondMask] = keyMasks;
    this.body.expectText(first, firstMask);
    this.body.expectText(second, secondMask);
    return scope(() => {
      const p = this.encode(first, within(context, 'first'), firstMask);
      const q = this.encode(second, within(context, 'second'), secondMask);
      return this.logits(concat([p, q, multiply(p, q), subtract(p, q)], 1));
    });
  }
}

/** A model with all parameters drawn from a seed. Throws ArgumentError for invalid settings. */
export function classifier(settings: ClassifierSettings, seed: number): Classifier {
  const config = completeClassifier(settings);
  return build(() => new Classifier(config, new Random(seed)));
}

/** The same for pairs of texts. */
export function pairClassifier(settings: ClassifierSettings, seed: number): PairClassifier {
  const config = completeClassifier(settings);
  return build(() => new PairClassifier(config, new Random(seed)));
}

function completeClassifier(settings: ClassifierSettings): ClassifierConfig {
  const body = completeConfig(settings);
  const config: ClassifierConfig = {
    pooling: 'mean',
    classifierDim: body.modelDim,
    classes: settings.classes,
    ...body,
  };
  expectInteger('classes', config.classes, 2);
  return config;
}

/** The mean of y [batch, length, width] over the tokens that the mask keeps, [batch, width]; zeros where it keeps none. */
export function meanOfReal(y: Tensor, keyMask: Tensor | undefined): Tensor {
  if (keyMask === undefined) return mean(y, 1);
  const [batch, length] = keyMask.shape;
  const flags = elements(keyMask);
  const shares = Array.from({ length: batch }, (_, b) => {
    const row = flags.subarray(b * length, (b + 1) * length);
    let count = 0;
    for (const flag of row) count += flag;
    return Array.from(row, (flag) => flag / Math.max(1, count));
  });
  return sum(multiply(zeroMasked(y, keyMask), fromArray(shares.flat(), [batch, length, 1], y.dtype)), 1);
}
