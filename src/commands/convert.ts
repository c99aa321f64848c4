/** `convert`: a trained model with another attention, trained until it computes what it did before. */
import { normalize } from 'node:path';
import { parseOptionTexts } from '../compare/option-text.ts';
import { chosenVariants } from '../compare/plan.ts';
import { ArgumentError, EfficientTransformersError } from '../core/errors.ts';
import { namesIn } from '../core/files/system-error.ts';
import { choice, flag, integer, number, type OptionValues, text, texts } from '../terminal/options.ts';
import { MOST_EXAMPLES } from '../training/checks.ts';
import { MATCHED, TRAINED } from '../training/conversion/convert.ts';
import type { AttentionSettings } from '../training/mixing.ts';
import { allVariants } from '../variants/registry.ts';
import { defineCommand, exampleFile, PROGRAM } from './command.ts';
import { checkFolder } from './outputs.ts';
import { applyMachine, runOptions } from './shared-options.ts';

export type ConvertValues = OptionValues<ReturnType<typeof options>> & { rate: number };

/** A model of Hugging Face is wider than those that are trained here. */
export const RATES = { checkpoint: 5e-3, pretrained: 3e-4 } as const;

function options() {
  const names = allVariants().map(({ name }) => name);
  return {
    checkpoint: text('FILE', 'Convert this checkpoint of train, or the one in this folder'),
    pretrained: text('DIR', 'Convert this model of Hugging Face, an encoder'),
    to: choice('VARIANT', names, 'Put this attention into every layer', { word: 'variant' }),
    option: texts('NAME=VALUE', 'Set an option of the variant (the command variants lists them)'),
    layerParts: flag(
      "With --checkpoint, also take what the variant's paper has around its attention: convolutions, norms, gates",
      {
        default: true,
      },
    ),
    train: choice('WHAT', TRAINED, 'Train what the variant adds, or also the projections around it, or all', {
      default: 'attention',
      word: 'choice',
    }),
    match: choice(
      'WHAT',
      MATCHED,
      'In the first half, match what each attention gives, or its weights of keys as Hedgehog does',
      { default: 'outputs', word: 'choice' },
    ),
    steps: integer('N', 'Take so many steps, half of them for each attention by itself; 0 only swaps', {
      minimum: 0,
      default: 400,
    }),
    rate: number('R', 'Use this learning rate at its highest', {
      minimum: 0,
      defaultText: `${RATES.checkpoint} for a checkpoint, ${RATES.pretrained} for a model of Hugging Face`,
    }),
    batch: integer('N', 'Read so many texts in a step', {
      minimum: 1,
      maximum: MOST_EXAMPLES,
      default: 4,
    }),
    minutes: number('N', 'Take no more steps after so many minutes', { minimum: 0, defaultText: 'no limit' }),
    text: text('FILE', 'Train on this UTF-8 text', { defaultText: 'for a checkpoint, the text of its training' }),
    ids: text('FILE', 'With --pretrained, read token numbers from this file instead of a text'),
    length: integer('N', 'With --pretrained, read passages of so many tokens', {
      minimum: 2,
      defaultText: '128, or all positions of the model',
    }),
    examples: integer('N', 'Measure on so many held-out examples', { minimum: 1, default: 32 }),
    out: text('FOLDER', 'Write the converted model here; the same command continues one that was interrupted', {
      defaultText: 'nothing is written',
    }),
    overwrite: flag('Replace a model that is already there'),
    ...runOptions(),
    json: text('FILE', 'Also write the numbers as JSON; - for stdout'),
  };
}

function describe() {
  const checkpoint = exampleFile('fixtures/byte-lm.safetensors', 'out/byte-lm/full');
  const read = exampleFile(' --text docs/design.md', '');
  return {
    usage: `${PROGRAM} convert`,
    details:
      'The first half of the steps teaches every attention by itself what the original gives for the same input, the second half teaches the whole model what the original says. The table has the distance of each attention from the original: just swapped, matched (after the first half), converted.',
    options: options(),
    examples: [
      {
        command: `${PROGRAM} convert --checkpoint ${checkpoint} --to performer${read} --out out/performer`,
        explanation: 'Turn a model with full attention into a Performer',
      },
      {
        command: `${PROGRAM} convert --checkpoint ${checkpoint} --to gla --train added --minutes 2${read}`,
        explanation: 'Train only the gates that gated linear attention adds, for two minutes at most',
      },
      {
        command: `${PROGRAM} convert --checkpoint ${checkpoint} --to linear-transformer --option featureMap=hedgehog --match weights${read}`,
        explanation: "Train Hedgehog's learned features to have the weights of the softmax",
      },
      {
        command: `${PROGRAM} convert --pretrained DIR --to nystromformer --text story.txt --out minilm-nystromformer`,
        explanation: 'Give all-MiniLM-L6-v2 the attention of a Nyströmformer; loadPretrained opens the folder',
      },
    ],
  };
}

