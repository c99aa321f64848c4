/** The bridge from training to comparison: what the attention of a trained model is given while it reads held-out text. */
import type { ComparisonInput } from '../compare/inputs.ts';
import { ArgumentError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/tensor.ts';
import { loadModel } from '../training/checkpoint.ts';
import { attentionsOf, placeOf } from '../training/config.ts';
import { drawBatch } from '../training/tasks/batch.ts';
import { openTask } from '../training/tasks/registry.ts';
import { checkpointAt } from './training-folder.ts';

export interface CheckpointChoice {
  /** The file, or its folder. */
  checkpoint: string;
  /** Another text than that of the training. */
  text: string | undefined;
  /** Counted from 0; all of them by default. */
  layer: readonly number[] | undefined;
  seed: number;
}

/**
 * One case for each layer: queries, keys and values as projected (and turned, where positions are rotary), for one
 * held-out example; for tasks of pairs, its first sequence. Throws ArgumentError for a layer that there is not, and for
 * one that compares no queries with keys; FileFormatError for a file that is no checkpoint, or a text that is missing.
 */
export function checkpointInput(choice: CheckpointChoice): ComparisonInput & { causal: boolean } {
  const { text, seed } = choice;
  const checkpoint = checkpointAt(choice.checkpoint);
  const { learner, settings } = loadModel(checkpoint);
  const { config, body } = learner.model;
  const layers = choice.layer ?? [...body.layers.keys()];
  for (const layer of layers) {
    if (layer >= config.layers) {
      throw new ArgumentError(`--layer: expected 0 to ${config.layers - 1} in ${checkpoint}, got ${layer}`);
    }
    const { name, family } = body.layers[layer].attention.mixing.variant;
    if (family !== 'convolution') continue;
    throw new ArgumentError(`--layer: ${name}, in layer ${layer}, compares no queries with keys`);
  }
  const { name, ...own } = settings.task;
  const task = openTask(name, text === undefined ? own : { ...own, text });
  const { heads, headDim, causal } = placeOf(config);
  const variants = [...new Set(attentionsOf(config).map(({ variant }) => variant))].join(' and ');
  return {
    name: `${variants} trained on ${name}, ${task.length} tokens`,
    source: 'file',
    detail: checkpoint,
    batch: 1,
    heads,
    headDim,
    causal,
    cases: layers.map((layer) => ({
      layer: `layer${layer}`,
      length: task.length,
      load: () =>
        scope(() => {
          const random = new Random(seed).split('held-out');
          const [{ tokens, keyMask }] = drawBatch(task, 'held-out', random, 1).sequences;
          const { queries, keys, values } = body.attentionInputs(tokens, layer, keyMask);
          return { queries, keys, values, ...(keyMask && { keyMask }) };
        }),
    })),
  };
}
