/** The conversions behind the tables of docs/pretrained.md: which model, which variants, with which settings. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/compare/result.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { entryAt } from '../../src/core/files/system-error.ts';
import type { Drift } from '../../src/pretrained/swap.ts';
import type { ConversionReport } from '../../src/training/conversion/convert.ts';

/** Options of `convert` without their dashes. */
type Options = Readonly<Record<string, string>>;

export interface ConversionSet {
  /** How `convert` is told which model. */
  model: Options;
  /** Of all rows. */
  settings: Options;
  /** What each row has besides, or instead; `to` is the variant. */
  rows: readonly (Options & { to: string })[];
}

/** What `convert --json` writes, without the models. */
export interface Converted {
  seed: number;
  drift: ConversionReport['drift'];
  steps: number;
  stopped: boolean;
  learned: ConversionReport['learned'];
}

export interface EncoderConverted extends Converted {
  models: {
    drift: Record<'swapped' | 'converted', Drift>;
    sentences: Record<'swapped' | 'converted', number>;
  };
}

export interface ModelConverted extends Converted {
  models: { model: 'original' | 'swapped' | 'converted'; loss: number; accuracy: number }[];
}

export interface ConversionRow<Numbers> {
  variant: string;
  /** Of `npm start --`. */
  command: string;
  environment: Environment;
  /** Of the processor, on all threads. */
  seconds: number;
  /** The most that tensors took at once, beyond what was there before; rows of old have none. */
  peakBytes?: number;
  numbers: Numbers;
}

export interface Conversions<Numbers> {
  /** The SHA-256 of the text. */
  text: string;
  rows: ConversionRow<Numbers>[];
}

/** The last change of the kernels that these conversions run through; older rows are told apart in the table's note. */
export const LAST_KERNELS = { commit: '0c016262', date: '2026-11-30T15:18:19Z' } as const;

export type SetName = 'minilm' | 'bytes';

/** The prose of the Jargon File, which `npm run jargon-file` makes. */
export const TEXT = 'out/jargon-4.4.7.txt';
export const MINILM = '~/.cache/efficient-transformers/minilm';

export const SETS: Readonly<Record<SetName, ConversionSet>> = {
  minilm: {
    model: { pretrained: MINILM },
    settings: { length: '64', steps: '60', batch: '1', rate: '3e-4', examples: '8' },
    rows: [
      { to: 'longformer', option: 'attentionWindow=16' },
      { to: 'longformer', option: 'attentionWindow=16', rate: '1e-3' },
      { to: 'longformer', option: 'attentionWindow=16', steps: '240' },
      { to: 'longformer', option: 'attentionWindow=16', steps: '240', rate: '1e-3' },
      { to: 'bigbird', option: 'blockSize=4' },
      { to: 'nystromformer', option: 'landmarks=16' },
      { to: 'nystromformer', option: 'landmarks=16', rate: '1e-3' },
      { to: 'linformer', option: 'projectedLength=16' },
      { to: 'linformer', option: 'projectedLength=16', rate: '1e-3' },
      { to: 'luna', option: 'packLength=16' },
      { to: 'luna', option: 'packLength=16', rate: '1e-3' },
      { to: 'performer' },
      { to: 'performer', rate: '1e-3' },
      { to: 'linear-transformer' },
      { to: 'linear-transformer', rate: '1e-3' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog', match: 'weights' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog', rate: '1e-3' },
    ],
  },
  bytes: {
    model: { checkpoint: 'fixtures/byte-lm.safetensors' },
    settings: { steps: '200', batch: '2', examples: '16' },
    rows: [
      { to: 'longformer', option: 'attentionWindow=64' },
      { to: 'local-attention', option: 'chunkLength=32' },
      { to: 'attention-sinks', option: 'windowLength=32' },
      { to: 'gla' },
      { to: 'gla', train: 'added' },
      { to: 'gated-deltanet' },
      { to: 'retnet' },
      { to: 'performer' },
      { to: 'performer', train: 'all' },
      { to: 'linear-transformer' },
      { to: 'linear-transformer', match: 'weights' },
      { to: 'linear-transformer', train: 'all' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog', match: 'weights' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog', train: 'added' },
      { to: 'linear-transformer', option: 'featureMap=hedgehog', train: 'added', match: 'weights' },
    ],
  },
};

export function resultsOf(set: SetName): string {
  return `bench/results/convert-${set}.json`;
}

/** Words after `convert`, with the default text. */
export function wordsOf({ model, settings }: ConversionSet, row: Options): string[] {
  const { to, ...own } = row;
  return Object.entries({ ...model, to, text: TEXT, ...settings, ...own }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
}

/** What a reader types; it is also what tells one row from another. */
export function commandOf(set: ConversionSet, row: Options): string {
  return `npm start -- convert ${wordsOf(set, row).join(' ')}`;
}

/** Where this machine has the files, in place of where the documents say they are. */
export function hereOf(text: string, pretrained: string): ReadonlyMap<string, string> {
  return new Map([
    [TEXT, text],
    [MINILM, pretrained.replace(/^~(?=\/)/, homedir())],
  ]);
}

/** Throws ArgumentError for a text or a model that is not there, with the command that makes it. */
export function expectSources({ model }: ConversionSet, here: ReadonlyMap<string, string>): void {
  const text = here.get(TEXT) ?? TEXT;
  if (entryAt(text) === null) throw new ArgumentError(`--text: ${text} is not there; npm run jargon-file makes it`);
  const folder = here.get(MINILM) ?? MINILM;
  if (model.pretrained === undefined || entryAt(join(folder, 'config.json')) !== null) return;
  throw new ArgumentError(`--pretrained: ${folder} has no config.json; npm run verify:minilm downloads the model`);
}