export const convertCommand = defineCommand('convert', describe, async ({ values }, host) => {
  const { to, checkpoint, pretrained, ids, length, out, overwrite, rate } = values;
  if (to === undefined) throw new ArgumentError('--to: expected the VARIANT to convert to, got nothing');
  if ((checkpoint === undefined) === (pretrained === undefined)) {
    const got = checkpoint === undefined ? 'nothing' : 'both';
    throw new ArgumentError(`--checkpoint: expected either a FILE here or a DIR with --pretrained, got ${got}`);
  }
  if (rate === 0) throw new ArgumentError('--rate: expected a number above 0, got 0; --steps 0 only swaps');
  if (overwrite && out === undefined) throw new ArgumentError('--overwrite: is for --out, got no folder');
  if (out !== undefined && !overwrite) expectOwnFolder(out);
  const [written] = parseOptionTexts(chosenVariants([to], '--to'), values.option, '--option').values();
  const attention: AttentionSettings = { variant: to, options: { ...written } };
  applyMachine(values);
  if (pretrained !== undefined) {
    const { convertFolder } = await import('./convert-pretrained.ts');
    const settings = { ...values, rate: rate ?? RATES.pretrained };
    return convertFolder(pretrained, attention, settings, host).catch((error) => refuse(error, values));
  }
  for (const [name, value] of Object.entries({ ids, length })) {
    if (value !== undefined) throw new ArgumentError(`--${name}: is for --pretrained, got a checkpoint`);
  }
  const { convertCheckpoint } = await import('./convert-checkpoint.ts');
  const whole = { ...attention, layerParts: values.layerParts };
  const settings = { ...values, rate: rate ?? RATES.checkpoint };
  return convertCheckpoint(checkpoint as string, whole, settings, host).catch((error) => refuse(error, values));
});

/** What a conversion or a training leaves in a folder that may be continued or replaced. */
const OWN_FILES = ['checkpoint.safetensors', 'unfinished.safetensors', 'config.json', 'metrics.jsonl'];

/** Throws ArgumentError for what is no folder, and for a folder with files in it none of which is of a model. */
function expectOwnFolder(out: string): void {
  checkFolder('--out', out, false);
  const names = namesIn(out).filter((name) => !name.startsWith('.'));
  if (names.length === 0 || names.some((name) => OWN_FILES.includes(name))) return;
  throw new ArgumentError(
    `--out: ${out} already has ${names[0]} in it, and no model: name another folder, or add --overwrite`,
  );
}

/** The options behind the names of settings. */
const OPTIONS: Readonly<Record<string, string>> = {
  ...{ checkpoint: '--checkpoint', text: '--text', task: '--text', batch: '--batch', steps: '--steps', rate: '--rate' },
  ...{ attention: '--to', causal: '--to', match: '--match' },
};

/** Throws the error with the option that it is about, if it is about one: by a setting's name, or by a path that was given. */
function refuse(
  error: unknown,
  { checkpoint, pretrained, text, ids, out }: Pick<ConvertValues, 'checkpoint' | 'pretrained' | 'text' | 'ids' | 'out'>,
): never {
  if (!(error instanceof EfficientTransformersError)) throw error;
  error.message = error.message.replace(/To begin again, remove it$/, 'To begin again, add --overwrite');
  const { message } = error;
  const [, name, rest] = /^(\w+): (.*)$/s.exec(message) ?? [];
  const [, oneWay] = /^causal: expected true for (\S+), which reads in one direction/.exec(message) ?? [];
  if (oneWay !== undefined) {
    error.message = `--to: expected a variant that reads in both directions, as the model does, got ${oneWay}`;
  } else if (name !== undefined && Object.hasOwn(OPTIONS, name)) error.message = `${OPTIONS[name]}: ${rest}`;
  else {
    const given = Object.entries({ checkpoint, pretrained, text, ids, out });
    // A file in `./model` is named as `model/config.json`.
    const of = given.find(([, path]) => {
      return path !== undefined && [path, normalize(path)].some((begin) => message.startsWith(begin));
    });
    if (of !== undefined) error.message = `--${of[0]}: ${message}`;
  }
  throw error;
}
