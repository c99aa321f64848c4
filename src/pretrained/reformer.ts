/**
 * Reformers of Hugging Face's transformers (Kitaev et al. 2020): layers of local attention and of attention by hashing,
 * reversible, each branch with its normalisation inside.
 *
 *     x₁ = x₂ = E[token] + P[position]
 *     y₁ = x₁ + attention(norm(x₂)),   y₂ = x₂ + act(norm(y₁) W₁ + b₁) W₂ + b₂          in each layer (eqs. 7 and 9)
 *     z = norm([y₁; y₂]),   logits = z V + c
 *
 * transformers draws the rotations of its hashing from a torch generator, seeded by `hash_seed` if there is one. Outside
 * Python the same numbers cannot be drawn. So rotations can be passed to `forward` (`rotations`), and then the model computes
 * what transformers computes with them. Otherwise they are drawn here, from `hash_seed` or the seed of `loadPretrained`, and
 * only the distribution is the same.
 *
 * A text is padded to whole chunks, as in transformers. All padding, ours and the caller's, has the same outputs as there.
 *
 * No activations are kept, so `hiddenStates` has two entries: the embeddings, and z, which is twice as wide. For the same
 * reason a backward pass calls `attend` again for each layer.
 */

import { ArgumentError, expectInteger, expectShape } from '../core/errors.ts';
import {
  add,
  concat,
  contiguous,
  gatherRows,
  layerNorm,
  padRows,
  quietMasked,
  reshape,
  slice,
  tanh,
} from '../core/ops/index.ts';
import { scope } from '../core/scope.ts';
import type { Tensor } from '../core/tensor.ts';
import { type AxialPositions, axialPositions } from '../training/axial-positions.ts';
import { type Embedding, type Linear, linear, type Norm } from '../training/linear.ts';
import { dropped, evaluation, type ForwardContext, learned, named, within } from '../training/module.ts';
import { lossesOf, type OwnLosses } from '../training/own-loss.ts';
import { recomputedInChunks } from '../training/recompute.ts';
import { type ReversibleBlock, reversible } from '../training/reversible.ts';
import type {
  Architecture,
  ForwardOptions,
  LoadOptions,
  PretrainedModel,
  TextInputs,
  TextOutput,
} from './architecture.ts';
import { expectReformerDescription } from './check-description.ts';
import { activations, firstToken } from './encoder-head.ts';
import { expectForwardOptions, expectIds, expectLoadOptions, expectTextInputs } from './inputs.ts';
import { ReformerAttention } from './reformer-attention.ts';
import { describeReformer, expectRoom, type ReformerDescription } from './reformer-config.ts';
import { reformerDestination, reformerName } from './reformer-names.ts';
import { padToChunks } from './reformer-padding.ts';
import { replacementsOf } from './replacement.ts';
import { unfilled, unfilledLinear, unfilledNorm } from './unfilled.ts';

interface ReformerLayer {
  attentionNorm: Norm;
  attention: ReformerAttention;
  feedForwardNorm: Norm;
  feedForward: { inner: Linear; outer: Linear };
}

/** A Reformer with the weights of a checkpoint. */
export class PretrainedReformer implements PretrainedModel {
  /** The name in messages, even if a minifier renames the class. */
  static readonly name: string = 'PretrainedReformer';
  readonly description: ReformerDescription;
  readonly embeddings: { words: Embedding; positions: Embedding | AxialPositions };
  readonly layers: readonly ReformerLayer[];
  /** The normalisation of both halves. */
  readonly norm: Norm;
  /** `dense` only for classification. */
  readonly head: { dense?: Linear; output: Linear } | undefined;

  /** Its tensors have no numbers yet. Use `loadPretrained`. */
  constructor(description: ReformerDescription, options: LoadOptions) {
    expectReformerDescription(description);
    expectLoadOptions(options);
    const { head, vocabulary, modelDim, feedForwardDim, positionRows, axial, length, classes } = description;
    const { dtype = 'float32', seed = 0 } = options;
    this.description = description;
    this.embeddings = {
      words: { weight: unfilled([vocabulary, modelDim], dtype) },
      positions:
        axial === null
          ? { weight: unfilled([Math.max(positionRows, length), modelDim], dtype) }
          : {
              E1: unfilled([axial.lengths[0], axial.widths[0]], dtype),
              E2: unfilled([axial.lengths[1], axial.widths[1]], dtype),
            },
    };
    this.layers = replacementsOf(description, options, description.causal).map((replacement, layer) => ({
      attentionNorm: unfilledNorm(modelDim, dtype),
      attention: new ReformerAttention(description, layer, { dtype, seed, replacement }),
      feedForwardNorm: unfilledNorm(modelDim, dtype),
      feedForward: {
        inner: unfilledLinear(modelDim, feedForwardDim, dtype),
        outer: unfilledLinear(feedForwardDim, modelDim, dtype),
      },
    }));
    this.norm = unfilledNorm(2 * modelDim, dtype);
    if (head === 'classification') {
      this.head = {
        dense: unfilledLinear(2 * modelDim, modelDim, dtype),
        output: unfilledLinear(modelDim, classes, dtype),
      };
    } else if (head !== 'none') this.head = { output: unfilledLinear(2 * modelDim, vocabulary, dtype) };
  }

