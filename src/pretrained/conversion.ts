/** An encoder of Hugging Face's with another attention, trained until it computes what it did: see src/training/conversion. */

import { noGrad } from '../core/autograd.ts';
import { UnsupportedError } from '../core/errors.ts';
import { expectFunction, expectRecord, expectText, optional } from '../core/expect.ts';
import { release } from '../core/memory.ts';
import { add, scale, zeroMasked } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import { expectAttentionSettings } from '../training/config.ts';
import {
  type ConversionObserver,
  type ConversionReport,
  type ConversionSettings,
  convert,
  expectConversionSettings,
} from '../training/conversion/convert.ts';
import { divergence, relativeDistance } from '../training/conversion/losses.ts';
import type { Origin, Pair } from '../training/conversion/pair.ts';
import { expectWeighsAll, weightPair } from '../training/conversion/weights.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import type { PretrainedModel, TextInputs } from './architecture.ts';
import { Encoder } from './encoder.ts';
import { loadPretrained } from './load.ts';
import { driftPart, pooledDrift } from './pooled-drift.ts';
import { REPLACEMENT } from './replacement.ts';
import { type Drift, type Pass, runSwapped } from './swap.ts';

/** How an encoder is converted. */
export interface PretrainedConversionSettings extends ConversionSettings {
  /** The other attention, for every layer. What it learns or draws comes from the seed. */
  attention: AttentionSettings;
  /** Draws a batch of texts. Held-out texts are those that no training step gets. */
  draw(part: 'training' | 'held-out', random: Random): TextInputs;
}

/** Callbacks of `convertPretrained`; all are optional. */
export interface PretrainedConversionObserver extends ConversionObserver {
  /** Called with the original, and with the other attention in place, before the first step. */
  onSwapped?(original: PretrainedModel, model: PretrainedModel): void;
}

/** A converted encoder, and what its conversion did. */
export interface ConvertedPretrained {
  /** For `savePretrained`, and for use: a forward pass keeps no tape. */
  model: PretrainedModel;
  report: ConversionReport;
  /** How far its last hidden states, and its logits if it has a head, are from the original's on the held-out batches. */
  drift: { swapped: Drift; converted: Drift };
}

/**
 * Replaces the attention of a BERT, RoBERTa, Longformer, BigBird or Nyströmformer by a variant, and trains until the model
 * computes what it did before: first each attention by itself, then the hidden states after every layer, and the logits if there
 * is a head. The same settings give the same bits, on any number of threads.
 *
 * Throws what `loadPretrained` throws for the folder and for an attention that does not fit, before any work; UnsupportedError for
 * attentions without the weights that are to be matched, and for a Reformer, whose layers have no hidden states of their own; and
 * NumericalError for a loss that is not finite.
 *
 * @example
 * ```ts
 * const settings = { steps: 400, rate: 3e-4, train: 'attention', seed: 0, heldOut: 4 } as const;
 * const draw = (part: string, random: Random) => tokenizer.encode([texts[random.integer(texts.length)]], { maxLength: 128 });
 * const attention = { variant: 'nystromformer' };
 * const { model } = await convertPretrained('all-MiniLM-L6-v2', { ...settings, attention, draw });
 * savePretrained(model, 'minilm-nystromformer');
 * ```
 */
export async function convertPretrained(
  directory: string,
  settings: PretrainedConversionSettings,
  observer: PretrainedConversionObserver = {},
): Promise<ConvertedPretrained> {
  expectText('directory', directory);
  expectConversionSettings(settings, { attention: expectAttentionSettings, draw: expectFunction });
  expectAttentionSettings('attention', settings.attention);
  expectFunction('draw', settings.draw);
  const heard = optional(expectFunction);
  expectRecord('observer', observer as object, { onSwapped: heard, onResume: heard, onStep: heard, shouldStop: heard });
  const { attention, draw, ...own } = settings;
  const original = encoderOf(loadPretrained(directory, { attention: [null] }));
  const model = encoderOf(
    loadPretrained(directory, { attention: { gatedValues: false, ...attention }, seed: own.seed }),
  );
  const drift = (): Drift => {
    const random = new Random(own.seed).split('held-out');
    const parts = Array.from({ length: own.heldOut }, () =>
      scope(() => {
        const inputs = draw('held-out', random);
        return driftPart(...bothReal(inputs, runSwapped(original, inputs), runSwapped(model, inputs)));
      }),
    );
    return pooledDrift(parts);
  };
  try {
    if (own.match === 'weights') expectWeights(original, model);
    const swapped = drift();
    observer.onSwapped?.(original, model);
    const report = await convert(pairOf(original, model, { attention, draw }), own, observer);
    return { model, report, drift: { swapped, converted: drift() } };
  } catch (error) {
    for (const { array } of model.tensors().values()) release(array.data);
    throw error;
  } finally {
    for (const { array } of original.tensors().values()) release(array.data);
  }
}

