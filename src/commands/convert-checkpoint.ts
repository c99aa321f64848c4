/** `convert --checkpoint`: a model of our own. */
import { ArgumentError } from '../core/errors.ts';
import { InputFile } from '../core/files/input-file.ts';
import { entryAt, isFolder } from '../core/files/system-error.ts';
import { counted, formatError, formatPercent } from '../terminal/format.ts';
import { saveCheckpoint, type TrainedModel } from '../training/checkpoint.ts';
import { attentionsOf } from '../training/config.ts';
import { convertModel } from '../training/conversion/learner.ts';
import { type Evaluation, evaluate } from '../training/evaluate.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import { endRun } from '../training/run.ts';
import { openTask } from '../training/tasks/registry.ts';
import { PROGRAM, type Running } from './command.ts';
import type { ConvertValues } from './convert.ts';
import { Conversion, endKeeping, keepFor, unfinishedIn } from './convert-text.ts';
import { checkOutputs, placeOf } from './outputs.ts';
import { shellWord } from './shell-word.ts';
import { expectNothingLost, HeldFolders, openModel, runFiles } from './training-folder.ts';

interface Measured {
  model: 'original' | 'swapped' | 'converted';
  loss: number;
  accuracy: number;
}

/** The exit code. Throws what `convertModel` throws. */
export async function convertCheckpoint(
  checkpoint: string,
  attention: AttentionSettings,
  values: ConvertValues,
  host: Running,
): Promise<number> {
  const { out, overwrite, json, steps, rate, batch, seed, train, match, examples } = values;
  const outputs = json === undefined ? [] : [{ flag: '--json', path: json }];
  checkOutputs(outputs, [checkpoint]);
  const expectFree = () => {
    if (out === undefined || overwrite) return;
    const { checkpoint, metrics } = runFiles(out);
    // Stopped early: the model is that of an earlier step, unless it was trained on since.
    if (entryAt(unfinishedIn(out)) !== null && entryAt(metrics) === null) return;
    expectNothingLost([checkpoint].filter((path) => entryAt(path) !== null));
  };
  const trained = openModel(checkpoint, host);
  // With --overwrite, too: a conversion that is interrupted continues from the model that it converts.
  if (out !== undefined && placeOf(runFiles(out).checkpoint) === placeOf(trained.checkpoint)) {
    throw new ArgumentError(`--out: expected another folder than ${out}, where the model comes from`);
  }
  expectFree();
  const text = textOf(trained, values.text);
  const folders = out === undefined ? null : new HeldFolders([out], 'convert', host);
  try {
    expectFree();
    const conversion = new Conversion(values, host);
    const { evaluated, isBytes } = measures(trained, text, examples, batch, seed);
    const measured: Measured[] = [{ model: 'original', ...evaluated(trained) }];
    const settings = {
      attention,
      steps,
      rate,
      batch,
      seed,
      train,
      match,
      heldOut: Math.ceil(examples / batch),
      ...text,
    };
    const kept = keepFor(values, JSON.stringify(trained.settings.task), textRead(trained, text.text));
    const { run, report } = await convertModel(
      trained,
      { ...settings, ...kept },
      {
        ...conversion.observer,
        onSwapped: (run) => {
          measured.push({ model: 'swapped', ...evaluated(run) });
          conversion.listen();
        },
      },
    );
    conversion.finish();
    measured.push({ model: 'converted', ...evaluated(run) });
    const { variant } = attention;
    const from = attentionsOf(trained.learner.model.config).map((each) => each.variant);
    const title = `${trained.settings.task.name}, ${from.join(' and ')} → ${variant}`;
    const options = attentionsOf(run.learner.model.config)[0].options;
    const unit = isBytes ? 'bits a byte' : 'nats a target';
    const saved = conversion.save(() => {
      if (out === undefined) return [];
      const { checkpoint } = runFiles(out);
      saveCheckpoint(checkpoint, run);
      return [`Checkpoint: ${checkpoint}`, ...nextSteps(out), ...endKeeping(out, report)];
    });
    const code = await conversion.report(outputs, {
      ...{ title, options, report, saved },
      columns: [`on ${counted(examples, 'held-out example')}`, unit, 'accuracy'],
      rows: measured.map(({ model, loss, accuracy }) => [model, formatError(loss), formatPercent(accuracy)]),
      models: measured.map((each) => ({ ...each, unit })),
    });
    endRun(run);
    return code;
  } finally {
    folders?.release();
  }
}

/** The text of the training may have changed, too, since a conversion was stopped. */
function textRead({ settings: { task } }: TrainedModel, given: string | undefined): Uint8Array {
  const path = given ?? (task as { text?: string }).text ?? '';
  // Of a folder only the path: thousands of texts are not compared.
  if (path === '' || isFolder(path)) return new TextEncoder().encode(path);
  return new Uint8Array(new InputFile(path).readAll());
}

function nextSteps(out: string): string[] {
  const folder = shellWord(out);
  return [
    `For PyTorch: ${PROGRAM} export ${folder} --out FOLDER`,
    `To train on: ${PROGRAM} train --resume ${folder} --steps N`,
  ];
}

/** Throws ArgumentError for a text where the task reads none, and if the text of the training is gone. */
function textOf({ settings: { task } }: TrainedModel, given: string | undefined): { text?: string } {
  const { text } = task as { text?: string };
  if (given === undefined) {
    if (text === undefined || text === '' || entryAt(text) !== null) return {};
    throw new ArgumentError(`--text: expected a FILE, because ${text}, the text of the training, is not there`);
  }
  if (text !== undefined) return { text: given };
  throw new ArgumentError(`--text: expected none, because ${task.name} makes its examples`);
}

function measures(trained: TrainedModel, text: { text?: string }, examples: number, batch: number, seed: number) {
  const { name, ...own } = trained.settings.task;
  const task = openTask(name, { ...own, ...text });
  const isBytes = trained.alphabet === 'bytes' && task.kind === 'causal';
  const evaluated = ({ learner }: Pick<TrainedModel, 'learner'>) => {
    const { loss, accuracy }: Evaluation = evaluate(learner, task, { examples, batch, seed });
    return { loss: isBytes ? loss / Math.LN2 : loss, accuracy };
  };
  return { evaluated, isBytes };
}
