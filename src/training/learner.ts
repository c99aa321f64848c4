/** A model for a kind of task, its answer to a batch, and the loss of that answer. */
import { ArgumentError, expectShape } from '../core/errors.ts';
import { expectPlain } from '../core/expect.ts';
import { expectFlags, expectInt32 } from '../core/ops/check.ts';
import { crossEntropy } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { expectBatch, expectLearner, expectTask } from './checks.ts';
import { type ClassifierConfig, type ClassifierSettings, classifier, pairClassifier } from './classifier.ts';
import { type LanguageModelConfig, languageModel } from './language-model.ts';
import type { ForwardContext, Model } from './module.ts';
import { withSummaries } from './summaries.ts';
import type { Batch } from './tasks/batch.ts';
import type { Task, TaskKind } from './tasks/task.ts';

/** Settings of a model; the task decides its inputs and answers. */
export type ModelSettings = Partial<
  Omit<LanguageModelConfig & ClassifierConfig, 'vocabulary' | 'length' | 'causal' | 'classes'>
>;

/** A model, and how it answers the batches of a kind of task. */
export interface Learner {
  readonly kind: TaskKind;
  readonly model: Model;
  /** The logits of every token [batch, length, classes], or of every example [batch, classes]. */
  logits(batch: Batch, context: ForwardContext): Tensor;
  /** Where each token is answered: its logits, from the vectors [batch, length, modelDim] that `model.body` makes. */
  logitsOf?(y: Tensor): Tensor;
}

/**
 * A new model for a task, with weights drawn from `seed`, and how it answers the task's batches. Throws ArgumentError or
 * UnsupportedError for settings that do not fit each other or the task.
 */
export function learnerFor(task: Task, settings: ModelSettings, seed: number): Learner {
  expectTask('task', task);
  expectPlain('settings', settings);
  const { kind, vocabulary, length, classes } = task;
  return makeLearner(kind, { ...settings, vocabulary, length, classes, causal: kind === 'causal' }, seed);
}

/** The same from a model's complete config, as a checkpoint holds it. */
export function makeLearner(kind: TaskKind, config: ClassifierSettings, seed: number): Learner {
  if (kind === 'pair classification') {
    const model = pairClassifier(config, seed);
    return {
      kind,
      model,
      logits: (batch, context) => {
        expectBatch('batch', batch);
        const [first, second] = batch.sequences;
        if (second === undefined) throw new ArgumentError('batch.sequences: expected two for pairs, got one');
        return model.forward([first.tokens, second.tokens], context, [first.keyMask, second.keyMask]);
      },
    };
  }
  const { classes: _, ...settings } = config;
  const model = kind === 'classification' ? classifier(config, seed) : languageModel(settings, seed);
  return {
    kind,
    model,
    ...('logitsOf' in model && { logitsOf: (y: Tensor) => model.logitsOf(y) }),
    logits: (batch, context) => {
      expectBatch('batch', batch);
      const [{ tokens, keyMask }] = batch.sequences;
      return model.forward(tokens, context, keyMask);
    },
  };
}

/**
 * Throws ArgumentError unless the task has as many classes as the model tells apart, such as for a folder of texts that got more
 * since. Models of tokens have none.
 */
export function expectSameClasses(config: object, { name, classes, settings }: Task): void {
  if (!('classes' in config) || config.classes === classes) return;
  const { text = '' } = settings as { text?: string };
  const where = text === '' ? name : text;
  throw new ArgumentError(
    `task: expected one of ${config.classes} classes, as the model has, got ${classes} in ${where}`,
  );
}

/**
 * The loss of a batch in nats, summed over the targets that count: a scalar for `backward`. Losses of layers, and of the
 * summaries of hidden sentences, ride along where the context asks for them (`auxiliary`).
 */
export function lossOf(learner: Learner, batch: Batch, context: ForwardContext): Tensor {
  expectLearner('learner', learner);
  expectBatch('batch', batch);
  const [{ tokens, keyMask }] = batch.sequences;
  const perToken = learner.kind === 'causal' || learner.kind === 'masked';
  const shape = perToken ? tokens.shape : tokens.shape.slice(0, 1);
  expectInt32('batch.targets', batch.targets);
  expectShape('batch.targets', batch.targets.shape, shape, 'to match tokens');
  expectFlags('batch.counts', batch.counts, shape, 'to match tokens');
  const lossOfLogits = (logits: Tensor) =>
    crossEntropy(logits, batch.targets, { mask: batch.counts, reduction: 'sum' });
  const { model, logitsOf } = learner;
  if (batch.hidden === undefined || logitsOf === undefined || !context.training || context.auxiliary === undefined) {
    return lossOfLogits(learner.logits(batch, context));
  }
  const y = model.body.forward(tokens, context, keyMask);
  return withSummaries(lossOfLogits(logitsOf(y)), y, model.body, { ...batch, hidden: batch.hidden }, context);
}