/** The passes without the rows of padding. */
function bothReal({ tokens, keyMask }: TextInputs, own: Pass, other: Pass): [own: Pass, other: Pass] {
  if (keyMask === undefined) return [own, other];
  const flags = elements(keyMask);
  const real = (numbers: Float64Array, width: number) => numbers.filter((_, n) => flags[Math.floor(n / width)] === 1);
  const without = (pass: Pass): Pass => {
    const states = real(pass.states, pass.width);
    const { logits } = pass;
    if (logits === undefined || logits.values.length !== tokens.size * logits.classes) return { ...pass, states };
    return { ...pass, states, logits: { ...logits, values: real(logits.values, logits.classes) } };
  };
  return [without(own), without(other)];
}

function encoderOf(model: PretrainedModel): Encoder {
  if (model instanceof Encoder) return model;
  throw new UnsupportedError(`directory: expected an encoder with BERT's layers, got ${model.description.modelType}`);
}

/** Throws UnsupportedError unless both have weights of the form of a softmax's over all keys. */
function expectWeights(original: Encoder, model: Encoder): void {
  const { attention, modelType } = original.description;
  if (attention.kind !== 'full') {
    const why = `because the attention of ${modelType} is no softmax over every key`;
    throw new UnsupportedError(`match: expected 'outputs', ${why}, got 'weights'`);
  }
  for (const { attention } of model.layers) if (attention.replacement) expectWeighsAll(attention.replacement.mixing);
}

/** Both models, and what trains the second. */
function pairOf(
  from: Encoder,
  to: Encoder,
  { attention, draw }: Pick<PretrainedConversionSettings, 'attention' | 'draw'>,
): Pair<TextInputs> {
  const originOf = (name: string): Origin => {
    if (name.includes(`.${REPLACEMENT}.`)) return 'added';
    return name.includes('.attention.') ? 'attention' : 'rest';
  };
  const { layers } = to.description;
  return {
    learned: new Map([...to.parameters()].map(([name, tensor]) => [name, { tensor, origin: originOf(name) }])),
    tensors: to.tensors(),
    facts: { attention },
    layers,
    draw,
    maskOf: ({ keyMask }) => keyMask,
    watch: (inputs, visit) => {
      const { hiddenStates } = from.forward(inputs);
      for (let layer = 0; layer < layers; layer++) {
        scope(() => visit(layer, hiddenStates[layer], from.attention(layer, hiddenStates[layer], inputs)));
      }
    },
    attend: (layer, x, inputs, training, losses) => to.attention(layer, x, inputs, training, losses),
    weights: (layer, x, { keyMask }) => {
      const of = (model: Encoder) => () =>
        model.layers[layer].attention.weights(x, { keyMask, training: model === to });
      return weightPair(of(from), of(to));
    },
    outputLoss: (inputs) => {
      const target = noGrad(() => from.forward(inputs));
      const { hiddenStates, logits } = to.forward(inputs);
      const { keyMask } = inputs;
      const distances = hiddenStates.slice(1).map((states, n) => {
        return relativeDistance(states, target.hiddenStates[n + 1], keyMask);
      });
      const ofStates = scale(distances.reduce(add), 1 / layers);
      if (logits === undefined || target.logits === undefined) return ofStates;
      // Logits of padding are zeros in both.
      const real = (each: Tensor) => (each.shape.length === 3 ? zeroMasked(each, keyMask) : each);
      return add(ofStates, divergence(real(logits), real(target.logits)));
    },
  };
}
