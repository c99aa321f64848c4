/** Imports the weights of an exported model, perhaps trained further elsewhere, as a checkpoint of this library. */

import { join } from '#platform/path';
import { EfficientTransformersError, FileFormatError, formatShape } from '../../core/errors.ts';
import { expectText } from '../../core/expect.ts';
import type { Complain } from '../../core/files/input-file.ts';
import { isObject, readJsonObject } from '../../core/files/json.ts';
import { entryAt } from '../../core/files/system-error.ts';
import { openWeights, type Weight, type Weights } from '../../core/files/weights.ts';
import type { DType, NumericArray } from '../../core/memory.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import type { TransformerConfig } from '../config.ts';
import { type Run, type RunSettings, startRun } from '../run.ts';
import { withinFile } from '../within-file.ts';
import { ORIGIN } from './export.ts';
import { loaderTensors } from './loader.ts';
import { type TransformersForm, transformersForm } from './transformers.ts';

/**
 * A run at its first step, with the exported settings and the weights in `folder`: to generate with, or to train with those
 * settings and a new optimiser. Throws FileFormatError for a folder that this library did not export, or whose tensors do not
 * match its settings.
 */
export function importRun(folder: string): Run {
  expectText('folder', folder);
  const path = join(folder, 'config.json');
  const complain = (problem: string) => new FileFormatError(`${path}: ${problem}`);
  if (entryAt(path) === null) throw complain('expected a folder that export has written, which has this file');
  const config = readJsonObject(path, { size: LONGEST_CONFIG });
  const settings = settingsIn(config, complain);
  const weights = openWeights(folder);
  return withinFile(weights.tensors.values(), complain, () => {
    const run = begun(settings, complain);
    fill(run, config.model_type === 'efficient-transformer', weights);
    return run;
  });
}

/** In bytes. Export writes a few thousand. */
const LONGEST_CONFIG = 2 ** 24;

/** startRun checks the values; this only checks that they are present. */
function settingsIn(config: Record<string, unknown>, complain: (problem: string) => FileFormatError): RunSettings {
  const origin = config[ORIGIN];
  const settings = isObject(origin) ? origin.settings : undefined;
  const parts = ['task', 'model', 'optimizer', 'schedule'];
  if (isObject(settings) && parts.every((name) => isObject(settings[name]))) return settings as unknown as RunSettings;
  throw complain(`${ORIGIN}: expected the settings of a training, as export writes them`);
}

function begun(settings: RunSettings, complain: (problem: string) => FileFormatError): Run {
  try {
    return startRun(settings);
  } catch (error) {
    if (!(error instanceof EfficientTransformersError) || error instanceof FileFormatError) throw error;
    throw complain(error.message);
  }
}

/** Numbers for one of our tensors. */
interface Given {
  shape: readonly number[];
  data: NumericArray;
}

/** Throws before any change unless the files have exactly these tensors, of the right shapes and types. */
function fill({ learner }: Run, isLoaders: boolean, weights: Weights): void {
  const complain = (problem: string) => new FileFormatError(`${weights.path}: ${problem}`);
  const own = learner.model.tensors();
  const given = isLoaders
    ? asTheyAre(weights, own, loaderTensors(learner), complain)
    : renamed(weights, own, formOf(learner.model.config, complain), complain);
  for (const [name, tensor] of own) elements(tensor).set((given.get(name) as Given).data);
}

function formOf(config: TransformerConfig, complain: Complain): TransformersForm {
  const form = transformersForm(config);
  if (typeof form === 'string') throw complain(`expected a model for the loader, because transformers has ${form}`);
  return form;
}

/** The loader's names are ours; its tables follow from the options of variants. */
function asTheyAre(
  { tensors, ties }: Weights,
  own: ReadonlyMap<string, Tensor>,
  tables: ReadonlyMap<string, unknown>,
  complain: Complain,
): Map<string, Given> {
  for (const [name, { storedName }] of tensors) {
    if (!own.has(name) && !tables.has(name)) throw complain(`${storedName}: expected no such tensor`);
  }
  const sources = [...own].map(([name, { shape, dtype }]) => {
    return [name, expectFit(name, tensors.get(name) ?? ties.get(name), dtype, shape, complain)] as const;
  });
  return new Map(sources.map(([name, source]) => [name, { shape: source.shape, data: source.load() }]));
}

/**
 * Reads the names and layouts of a class of transformers. A file of the body alone has no prefix. A tied output may be stored
 * beside the embedding or in its place, because `save_model` keeps one of the two names. Old versions also store constants.
 */
function renamed(
  weights: Weights,
  own: ReadonlyMap<string, Tensor>,
  { tensors: correspondences, prefix, output, embedding, constants }: TransformersForm,
  complain: Complain,
): Map<string, Given> {
  const { tensors, ties } = weights;
  const isBare = ![...tensors.keys()].some((name) => name.startsWith(prefix));
  const inFile = (name: string) => (isBare && name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const known = new Set([output, ...correspondences.map(({ theirs }) => inFile(theirs))]);
  for (const [name, { storedName }] of tensors) {
    const isConstant = constants.test(name.startsWith(prefix) ? name.slice(prefix.length) : name);
    if (!known.has(name) && !isConstant) throw complain(`${storedName}: expected no such tensor`);
  }
  const find = (theirs: string) => {
    const name = inFile(theirs);
    const found = tensors.get(name) ?? ties.get(name);
    return found ?? (theirs === embedding ? tensors.get(output) : undefined);
  };
  const sources = correspondences.map((each) => {
    const blanks = each.ours.map((name) => {
      const { shape, size } = own.get(name) as Tensor;
      return { shape, data: new Float32Array(size) };
    });
    const { shape } = each.layout.toTheirs(blanks);
    return { ...each, source: expectFit(inFile(each.theirs), find(each.theirs), 'float32', shape, complain) };
  });
  expectTied(find(embedding), tensors.get(output), complain);
  return new Map(
    sources.flatMap(({ ours, layout, source }) => {
      const parts = layout.toOurs({ shape: source.shape, data: source.load() as Float32Array });
      return parts.map((part, n): [string, Given] => [ours[n], part]);
    }),
  );
}

function expectFit(
  name: string,
  source: Weight | undefined,
  dtype: DType,
  shape: readonly number[],
  complain: Complain,
): Weight {
  if (source === undefined) throw complain(`${name}: expected this tensor, got none`);
  const forms = [`${dtype} ${formatShape(shape)}`, `${source.dtype} ${formatShape(source.shape)}`];
  if (forms[0] !== forms[1]) throw complain(`${source.storedName}: expected ${forms[0]}, got ${forms[1]}`);
  return source;
}

/** Refuses an output that was trained separately from the embedding, because here the two are tied. */
function expectTied(embedding: Weight | undefined, output: Weight | undefined, complain: Complain): void {
  if (embedding === undefined || output === undefined || embedding === output) return;
  expectFit(output.storedName, output, embedding.dtype, embedding.shape, complain);
  const [one, other] = [embedding.load(), output.load()];
  const at = one.findIndex((number, n) => number !== other[n]);
  if (at < 0) return;
  throw complain(
    `${output.storedName}: expected the numbers of ${embedding.storedName}, to which it is tied, ` +
      `got ${other[at]} at element ${at}, where that has ${one[at]}`,
  );
}
