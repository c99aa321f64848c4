/** A trained model with other attention options than in its training. */
import { ArgumentError } from '../core/errors.ts';
import type { TrainedModel } from './checkpoint.ts';
import type { ClassifierSettings } from './classifier.ts';
import { attentionsOf } from './config.ts';
import { type Learner, makeLearner } from './learner.ts';
import { copyNamed, forUse } from './module.ts';
import { copyMoved } from './moving.ts';

/**
 * The model with other options of its variants, by the variants' names; the other options stay. It has the same learned
 * tensors, which require gradients as before, the parameters that training moved if the options leave their shapes, and random
 * ones drawn from `seed`, by default the seed of the training. The caller releases it. Throws as the variant's check does for options that do not fit, and ArgumentError or ShapeError for
 * options that change the learned tensors.
 */
export function reattended(
  { learner, settings }: Pick<TrainedModel, 'learner' | 'settings'>,
  options: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  seed = settings.seed,
): Learner {
  const { model } = learner;
  const variants = attentionsOf(model.config).map(({ variant }) => variant);
  for (const name of Object.keys(options)) {
    if (!variants.includes(name)) {
      throw new ArgumentError(`options: expected those of ${variants.join(' or ')}, got some of ${name}`);
    }
  }
  const attention = attentionsOf(model.config).map((each) => {
    return { ...each, options: { ...each.options, ...options[each.variant] } };
  });
  return rebuilt(learner, { attention }, seed);
}

/** The learner with other settings of its model that leave the learned tensors as they are, and a copy of these. */
export function rebuilt({ kind, model }: Learner, changes: Partial<ClassifierSettings>, seed: number): Learner {
  // The classes of a language model are its tokens.
  const config: ClassifierSettings = { classes: model.config.vocabulary, ...model.config, ...changes };
  const other = makeLearner(kind, config, seed);
  copyNamed(other.model.parameters(), model.parameters(), 'options');
  for (const [n, { attention }] of other.model.body.layers.entries()) {
    copyMoved(attention.mixing, model.body.layers[n].attention.mixing);
  }
  if (![...model.parameters().values()].some(({ requiresGrad }) => requiresGrad)) forUse(other.model);
  return other;
}
