/**
 * Writes a loaded model back as a folder of Hugging Face's: the tensors have the names and layouts of the folder that it was
 * loaded from, so transformers loads it as it loaded that one. What a replacing variant adds has names of its own
 * (saved-attention.ts), and config.json says which attention the model has.
 */

import { realpathSync } from '#platform/fs';
import { dirname, join } from '#platform/path';
import { ArgumentError, FileFormatError, UnsupportedError } from '../core/errors.ts';
import { expectFunction, expectRecord, expectText } from '../core/expect.ts';
import { writeFileAtomically } from '../core/files/atomic.ts';
import { makeFolder } from '../core/files/folder.ts';
import { InputFile } from '../core/files/input-file.ts';
import { isObject, parseJson } from '../core/files/json.ts';
import type { ArrayToStore } from '../core/files/numbers.ts';
import { writeSafetensors } from '../core/files/safetensors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { decodeText } from '../core/files/text.ts';
import type { Weight } from '../core/files/weights.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import { PYTORCH_METADATA } from '../training/export/export.ts';
import type { Destination, PretrainedModel } from './architecture.ts';
import { completeSettings } from './replacement.ts';
import { destinationOf, type ModelOrigin, OURS, originOf, replacementNames } from './saved-attention.ts';

/** Files of a tokenizer, and of sentence-transformers, which a model needs as they are. */
const COPIED = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'spiece.model',
  'sentencepiece.bpe.model',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
];

/**
 * Writes a model of `loadPretrained`, trained further or not, with its attention or another, into a folder, which is made if it
 * is not there: config.json, model.safetensors, and copies of the tokenizer's files. `loadPretrained` opens it with the same
 * numbers; transformers does too, but computes with the architecture's own attention. Returns the paths of the files.
 *
 * Throws ArgumentError for a model that `loadPretrained` did not make, and for the folder that it came from; UnsupportedError for
 * a text made longer whose positions are not in the file; FileFormatError if the model's folder has changed; FileWriteError if
 * the system refuses.
 *
 * @example
 * ```ts
 * const model = loadPretrained('all-MiniLM-L6-v2', { attention: { variant: 'nystromformer' }, trainable: true });
 * savePretrained(model, 'minilm-nystromformer');
 * ```
 */
export function savePretrained(model: PretrainedModel, folder: string): string[] {
  expectRecord('model', model, { forward: expectFunction, tensors: expectFunction });
  expectText('folder', folder);
  const origin = originOf(model);
  if (origin === undefined) throw new ArgumentError('model: expected one that loadPretrained returned, got another');
  const { directory } = origin;
  makeFolder(folder);
  if (placeOf(folder) === placeOf(directory)) {
    throw new ArgumentError(`folder: expected another than ${directory}, where the model comes from`);
  }
  const config = configOf(model, origin);
  const tensors = tensorsOf(model, origin);
  const files = COPIED.filter((name) => entryAt(join(directory, name)) !== null).map((name) => {
    const path = join(folder, name);
    makeFolder(dirname(path));
    writeFileAtomically(path, new Uint8Array(new InputFile(join(directory, name)).readAll()));
    return path;
  });
  const [configAt, weightsAt] = ['config.json', 'model.safetensors'].map((name) => join(folder, name));
  writeSafetensors(weightsAt, tensors, PYTORCH_METADATA);
  writeFileAtomically(configAt, config);
  return [configAt, weightsAt, ...files];
}

function placeOf(folder: string): string {
  return entryAt(folder) === null ? folder : realpathSync(folder);
}

