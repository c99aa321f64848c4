/**
 * Models with BERT's architecture (Devlin et al. 2019), with the layers of Vaswani et al. 2017:
 *
 *     x = norm(E[token] + P[position] + T[type])
 *     y = norm(x + attention(x)),   z = norm(y + act(y W₁ + b₁) W₂ + b₂)        in each layer
 *
 * BERT, RoBERTa, Longformer, BigBird and Nyströmformer differ in their description (encoder-config.ts) and in their attention
 * (own-attention.ts).
 */

import { ArgumentError, expectInteger, expectShape } from '../core/errors.ts';
import { expectBoolean, expectFunction, expectRecord, numberOf } from '../core/expect.ts';
import { expectSameDType } from '../core/ops/check.ts';
import { add, gatherRows, layerNorm, quietMasked, reshape, scale, slice, tanh } from '../core/ops/index.ts';
import { scope } from '../core/scope.ts';
import { elements, expectTensor, fromArray, type Tensor } from '../core/tensor.ts';
import { type Embedding, type Linear, linear, type Norm } from '../training/linear.ts';
import { dropped, evaluation, type ForwardContext, learned, named, within } from '../training/module.ts';
import { lossesOf, type OwnLosses } from '../training/own-loss.ts';
import type { ForwardOptions, LoadOptions, Plan, PretrainedModel, TextInputs, TextOutput } from './architecture.ts';
import { expectEncoderDescription } from './check-description.ts';
import type { Config } from './config.ts';
import { type AttentionCall, EncoderAttention } from './encoder-attention.ts';
import { describeEncoder, type EncoderDescription, type EncoderType } from './encoder-config.ts';
import { activations, classLogits, firstToken, type Head, maskedLMLogits, unfilledHead } from './encoder-head.ts';
import { encoderDestination, encoderName, hasPooler } from './encoder-names.ts';
import { expectFlags, expectForwardOptions, expectIds, expectLoadOptions, expectTextInputs } from './inputs.ts';
import { replacementsOf } from './replacement.ts';
import { unfilled, unfilledLinear, unfilledNorm } from './unfilled.ts';

interface EncoderLayer {
  attention: EncoderAttention;
  attentionNorm: Norm;
  feedForward: { inner: Linear; outer: Linear };
  feedForwardNorm: Norm;
}

/** BERT, RoBERTa, Longformer, BigBird or Nyströmformer with the weights of a checkpoint. */
export class Encoder implements PretrainedModel {
  /** The name in messages, even if a minifier renames the class. */
  static readonly name: string = 'Encoder';
  readonly description: EncoderDescription;
  readonly embeddings: { words: Embedding; positions: Embedding; tokenTypes: Embedding; norm: Norm };
  readonly layers: readonly EncoderLayer[];
  readonly pooler: Linear | undefined;
  readonly head: Head | undefined;

  /** Its tensors have no numbers yet. Use `loadPretrained`. */
  constructor(description: EncoderDescription, options: LoadOptions, pooler: boolean) {
    expectEncoderDescription(description);
    expectLoadOptions(options);
    expectBoolean('pooler', pooler);
    const { vocabulary, modelDim, feedForwardDim, tokenTypes, positionRows, firstPosition, length } = description;
    const { dtype = 'float32' } = options;
    this.description = description;
    const table = (rows: number): Embedding => ({ weight: unfilled([rows, modelDim], dtype) });
    this.embeddings = {
      words: table(vocabulary),
      positions: table(Math.max(positionRows, firstPosition + length)),
      tokenTypes: table(tokenTypes),
      norm: unfilledNorm(modelDim, dtype),
    };
    this.layers = replacementsOf(description, options).map((replacement, layer) => ({
      attention: new EncoderAttention(description, layer, dtype, replacement),
      attentionNorm: unfilledNorm(modelDim, dtype),
      feedForward: {
        inner: unfilledLinear(modelDim, feedForwardDim, dtype),
        outer: unfilledLinear(feedForwardDim, modelDim, dtype),
      },
      feedForwardNorm: unfilledNorm(modelDim, dtype),
    }));
    this.pooler = pooler ? unfilledLinear(modelDim, modelDim, dtype) : undefined;
    this.head = unfilledHead(description, dtype);
  }

