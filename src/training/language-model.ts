/**
 * A Transformer that predicts tokens: the next one after each position (`causal: true`, a decoder, which can generate), or
 * the one that stands at each position (`causal: false`, an encoder to be trained on masked tokens).
 *
 *     logits = y Eᵀ, with the embedding's own E (Press & Wolf 2017; Vaswani et al. 2017, §3.4), or y W + b
 */
import { noGrad } from '../core/autograd.ts';
import { expectArrayLike } from '../core/dtype.ts';
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { matmul, reshape } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { fromNumbers, scope, type Tensor } from '../core/tensor.ts';
import { completeConfig, type TransformerConfig, type TransformerSettings } from './config.ts';
import type { ForwardContext } from './context.ts';
import { type Linear, linear, linearParameters } from './linear.ts';
import { Model } from './model.ts';
import { build, named } from './named.ts';
import { Transformer } from './transformer.ts';

export interface LanguageModelConfig extends TransformerConfig {
  /** Whether the output takes the embedding's weights; true by default. */
  tied: boolean;
}

export type LanguageModelSettings = TransformerSettings & Partial<LanguageModelConfig>;

/** A batch of sequences that grow by a token at a time. */
export interface Generation {
  /** Tokens so far. */
  readonly position: number;
  /**
   * The next token of each sequence, to the logits of the one after it, [batch, vocabulary]: a row of `forward`. Throws
   * ArgumentError for tokens that are none, and after as many as the model's length.
   */
  step(tokens: ArrayLike<number>): Tensor;
  /** Releases what was remembered. */
  end(): void;
}

export class LanguageModel extends Model {
  readonly config: LanguageModelConfig;
  readonly body: Transformer;
  readonly output: Linear | undefined;

  /** Use `languageModel`. */
  constructor(config: LanguageModelConfig, random: Random) {
    super();
    const { modelDim, vocabulary, tied, dtype } = config;
    this.config = config;
    this.body = new Transformer(config, random.split('body'));
    this.output = tied ? undefined : linearParameters(modelDim, vocabulary, random.split('output'), dtype);
  }

  tensors(): Map<string, Tensor> {
    return named({ [this.config.causal ? 'decoder' : 'encoder']: this.body.tensors(), output: this.output });
  }

  /**
   * int32 tokens [batch, length] to logits [batch, length, vocabulary]; `keyMask` uint8 [batch, length], 1 = a real token,
   * 0 = padding. Throws ShapeError or ArgumentError for tokens that do not fit.
   */
  forward(tokens: Tensor, context: ForwardContext, keyMask?: Tensor): Tensor {
    return scope(() => this.#logits(this.body.forward(tokens, context, keyMask)));
  }

  /** Throws ArgumentError unless the model is causal, UnsupportedError for a variant that cannot generate. */
  startGeneration(batch: number): Generation {
    expectInteger('batch', batch, 1);
    const steps = this.body.startSteps(batch);
    const { vocabulary } = this.config;
    return {
      get position() {
        return steps.position;
      },
      step: (tokens) => {
        const { length } = expectArrayLike('tokens', tokens);
        if (length !== batch) throw new ArgumentError(`tokens: expected ${batch}, got ${length}`);
        return scope(() =>
          noGrad(() =>
            reshape(this.#logits(steps.step(fromNumbers('tokens', tokens, [batch, 1], 'int32'))), [batch, vocabulary]),
          ),
        );
      },
      end: () => steps.end(),
    };
  }

  #logits(y: Tensor): Tensor {
    if (this.output !== undefined) return linear(y, this.output);
    return matmul(y, this.body.embedding.weight, { transposeB: true });
  }
}

/** A model with all parameters drawn from a seed. Throws ArgumentError for settings that cannot be right. */
export function languageModel(settings: LanguageModelSettings, seed: number): LanguageModel {
  const config = { tied: true, ...completeConfig(settings) };
  return build(() => new LanguageModel(config, new Random(seed)));
}
