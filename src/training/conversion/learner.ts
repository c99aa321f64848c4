/** A trained model of our own with another attention: its projections stay, and what the attention adds is drawn. */
import { noGrad } from '../../core/autograd.ts';
import { ArgumentError, formatShape, UnsupportedError } from '../../core/errors.ts';
import { expectFunction, expectRecord, expectText, integerOf, optional } from '../../core/expect.ts';
import { scope } from '../../core/scope.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import type { TrainedModel } from '../checkpoint.ts';
import { expectTrained, MOST_EXAMPLES } from '../checks.ts';
import { attentionsOf, expectAttentionSettings } from '../config.ts';
import { expectSameClasses, type Learner } from '../learner.ts';
import type { AttentionSettings } from '../mixing.ts';
import { evaluation, forUse, learned } from '../module.ts';
import { endRun, type Run, startRun } from '../run.ts';
import { type Batch, drawBatch } from '../tasks/batch.ts';
import {
  type ConversionObserver,
  type ConversionReport,
  type ConversionSettings,
  convert,
  expectConversionSettings,
} from './convert.ts';
import { divergence } from './losses.ts';
import type { Origin, Pair } from './pair.ts';
import { expectWeighsAll, weightPair, weightsOf } from './weights.ts';

/** How a trained model of our own is converted. */
export interface ModelConversionSettings extends ConversionSettings {
  /** The other attention, for every layer, with what its paper has around it unless `layerParts` is false. */
  attention: AttentionSettings;
  /** Examples in a batch. */
  batch: number;
  /** For models of text: a file to read in place of the text of the training. */
  text?: string;
}

/** Callbacks of `convertModel`; all are optional. */
export interface ModelConversionObserver extends ConversionObserver {
  /** Called with the other attention in place, before the first step. */
  onSwapped?(run: Run): void;
}

/** A converted model and what its conversion did. */
export interface ConvertedModel {
  /** For `saveCheckpoint`; `train` continues from it on the task itself. Its steps are those of the conversion. */
  run: Run;
  report: ConversionReport;
}

/**
 * A run whose model is the trained one with another attention. What both attentions have in their layers keeps its numbers, so
 * do all other parts of the model; what only the other has is drawn from the seed, and projections of global tokens start as
 * copies (Beltagy et al. 2020, §3.1). Throws as `startRun` for an attention that does not fit, and UnsupportedError for a model
 * that reads pairs.
 */
export function swapped(trained: TrainedModel, settings: ModelConversionSettings): { run: Run; added: Set<string> } {
  expectTrained('trained', trained);
  const count = integerOf(1, MOST_EXAMPLES);
  expectConversionSettings(settings, { attention: expectAttentionSettings, batch: count, text: expectText });
  expectAttentionSettings('attention', settings.attention);
  count('batch', settings.batch);
  const { learner, settings: before } = trained;
  if (learner.kind === 'pair classification') throw new UnsupportedError('trained: a model of pairs is not converted');
  const { vocabulary: _, length: __, causal: ___, ...config } = learner.model.config;
  // Each attention learns from the original's x alone, so it has all of its parameters.
  if (settings.attention.handsOn) {
    const why = "because each attention learns from the original's x alone";
    throw new ArgumentError(`attention.handsOn: expected false, ${why}, got true`);
  }
  const attention = { gatedValues: false, handsOn: false, ...settings.attention };
  const { text, steps, rate, batch, seed } = settings;
  const run = startRun({
    ...before,
    ...{ batch, seed, parts: 1, steps: Math.max(1, steps), schedule: { kind: 'constant', rate } },
    task: { ...before.task, ...(text !== undefined && { text }) },
    model: { ...config, attention },
  });
  try {
    expectSameClasses(learner.model.config, run.task);
  } catch (error) {
    endRun(run);
    throw error;
  }
  return { run, added: copyInto(run.learner, learner) };
}

function onlyConversion({
  steps,
  rate,
  train,
  match,
  seed,
  heldOut,
  keep,
}: ModelConversionSettings): ConversionSettings {
  return { steps, rate, train, seed, heldOut, ...(match && { match }), ...(keep && { keep }) };
}