  tensors(): Map<string, Tensor> {
    const { embeddings, norm, head } = this;
    const layers = this.layers.map((layer) => ({ ...layer, attention: layer.attention.tensors() }));
    return named({ embeddings, layers, norm, head });
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

  forward(inputs: TextInputs, options: ForwardOptions = {}): TextOutput {
    this.#expectInputs(inputs);
    expectForwardOptions(options);
    return scope(() => this.#run(inputs, options));
  }

  #run(inputs: TextInputs, options: ForwardOptions): TextOutput {
    const { context = evaluation } = options;
    const { dropout, epsilon } = this.description;
    const length = inputs.tokens.shape[1];
    const padded = padToChunks(inputs, this.description);
    const embedded = this.#embed(padded, within(context, 'embeddings'));
    const blocks = this.layers.map((layer, n) =>
      this.#block(layer, padded.keyMask, length, options, lossesOf(context, n)),
    );
    const halves = reversible(embedded, embedded, blocks, { random: within(context, 'layers').random });
    const normed = layerNorm(concat(halves, -1), this.norm.gain, this.norm.bias, epsilon);
    const ofText = (x: Tensor) => (x.shape[1] === length ? x : contiguous(slice(x, 1, 0, length)));
    const last = ofText(dropped(normed, dropout, within(context, 'last')));
    const logits = this.#logits(last, within(context, 'head'));
    return { hiddenStates: [ofText(embedded), last], ...(logits && { logits }) };
  }

  #embed({ tokens, keyMask }: TextInputs, context: ForwardContext): Tensor {
    const { dropout, modelDim } = this.description;
    const { words, positions } = this.embeddings;
    const [batch, length] = tokens.shape;
    const rows = reshape(gatherRows(words.weight, reshape(tokens, [tokens.size])), [batch, length, modelDim]);
    // A text may be padded beyond the last position; the extra positions are zeros.
    const known = Math.min(length, 'weight' in positions ? positions.weight.shape[0] : placesOf(positions));
    const ofText = 'weight' in positions ? slice(positions.weight, 0, 0, known) : axialPositions(positions, known);
    const places = padRows(ofText, 0, length - known);
    const sum = add(
      dropped(rows, dropout, within(context, 'words')),
      dropped(places, dropout, within(context, 'positions')),
    );
    return quietMasked(sum, keyMask);
  }

  #block(
    layer: ReformerLayer,
    keyMask: Tensor | undefined,
    length: number,
    options: ForwardOptions,
    losses: OwnLosses | undefined,
  ): ReversibleBlock {
    const { attention, attentionNorm, feedForward, feedForwardNorm } = layer;
    const { dropout, epsilon, activation, feedForwardChunk } = this.description;
    const { context: { training } = evaluation, attend, rotations } = options;
    const normed = (x: Tensor, { gain, bias }: Norm) => layerNorm(x, gain, bias, epsilon);
    const feed = [feedForwardNorm, feedForward.inner, feedForward.outer].flatMap((part) => [...named(part).values()]);
    return {
      f: (x, pass) => {
        const call = { training, pass, keyMask, length, attend, rotations, losses };
        const attended = attention.forward(normed(x, attentionNorm), call);
        return dropped(attended, dropout, { training, random: pass.random.split('attention') });
      },
      g: (x, pass) => {
        const drop = (y: Tensor, name: string) => dropped(y, dropout, { training, random: pass.random.split(name) });
        const whole = (each: Tensor) => {
          const inner = drop(linear(normed(each, feedForwardNorm), feedForward.inner), 'inner');
          return drop(linear(activations[activation](inner), feedForward.outer), 'outer');
        };
        // With chunks, all would have the same dropout.
        if (feedForwardChunk === 0 || (training && dropout > 0)) return whole(x);
        return recomputedInChunks(whole, x, 1, feedForwardChunk, feed);
      },
      parameters: [...named({ attention: attention.tensors(), attentionNorm }).values(), ...feed],
    };
  }

  #logits(last: Tensor, context: ForwardContext): Tensor | undefined {
    if (this.head === undefined) return undefined;
    const { dense, output } = this.head;
    if (dense === undefined) return linear(last, output);
    const { classifierDropout } = this.description;
    const drop = (x: Tensor, name: string) => dropped(x, classifierDropout, within(context, name));
    return linear(drop(tanh(linear(drop(firstToken(last), 'first token'), dense)), 'dense'), output);
  }

  #expectInputs(inputs: TextInputs): void {
    const { vocabulary, length } = this.description;
    expectTextInputs(inputs, vocabulary, length);
    const { tokens, tokenTypes, globalMask } = inputs;
    expectRoom(this.description, tokens.shape[0], tokens.shape[1], this.embeddings.words.weight.dtype);
    if (globalMask !== undefined) {
      throw new ArgumentError('globalMask: expected none, because reformer has no global tokens');
    }
    if (tokenTypes === undefined) return;
    // Tokenisers return them; there is only one segment.
    expectIds('tokenTypes', tokenTypes, 1);
    expectShape('tokenTypes', tokenTypes.shape, tokens.shape, 'to match tokens');
  }
}

const placesOf = ({ E1, E2 }: AxialPositions) => E1.shape[0] * E2.shape[0];

export const reformerArchitecture: Architecture = {
  modelType: 'reformer',
  plan(config) {
    const description = describeReformer(config);
    return {
      description,
      build(options) {
        const { length = description.length } = options;
        expectInteger('length', length, 1, description.axial === null ? undefined : description.length);
        return new PretrainedReformer({ ...description, length }, options);
      },
      destination: (stored) => reformerDestination(stored, description),
      nameOf: (name, stored) => reformerName(name, stored, description),
    };
  },
};