  tensors(): Map<string, Tensor> {
    const { embeddings, pooler, head } = this;
    const layers = this.layers.map((layer) => ({ ...layer, attention: layer.attention.tensors() }));
    return named({ embeddings, layers, pooler, head });
  }

  parameters(): Map<string, Tensor> {
    return learned(this.tensors());
  }

  redraw(step: number): void {
    expectInteger('step', step, 0);
    for (const { attention } of this.layers) {
      if (attention.replacement?.own) attention.replacement.mixing.redraw(step);
    }
  }

  filled(): void {
    for (const { attention } of this.layers) attention.filled();
  }

  forward(inputs: TextInputs, options: ForwardOptions = {}): TextOutput {
    this.#expectInputs(inputs);
    expectForwardOptions(options);
    const { context = evaluation, attend, randomBlocks } = options;
    const { training } = context;
    return scope(() => this.#run(inputs, { ...this.#callOf(inputs, training), attend, randomBlocks }, context));
  }

  /**
   * The attention of one layer, projections included, of any x [batch, length, modelDim] in place of the hidden states that these
   * inputs have there; the result has the same shape. Differentiable as `forward`, without dropout. Throws as `forward`.
   */
  attention(layer: number, x: Tensor, inputs: TextInputs, training = false, losses?: OwnLosses): Tensor {
    expectInteger('layer', layer, 0, this.layers.length - 1);
    this.#expectInputs(inputs);
    expectTensor('x', x);
    expectSameDType('x', x, this.embeddings.words.weight.dtype, 'to match the model');
    expectShape('x', x.shape, [...inputs.tokens.shape, this.description.modelDim], 'to match tokens');
    expectBoolean('training', training);
    if (losses !== undefined) expectRecord('losses', losses as object, { scale: numberOf(), note: expectFunction });
    return this.layers[layer].attention.forward(x, { ...this.#callOf(inputs, training), losses });
  }

  #callOf({ tokens, keyMask, globalMask }: TextInputs, training: boolean): AttentionCall {
    return { training, keyMask, globalMask: globalMask ?? this.#globalByDefault(tokens) };
  }

  #run(inputs: TextInputs, call: AttentionCall, context: ForwardContext): TextOutput {
    const { description, head, pooler } = this;
    const hiddenStates = [this.#embed(inputs, within(context, 'embeddings'))];
    this.layers.forEach((layer, n) => {
      // Without a tape, a layer's output is all that is left.
      const own = { ...call, losses: lossesOf(context, n) };
      hiddenStates.push(scope(() => this.#layer(hiddenStates[n], layer, own, within(context, `layer ${n}`))));
    });
    const last = hiddenStates[hiddenStates.length - 1];
    const pooled = pooler && tanh(linear(firstToken(last), pooler));
    const output: TextOutput = { hiddenStates, ...(pooled && { pooled }) };
    if (head === undefined) return output;
    const logits =
      description.head === 'masked-lm'
        ? maskedLMLogits(last, head, this.embeddings.words.weight, description)
        : classLogits(last, pooled, head, description, within(context, 'head'));
    return { ...output, logits };
  }

  #embed({ tokens, tokenTypes, keyMask }: TextInputs, context: ForwardContext): Tensor {
    const { embeddingScale, dropout, epsilon, modelType, constantRow } = this.description;
    const { words, tokenTypes: types, norm } = this.embeddings;
    const rows = (ids: Tensor, { weight }: Embedding, constant?: number) => {
      const flat = gatherRows(weight, reshape(ids, [ids.size]), { constantRow: constant });
      return reshape(flat, [...ids.shape, weight.shape[1]]);
    };
    const ofWords = rows(tokens, words, constantRow ?? undefined);
    const ofTokens = embeddingScale === 1 ? ofWords : scale(ofWords, embeddingScale);
    const ofTypes = tokenTypes === undefined ? slice(types.weight, 0, 0, 1) : rows(tokenTypes, types);
    const sum = quietMasked(add(add(ofTokens, ofTypes), this.#positions(tokens)), keyMask);
    // BigBird applies dropout before the normalisation, the others after it.
    const drop = (x: Tensor) => dropped(x, dropout, context);
    const before = modelType === 'big_bird' ? drop(sum) : sum;
    const normed = layerNorm(before, norm.gain, norm.bias, epsilon);
    return modelType === 'big_bird' ? normed : drop(normed);
  }

  /** [length, modelDim], or [batch, length, modelDim] if padding is not counted. */
  #positions(tokens: Tensor): Tensor {
    const { firstPosition, paddingToken, modelDim } = this.description;
    const { weight } = this.embeddings.positions;
    const [batch, length] = tokens.shape;
    if (paddingToken === null) return slice(weight, 0, firstPosition, firstPosition + length);
    const ids = elements(tokens);
    const places = new Int32Array(ids.length);
    for (let text = 0; text < batch; text++) {
      let next = firstPosition;
      for (let at = text * length; at < (text + 1) * length; at++) {
        places[at] = ids[at] === paddingToken ? paddingToken : next++;
      }
    }
    return reshape(gatherRows(weight, places, { constantRow: paddingToken }), [batch, length, modelDim]);
  }

  #layer(x: Tensor, layer: EncoderLayer, call: AttentionCall, context: ForwardContext): Tensor {
    const { dropout, epsilon, activation } = this.description;
    const { attention, attentionNorm, feedForward, feedForwardNorm } = layer;
    const normed = (sum: Tensor, { gain, bias }: Norm) => layerNorm(sum, gain, bias, epsilon);
    const attended = dropped(attention.forward(x, call), dropout, within(context, 'attention'));
    const y = normed(add(attended, x), attentionNorm);
    const inner = activations[activation](linear(y, feedForward.inner));
    const outer = dropped(linear(inner, feedForward.outer), dropout, within(context, 'feed-forward'));
    return normed(add(outer, y), feedForwardNorm);
  }

  /** For classification, transformers makes the first token global unless the caller says which are. */
  #globalByDefault({ shape }: Tensor): Tensor | undefined {
    const { head, attention } = this.description;
    if (head !== 'classification' || attention.kind !== 'window') return undefined;
    const [batch, length] = shape;
    return fromArray(
      Array.from({ length: batch * length }, (_, at) => Number(at % length === 0)),
      shape,
      'uint8',
    );
  }

  #expectInputs(inputs: TextInputs): void {
    const { vocabulary, length, tokenTypes: types, attention } = this.description;
    expectTextInputs(inputs, vocabulary, length);
    const { tokens, tokenTypes, globalMask } = inputs;
    if (tokenTypes !== undefined) {
      expectIds('tokenTypes', tokenTypes, types);
      expectShape('tokenTypes', tokenTypes.shape, tokens.shape, 'to match tokens');
    }
    if (globalMask === undefined) return;
    if (attention.kind !== 'window') {
      throw new ArgumentError(`globalMask: expected none, because ${this.description.modelType} has no global tokens`);
    }
    expectFlags('globalMask', globalMask, tokens.shape);
  }
}

/** See `Plan`. */
export function planEncoder(config: Config, type: EncoderType): Plan {
  const description = describeEncoder(config, type);
  const { head, classifierActivation } = description;
  const needsPooler = head === 'classification' && classifierActivation === 'pooled';
  let pooler = needsPooler;
  return {
    description,
    build(options, stored) {
      const { length = description.length } = options;
      expectInteger('length', length, 1);
      pooler = needsPooler || (head === 'none' && hasPooler(stored, description));
      return new Encoder({ ...description, length }, options, pooler);
    },
    destination: (stored) => encoderDestination(stored, description, pooler),
    nameOf: (name, stored) => encoderName(name, stored, description),
  };
}