/** Copies what both have, and returns the names of what is not copied. */
function copyInto(to: Learner, from: Learner): Set<string> {
  const sources = from.model.tensors();
  const variants = [from, to].map(({ model }) => attentionsOf(model.config).map(({ variant }) => variant));
  const sameVariant = variants[0].join() === variants[1].join();
  // Parameters of two variants may have one name.
  const ofVariant = new Set(
    to.model.body.layers.flatMap(({ attention }) => Object.values(attention.mixing.parameters)),
  );
  // What a projection of the tokens has learned is of no use for one of the values, nor the other way round.
  const reading = new Set(
    [to, from].flatMap(({ model }) => model.body.layers.flatMap(({ attention }) => attention.readingValues())),
  );
  const added = new Set<string>();
  for (const [name, target] of to.model.tensors()) {
    const sourceOf = (own: string): Tensor | undefined => {
      const source = sources.get(own);
      return source !== undefined && reading.has(source) === reading.has(target) ? source : undefined;
    };
    const isForeign = ofVariant.has(target) && !sameVariant;
    const source = isForeign ? undefined : sourceOf(name);
    const start = source ?? sourceOf(name.replace('.attention.global.', '.attention.'));
    const fits = start !== undefined && formatShape(start.shape) === formatShape(target.shape);
    if (fits && !isForeign) elements(target).set(elements(start));
    if (source === undefined || !fits) added.add(name);
  }
  return added;
}

/** Both models, and what trains the second. */
function pairOf(original: Learner, { learner, task, settings }: Run, added: ReadonlySet<string>): Pair<Batch> {
  const [from, to] = [original.model.body, learner.model.body];
  const originOf = (name: string): Origin => {
    if (added.has(name)) return 'added';
    return /\.(attention|sharedAttention)\./.test(name) ? 'attention' : 'rest';
  };
  forUse(learner.model);
  const tensors = [...learned(learner.model.tensors())];
  return {
    learned: new Map(tensors.map(([name, tensor]) => [name, { tensor, origin: originOf(name) }])),
    tensors: learner.model.tensors(),
    facts: { attention: settings.model.attention, batch: settings.batch },
    layers: to.layers.length,
    draw: (part, random) => drawBatch(task, part, random, settings.batch),
    maskOf: ({ sequences: [{ keyMask }] }) => keyMask,
    watch: ({ sequences: [{ tokens, keyMask }] }, visit) => from.watch(tokens, keyMask, visit),
    attend: (layer, x, { sequences: [{ keyMask }] }, training, losses) =>
      to.layers[layer].attention.forward(x, { training, keyMask, losses }),
    weights: (layer, x, { sequences: [{ keyMask }] }) => {
      const of = (body: typeof to) => () => {
        const { attention } = body.layers[layer];
        return weightsOf(attention.mixing, attention.inputs(x, keyMask), body === to);
      };
      return weightPair(of(from), of(to));
    },
    outputLoss: (batch) => {
      const target: Tensor = noGrad(() => scope(() => original.logits(batch, evaluation)));
      return divergence(learner.logits(batch, evaluation), target);
    },
  };
}

/**
 * Replaces the attention of a trained model by another, and trains until the model computes what it did before: see convert.ts.
 * The same settings give the same bits, on any number of threads. The caller ends the run; the given model stays as it is.
 * Throws what `startRun` throws for an attention or a text that does not fit, and UnsupportedError for one without the weights that
 * are to be matched, before any work.
 *
 * @example
 * ```ts
 * const trained = loadModel('out/byte-lm/full');
 * const settings = { steps: 400, rate: 3e-3, train: 'attention', seed: 0, heldOut: 4, batch: 4 } as const;
 * const { run, report } = await convertModel(trained, { ...settings, attention: { variant: 'performer' } });
 * saveCheckpoint('performer.safetensors', run);
 * ```
 */
export async function convertModel(
  trained: TrainedModel,
  settings: ModelConversionSettings,
  observer: ModelConversionObserver = {},
): Promise<ConvertedModel> {
  expectRecord('observer', observer as object, { onSwapped: optional(expectFunction) });
  const { run, added } = swapped(trained, settings);
  try {
    if (settings.match === 'weights') {
      for (const { model } of [trained.learner, run.learner]) {
        for (const { attention } of model.body.layers) expectWeighsAll(attention.mixing);
      }
    }
    observer.onSwapped?.(run);
    const report = await convert(pairOf(trained.learner, run, added), onlyConversion(settings), observer);
    for (const tensor of learned(run.learner.model.tensors()).values()) tensor.requiresGrad = true;
    const steps = Math.max(1, report.steps);
    return { run: { ...run, settings: { ...run.settings, steps }, step: report.steps }, report };
  } catch (error) {
    endRun(run);
    throw error;
  }
}