/** The text of the file's config, with what has changed: the type of the numbers, the positions, the attention. */
function configOf(model: PretrainedModel, { directory, opened, attention }: ModelOrigin): string {
  const { description } = model;
  const { [OURS]: _, torch_dtype: __, ...theirs } = numbersAsTexts(new InputFile(join(directory, 'config.json')));
  const [first] = model.tensors().values();
  const added = description.length - opened.plan.description.length;
  const positions = added === 0 ? {} : { max_position_embeddings: longer(opened, added) };
  const causal = description.head === 'causal-lm';
  const replaced = attention && { [OURS]: { attention: completeSettings(description, attention, causal) } };
  const text = JSON.stringify({ ...theirs, dtype: first.dtype, ...positions, ...replaced }, null, 2);
  return `${text.replace(NUMBER_AS_TEXT, '$1')}\n`;
}

/** A text that stands for a number: no setting begins with this character. */
const MARK = '\\u0000';
const NUMBER_AS_TEXT = /"\\u0000(-?\d[\d.eE+-]*)"/g;
const TEXT_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;

/**
 * The settings of a config, in which numbers keep their spelling: transformers refuses the 1 that JavaScript makes of 1.0 where
 * it expects a float.
 */
function numbersAsTexts(file: InputFile): Record<string, unknown> {
  const bytes = new Uint8Array(file.readAll());
  const text = decodeText(bytes, (problem) => file.error(problem));
  const marked = text.replace(TEXT_OR_NUMBER, (found) => (found.startsWith('"') ? found : `"${MARK}${found}"`));
  const settings = parseJson(marked, (problem) => file.error(problem));
  if (isObject(settings)) return settings;
  throw file.error('expected a JSON object, got another value');
}

function longer({ config, plan, matches }: ModelOrigin['opened'], added: number): number {
  const repeated = [...matches.values()].some(({ destination }) => destination.repeated !== undefined);
  if (repeated && config.has('max_position_embeddings')) return config.integer('max_position_embeddings', 1) + added;
  throw new UnsupportedError(
    `length: ${config.path} cannot say that ${plan.description.modelType} has ${added} positions more; ` +
      'save it with the length that it was loaded from',
  );
}

/** The tensors of the file with the model's numbers, those that the model does not use as they are, and those of ours. */
function tensorsOf(model: PretrainedModel, { opened: { plan, weights, matches } }: ModelOrigin) {
  const own = model.tensors();
  const stored = new Map<string, ArrayToStore>();
  for (const [name, source] of weights.tensors) {
    const destination = destinationOf(name, plan);
    if (destination === undefined) continue;
    if (destination !== 'unused') stored.set(name, inLayout(own.get(destination.name) as Tensor, source, destination));
    else if (!name.startsWith(OURS)) keepUnused(name, source, stored);
  }
  // Tensors that the file has by another name alone, as safetensors leaves out one of two tied names.
  for (const [ours, { source, destination }] of matches) {
    const theirs = [...weights.tensors].some(([name]) => {
      const found = destinationOf(name, plan);
      return found !== undefined && found !== 'unused' && found.name === ours;
    });
    if (theirs) continue;
    stored.set(
      plan.nameOf(ours, new Set(weights.tensors.keys())),
      inLayout(own.get(ours) as Tensor, source, destination),
    );
  }
  for (const [ours, name] of replacementNames(own)) stored.set(name, storedOf(own.get(ours) as Tensor));
  return stored;
}

/** Constants such as −∞ for masked scores, and integers, follow from the config: they are left out. */
function keepUnused(name: string, source: Weight, stored: Map<string, ArrayToStore>): void {
  if (!source.dtype.startsWith('float')) return;
  try {
    stored.set(name, { shape: source.shape, data: source.load() });
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
  }
}

const storedOf = (tensor: Tensor): ArrayToStore => ({ shape: tensor.shape, data: elements(tensor).slice() });

function inLayout(tensor: Tensor, source: Weight, { layout }: Destination): ArrayToStore {
  if (layout === 'squeezed') return { shape: source.shape, data: elements(tensor).slice() };
  if (layout !== 'transposed') return storedOf(tensor);
  const [rows, columns] = tensor.shape;
  const numbers = elements(tensor);
  const data = numbers.slice();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) data[column * rows + row] = numbers[row * columns + column];
  }
  return { shape: [columns, rows], data };
}
