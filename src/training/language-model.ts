/**
 * A Transformer that predicts tokens: the next one after each position (`causal: true`, a decoder, which can generate), or
 * the token at each position (`causal: false`, an encoder to be trained on masked tokens).
 *
 *     logits = y Eᵀ, with the embedding's own E (Press & Wolf 2017; Vaswani et al. 2017, §3.4), or y W + b
 */
import { noGrad } from '../core/autograd.ts';
import { expectArrayLike } from '../core/dtype.ts';
import { ArgumentError, expectInteger } from '../core/errors.ts';
import { expectList } from '../core/expect.ts';
import { matmul, reshape, slice } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { fromNumbers, type Tensor } from '../core/tensor.ts';
import type { AttentionState } from '../variants/state.ts';
import { completeConfig, type TransformerConfig, type TransformerSettings } from './config.ts';
import { type Linear, linear, linearParameters } from './linear.ts';
import { build, type ForwardContext, Model, named } from './module.ts';
import { Transformer } from './transformer.ts';

/** The sizes of a transformer that predicts tokens. */
export interface LanguageModelConfig extends TransformerConfig {
  /** Whether the output shares the embedding's weights; true by default. */
  tied: boolean;
}

export type LanguageModelSettings = TransformerSettings & Partial<LanguageModelConfig>;

/** A batch of sequences that grow by one or more tokens at a time. */
export interface Generation {
  /** Tokens so far. */
  readonly position: number;
  /**
   * The next tokens of each sequence, [batch][n], to the logits of the one after them, [batch, vocabulary]: a row of
   * `forward`. Throws ArgumentError for invalid tokens, and for more than the model's length.
   */
  read(tokens: readonly ArrayLike<number>[]): Tensor;
  /** The same for one token of each sequence, [batch]. */
  step(tokens: ArrayLike<number>): Tensor;
  /**
   * The states of the layers after the tokens so far, as copies: `startGeneration` continues from them any number of times,
   * and `saveGeneration` writes them to a file. Empty before the first token. `stateBytes` returns the size of each.
   */
  states(): AttentionState[];
  /** Releases the state. Nothing is read after it, and there are no states: that throws ArgumentError. */
  end(): void;
}

export class LanguageModel extends Model {
  /** The name in messages, even if a minifier renames the class. */
  static override readonly name: string = 'LanguageModel';
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
    return scope(() => this.logitsOf(this.body.forward(tokens, context, keyMask)));
  }

  /** The second half of `forward`: vectors of the body [batch, length, modelDim] to logits. */
  logitsOf(y: Tensor): Tensor {
    if (this.output !== undefined) return linear(y, this.output);
    return matmul(y, this.body.embedding.weight, { transposeB: true });
  }

  /**
   * Continues from the `states()` of an earlier generation, or starts from nothing. Throws ArgumentError unless the model is
   * causal and the states are those of its layers, UnsupportedError for a variant that cannot generate.
   */
  startGeneration(batch: number, states: readonly AttentionState[] = []): Generation {
    expectInteger('batch', batch, 1);
    expectList('states', states);
    const steps = this.body.startSteps(batch, states);
    const { vocabulary } = this.config;
    let ended = false;
    const expectGoing = () => {
      if (ended) throw new ArgumentError('generation: expected one that goes on, got one that was ended');
    };
    const read = (tokens: ArrayLike<number>, count: number) => {
      expectGoing();
      return scope(() =>
        noGrad(() => {
          const rows = steps.step(fromNumbers('tokens', tokens, [batch, count], 'int32'));
          return reshape(this.logitsOf(slice(rows, 1, count - 1, count)), [batch, vocabulary]);
        }),
      );
    };
    return {
      get position() {
        return steps.position;
      },
      read: (tokens) => {
        const { length } = expectPrompts('tokens', tokens);
        if (tokens.length !== batch) throw new ArgumentError(`tokens: expected ${batch} lists, got ${tokens.length}`);
        return read(
          tokens.flatMap((each) => Array.from(each)),
          length,
        );
      },
      step: (tokens) => {
        const { length } = expectArrayLike('tokens', tokens);
        if (length !== batch) throw new ArgumentError(`tokens: expected ${batch}, got ${length}`);
        return read(tokens, 1);
      },
      states: () => {
        expectGoing();
        return steps.states();
      },
      end: () => {
        ended = true;
        steps.end();
      },
    };
  }
}

/** A model with all parameters drawn from a seed. Throws ArgumentError for invalid settings. */
export function languageModel(settings: LanguageModelSettings, seed: number): LanguageModel {
  const config = { tied: true, ...completeConfig(settings) };
  return build(() => new LanguageModel(config, new Random(seed)));
}

/** Throws ArgumentError unless the sequences have one length of at least 1. */
export function expectPrompts(name: string, prompts: readonly ArrayLike<number>[]): { length: number } {
  expectList(name, prompts);
  if (prompts.length === 0) throw new ArgumentError(`${name}: expected at least one, got none`);
  prompts.forEach((prompt, n) => {
    expectArrayLike(`${name}[${n}]`, prompt);
    if (prompt.length === prompts[0].length && prompt.length > 0) return;
    throw new ArgumentError(`${name}[${n}]: expected ${Math.max(1, prompts[0].length)} tokens, got ${prompt.length}`);
  });
  return { length: prompts[0].length };
}
