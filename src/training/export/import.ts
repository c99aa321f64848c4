/** The way back: the weights of an exported model, trained on elsewhere, as a checkpoint of ours. */
import { join } from 'node:path';
import { EfficientTransformersError, FileFormatError, formatShape } from '../../core/errors.ts';
import { isObject, readJsonObject } from '../../core/files/json.ts';
import type { StoredArray } from '../../core/files/numbers.ts';
import { readSafetensors } from '../../core/files/safetensors.ts';
import { entryAt } from '../../core/files/system-error.ts';
import { dtypeOf, type NumericArray } from '../../core/memory.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import type { TransformerConfig } from '../config.ts';
import { endRun, type Run, type RunSettings, startRun } from '../run.ts';
import { ORIGIN } from './export.ts';
import { RANDOM_BLOCKS } from './loader.ts';
import { transformersForm } from './transformers.ts';

/**
 * A run at its first step, with the settings that were exported and the weights in `folder`: to generate with, or to
 * train as those settings say, with an optimiser that remembers nothing. Throws FileFormatError for a folder that was
 * not exported by us, or whose tensors are not those of its settings.
 */
export function importRun(folder: string): Run {
  const path = join(folder, 'config.json');
  const complain = (problem: string) => new FileFormatError(`${path}: ${problem}`);
  if (entryAt(path) === null) throw complain('expected a folder that export has written, which has this file');
  const config = readJsonObject(path, { size: LONGEST_CONFIG });
  const run = begun(settingsIn(config, complain), complain);
  try {
    fill(run, config.model_type === 'efficient-transformer', join(folder, 'model.safetensors'));
    return run;
  } catch (error) {
    endRun(run);
    throw error;
  }
}

/** In bytes. What export writes has a few thousand. */
const LONGEST_CONFIG = 2 ** 24;

/** What startRun asks of them is for it to say; that they are there at all is asked here. */
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
    if (!(error instanceof EfficientTransformersError)) throw error;
    throw complain(error.message);
  }
}

interface Weights {
  shape: readonly number[];
  data: NumericArray;
}

/** Throws before any change unless the file has all tensors, of the right shapes and types, and no others. */
function fill({ learner }: Run, isLoaders: boolean, path: string): void {
  const complain = (problem: string) => new FileFormatError(`${path}: ${problem}`);
  const { tensors: found } = readSafetensors(path);
  const own = learner.model.tensors();
  const weights = isLoaders ? asTheyAre(found) : renamed(found, own, learner.model.config, complain);
  const extra = [...weights.keys()].find((name) => !own.has(name));
  if (extra !== undefined) throw complain(`${extra}: expected no such tensor`);
  for (const [name, { shape, dtype }] of own) {
    const given = weights.get(name);
    if (given === undefined) throw complain(`${name}: expected this tensor, got none`);
    const forms = [`${dtype} ${formatShape(shape)}`, `${dtypeOf(given.data)} ${formatShape(given.shape)}`];
    if (forms[0] !== forms[1]) throw complain(`${name}: expected ${forms[0]}, got ${forms[1]}`);
  }
  for (const [name, tensor] of own) elements(tensor).set((weights.get(name) as Weights).data);
}

/** The loader's names are ours; the graph of BigBird follows from its options. */
function asTheyAre(found: ReadonlyMap<string, StoredArray>): Map<string, Weights> {
  const ours = [...found].filter(([name]) => !name.endsWith(`.${RANDOM_BLOCKS}`));
  return new Map(ours.map(([name, source]) => [name, { shape: source.shape, data: source.load() }]));
}

/** From the names and layouts of a class of transformers. */
function renamed(
  found: ReadonlyMap<string, StoredArray>,
  own: ReadonlyMap<string, Tensor>,
  config: TransformerConfig,
  complain: (problem: string) => FileFormatError,
): Map<string, Weights> {
  const form = transformersForm(config);
  if (typeof form === 'string') throw complain(`expected a model for the loader, because transformers has ${form}`);
  const known = new Set(form.tensors.map(({ theirs }) => theirs));
  // A tied output may be there: it is the embedding once more.
  const extra = [...found.keys()].find((name) => !known.has(name) && name !== 'lm_head.weight');
  if (extra !== undefined) throw complain(`${extra}: expected no such tensor`);
  return new Map(
    form.tensors.flatMap(({ theirs, ours, layout }) => {
      const source = found.get(theirs);
      if (source === undefined) throw complain(`${theirs}: expected this tensor, got none`);
      const blanks = ours.map((name) => {
        const { shape, size } = own.get(name) as Tensor;
        return { shape, data: new Float32Array(size) };
      });
      const expected = `float32 ${formatShape(layout.toTheirs(blanks).shape)}`;
      const got = `${source.dtype} ${formatShape(source.shape)}`;
      if (got !== expected) throw complain(`${theirs}: expected ${expected}, got ${got}`);
      const parts = layout.toOurs({ shape: source.shape, data: source.load() as Float32Array });
      return parts.map((part, n): [string, Weights] => [ours[n], part]);
    }),
  );
}
