/**
 * The bridge from training to comparison: what the attention of a trained model is given while it reads a held-out example,
 * or one of the user's texts from end to end.
 */

import { basename } from 'node:path';
import type { ComparisonInput } from '../compare/inputs.ts';
import { ArgumentError } from '../core/errors.ts';
import { InputFile } from '../core/files/input-file.ts';
import { expectTextOrBinary } from '../core/files/text.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { counted } from '../terminal/format.ts';
import type { TrainedModel } from '../training/checkpoint.ts';
import { attentionsOf, placeOf } from '../training/config.ts';
import { drawBatch } from '../training/tasks/batch.ts';
import { openTask } from '../training/tasks/registry.ts';
import { textAttention } from '../training/text-attention.ts';
import { comparesTokens } from '../variants/inputs.ts';
import type { AttentionInputs } from '../variants/variant.ts';
import type { Host } from './command.ts';
import { openModel } from './training-folder.ts';

export interface CheckpointChoice {
  /** The file, or its folder. */
  checkpoint: string;
  /** A text to read instead of the text of the training. */
  text: string | undefined;
  /** Whether all of that text is read as one sequence, instead of an example drawn from it. */
  wholeText: boolean;
  /** Counted from 0; all of them by default. */
  layer: readonly number[] | undefined;
  seed: number;
}

/** What the model reads: its length, its description, and the inputs of each layer's attention. */
interface Reading {
  length: number;
  name: string;
  inputs(layer: number): AttentionInputs;
}

/**
 * One case for each layer: queries, keys and values as projected (and turned, where positions are rotary), for one
 * held-out example (for tasks of pairs, its first sequence), or for a whole text. Throws ArgumentError for a layer that
 * does not exist or that compares no queries with keys, and for a text that the model cannot read whole;
 * FileFormatError for a file that is not a checkpoint, or for a missing text.
 */
export function checkpointInput(
  choice: CheckpointChoice,
  host: Pick<Host, 'stderr'> = process,
): ComparisonInput & { causal: boolean } {
  const { checkpoint, ...trained } = openModel(choice.checkpoint, host);
  const { config, body } = trained.learner.model;
  const layers = choice.layer ?? [...body.layers.keys()];
  for (const layer of layers) {
    if (layer >= config.layers) {
      throw new ArgumentError(`--layer: expected 0 to ${config.layers - 1} in ${checkpoint}, got ${layer}`);
    }
    const { variant } = body.layers[layer].attention.mixing;
    if (comparesTokens(variant)) continue;
    throw new ArgumentError(`--layer: ${variant.name}, in layer ${layer}, compares no queries with keys`);
  }
  const { length, name, inputs } = choice.wholeText ? wholeText(trained, choice) : heldOut(trained, choice);
  const { heads, headDim, causal } = placeOf(config);
  const variants = [...new Set(attentionsOf(config).map(({ variant }) => variant))].join(' and ');
  return {
    name: `${variants} trained on ${name}`,
    source: 'file',
    detail: checkpoint,
    batch: 1,
    heads,
    headDim,
    causal,
    cases: layers.map((layer) => ({ layer: `layer${layer}`, length, load: () => inputs(layer) })),
  };
}

/** One example, of the text of the training or another, drawn from a seed. */
function heldOut({ learner, settings }: TrainedModel, { text, seed }: CheckpointChoice): Reading {
  const { name, ...own } = settings.task;
  const task = openTask(name, text === undefined ? own : { ...own, text });
  return {
    length: task.length,
    name: `${name}, ${counted(task.length, 'token')}${text === undefined ? '' : ` of ${basename(text)}`}`,
    inputs: (layer) =>
      scope(() => {
        const random = new Random(seed).split('held-out');
        const [{ tokens, keyMask }] = drawBatch(task, 'held-out', random, 1).sequences;
        const { queries, keys, values } = learner.model.body.attentionInputs(tokens, layer, keyMask);
        return { queries, keys, values, ...(keyMask && { keyMask }) };
      }),
  };
}

/** A file from end to end; the text of the training may be missing. */
function wholeText(trained: TrainedModel, { text, checkpoint }: CheckpointChoice): Reading {
  const { learner, alphabet, settings } = trained;
  if (text === undefined) throw new ArgumentError('--whole-text: expected a text to read; name one with --text FILE');
  if (alphabet !== 'bytes') {
    throw new ArgumentError(`--whole-text: expected a model of bytes, got one of ${alphabet} in ${checkpoint}`);
  }
  const file = new InputFile(text);
  const longest = learner.model.config.length;
  const expectFitting = (size: number) => {
    if (size > 0 && size <= longest) return;
    const instead = size > 0 ? '; without --whole-text it reads a piece of a text ten times as long' : '';
    throw new ArgumentError(
      `--text: expected 1 to ${longest} bytes for this model to read whole, got ${size} in ${text}${instead}`,
    );
  };
  // A byte order mark does not count.
  expectFitting(Math.max(1, file.size - 3));
  const bytes = expectTextOrBinary(new Uint8Array(file.read(0, file.size)), (problem) => file.error(problem));
  expectFitting(bytes.length);
  return {
    length: bytes.length,
    name: `${settings.task.name}, ${counted(bytes.length, 'byte')} of ${basename(text)}`,
    inputs: (layer) => textAttention(trained, bytes, layer),
  };
}
