/** A layer's attention between its projections: its own, or a variant that replaces it. */

import { contiguous, reshape, transpose } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { softmaxWeights, weightsOf } from '../training/conversion/weights.ts';
import { type FloatType, type Linear, linear } from '../training/linear.ts';
import { type Module, named } from '../training/module.ts';
import type { OwnLosses } from '../training/own-loss.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { AttendInstead, RandomBlocks } from './architecture.ts';
import type { EncoderDescription } from './encoder-config.ts';
import { attendedInstead } from './inputs.ts';
import { attendAsReleased } from './own-attention.ts';
import { hasGlobalTokens, REPLACEMENT, type Replacement, startAs } from './replacement.ts';
import { unfilled, unfilledLinear } from './unfilled.ts';

type Projections = { query: Linear; key: Linear; value: Linear };

export interface AttentionCall {
  training: boolean;
  keyMask?: Tensor | undefined;
  globalMask?: Tensor | undefined;
  attend?: AttendInstead | undefined;
  randomBlocks?: RandomBlocks | undefined;
  /** Where the loss of a replacing variant goes. */
  losses?: OwnLosses | undefined;
}

export class EncoderAttention implements Module {
  readonly projections: Projections;
  /** The projections of Longformer's global tokens. */
  readonly global: Projections | undefined;
  /** Nyströmformer's convolution, [heads, width]. */
  readonly convolution: Tensor | undefined;
  readonly output: Linear;
  readonly replacement: Replacement | null;
  /** The projections of global tokens, if the replacing variant has some and the model does not. They start as copies. */
  readonly #copied: Projections | undefined;
  readonly #description: EncoderDescription;
  readonly #layer: number;

  constructor(description: EncoderDescription, layer: number, dtype: FloatType, replacement: Replacement | null) {
    const { modelDim, heads, attention, projectionBias } = description;
    this.#description = description;
    this.#layer = layer;
    const projections = (): Projections => ({
      query: unfilledLinear(modelDim, modelDim, dtype, projectionBias),
      key: unfilledLinear(modelDim, modelDim, dtype, projectionBias),
      value: unfilledLinear(modelDim, modelDim, dtype, projectionBias),
    });
    this.projections = projections();
    this.global = attention.kind === 'window' ? projections() : undefined;
    const width = attention.kind === 'landmarks' ? attention.convolutionWidth : null;
    this.convolution = width === null ? undefined : unfilled([heads, width], dtype);
    this.output = unfilledLinear(modelDim, modelDim, dtype);
    this.replacement = replacement;
    const needsGlobal = replacement !== null && hasGlobalTokens(replacement.mixing);
    this.#copied = needsGlobal && this.global === undefined ? projections() : undefined;
  }

  tensors(): Map<string, Tensor> {
    const { projections, global, convolution, output, replacement } = this;
    const replaced = { global: this.#copied, ...(replacement?.own && replacement.mixing.parameters) };
    return named({ ...projections, global, convolution, output, [REPLACEMENT]: replaced });
  }

  /** After the file is loaded: a replacing variant's tensors with the same names start with the file's numbers. */
  filled(): void {
    const [from, to] = [this.projections, this.#copied];
    const pairs = (['query', 'key', 'value'] as const).flatMap((part) => [
      [to?.[part].weight, from[part].weight],
      [to?.[part].bias, from[part].bias],
    ]);
    pairs.push([this.replacement?.mixing.parameters.convolution, this.convolution]);
    for (const [target, source] of pairs) if (target !== undefined) startAs(target, source);
  }

  /** Self-attention of x [batch, length, modelDim]; the result has the same shape. */
  forward(x: Tensor, call: AttentionCall): Tensor {
    const { keyMask, attend } = call;
    const global = this.global ?? this.#copied;
    const inputs: AttentionInputs = {
      ...this.#heads(x, this.projections),
      ...(keyMask && { keyMask }),
      ...(global && { global: this.#heads(x, global) }),
    };
    const own = () => this.#own(inputs, call);
    return this.#merge(attend === undefined ? own() : attendedInstead(attend, inputs, this.#layer, own));
  }

  /** Its weights for x, [batch, heads, length, length], where `expectWeighsAll` allows it: own ones are those of a softmax. */
  weights(x: Tensor, { keyMask, training }: Pick<AttentionCall, 'keyMask' | 'training'>): Tensor {
    const inputs = { ...this.#heads(x, this.projections), ...(keyMask && { keyMask }) };
    if (this.replacement === null) return softmaxWeights(inputs, false);
    return weightsOf(this.replacement.mixing, inputs, training);
  }

  #own(inputs: AttentionInputs, { training, globalMask, randomBlocks, losses }: AttentionCall): Tensor {
    const { convolution } = this;
    if (this.replacement === null) {
      const call = { layer: this.#layer, training, globalMask, randomBlocks, convolution };
      return attendAsReleased(inputs, this.#description.attention, call);
    }
    const { mixing } = this.replacement;
    const { global, ...others } = inputs;
    return mixing.attend(hasGlobalTokens(mixing) ? inputs : others, { training, losses });
  }

  #heads(x: Tensor, { query, key, value }: Projections) {
    const { heads, headDim } = this.#description;
    const [queries, keys, values] = [query, key, value].map((projection) => {
      const rows = reshape(linear(x, projection), [x.shape[0], x.shape[1], heads, headDim]);
      return contiguous(transpose(rows, [0, 2, 1, 3]));
    });
    return { queries, keys, values };
  }

  #merge(mixed: Tensor): Tensor {
    const [batch, heads, length, headDim] = mixed.shape;
    return linear(reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, heads * headDim]), this.output);
  }
}
