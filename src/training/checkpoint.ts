/**
 * A run on disk: one .safetensors file with the model's tensors, those of the optimiser, and as metadata all else that the
 * next step depends on, as JSON. It is written whole or not at all, and the one before it is kept beside it.
 */
import { dirname } from 'node:path';
import { EfficientTransformersError, FileFormatError, formatShape } from '../core/errors.ts';
import { keepAs, removeLeftovers } from '../core/files/atomic.ts';
import type { ArrayToStore, StoredArray } from '../core/files/numbers.ts';
import { readSafetensors, type Safetensors, writeSafetensors } from '../core/files/safetensors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { finiteNumbers } from '../core/files/weights.ts';
import { Random } from '../core/random.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { ClassifierSettings } from './classifier.ts';
import { type Learner, makeLearner } from './learner.ts';
import { type Run, type RunSettings, startRun } from './run.ts';
import type { Task } from './tasks/task.ts';
import { withinFile } from './within-file.ts';

const FORMAT = 'efficient-transformers checkpoint';
const VERSION = 1;
const PREFIXES = { model: 'model.', optimizer: 'optimizer.' } as const;

/** What is in the metadata beside the format. */
interface Header {
  settings: RunSettings;
  step: number;
  /** `Random.state()` of the stream that the steps are split from. */
  random: number[];
  kind: Task['kind'];
  alphabet: Task['alphabet'];
  /** Complete: the model can be made without the task, whose text may be elsewhere. */
  model: ClassifierSettings;
}

/** A trained model, and what it was trained on. */
export interface TrainedModel {
  learner: Learner;
  alphabet: Task['alphabet'];
  settings: RunSettings;
  step: number;
}

/** The same run gives the same bytes. Throws FileWriteError, and leaves what was there as it was. */
export function saveCheckpoint(path: string, run: Run): void {
  const { settings, task, learner, optimizer, random, step } = run;
  const { kind, alphabet, classes } = task;
  const model = { ...learner.model.config, classes };
  const header: Header = { settings, step, random: random.state(), kind, alphabet, model };
  removeLeftovers(dirname(path));
  if (entryAt(path) !== null) keepAs(path, previousOf(path));
  writeSafetensors(
    path,
    [...stored(PREFIXES.model, learner.model.tensors()), ...stored(PREFIXES.optimizer, optimizer.state())],
    [['format', FORMAT], ['version', String(VERSION)], ...Object.entries(header).map(toText)],
  );
}

/** Where the checkpoint before the last is. */
export function previousOf(path: string): string {
  return path.replace(/(\.safetensors)?$/, '.previous$1');
}

/** The run as it stood when it was written. Throws FileFormatError for a file that is no whole checkpoint. */
export function resumeRun(path: string): Run {
  const { header, tensors, complain } = open(path);
  const { settings, step, random } = header;
  return withinFile(tensors.values(), complain, () => {
    const run = asked(complain, () => startRun(settings));
    fill(PREFIXES.model, run.learner.model.tensors(), tensors, complain);
    fill(PREFIXES.optimizer, run.optimizer.state(), tensors, complain);
    return { ...run, random: asked(complain, () => Random.fromState(random)), step };
  });
}

/** The model alone, for use; neither the task nor its text is needed. Throws FileFormatError as `resumeRun` does. */
export function loadModel(path: string): TrainedModel {
  const { header, tensors, complain } = open(path);
  const { kind, model, settings, alphabet, step } = header;
  return withinFile(tensors.values(), complain, () => {
    const learner = asked(complain, () => makeLearner(kind, model, settings.seed));
    fill(PREFIXES.model, learner.model.tensors(), tensors, complain);
    return { learner, alphabet, settings, step };
  });
}

type Complain = (problem: string) => FileFormatError;

interface Opened {
  header: Header;
  tensors: ReadonlyMap<string, StoredArray>;
  complain: Complain;
}

function open(path: string): Opened {
  const { tensors, metadata } = read(path);
  const complain: Complain = (problem) => new FileFormatError(`${path}: ${problem}`);
  const format = metadata.get('format');
  if (format !== FORMAT) {
    throw complain(`expected a checkpoint, got a .safetensors file of another kind (format: ${format ?? 'not said'})`);
  }
  const version = metadata.get('version');
  if (version !== String(VERSION)) throw complain(`expected version ${VERSION} of the format, got ${version}`);
  const parsed = <Name extends keyof Header>(name: Name): Header[Name] => {
    const text = metadata.get(name);
    if (text === undefined) throw complain(`${name}: expected in the metadata, got none`);
    return asked(complain, () => JSON.parse(text) as Header[Name], name);
  };
  const header: Header = {
    settings: parsed('settings'),
    step: parsed('step'),
    random: parsed('random'),
    kind: parsed('kind'),
    alphabet: parsed('alphabet'),
    model: parsed('model'),
  };
  if (!Number.isSafeInteger(header.step) || header.step < 0) {
    throw complain(`step: expected an integer of at least 0, got ${header.step}`);
  }
  return { header, tensors, complain };
}

/** Where a file is damaged, the error names the one before it. */
function read(path: string): Safetensors {
  try {
    return readSafetensors(path);
  } catch (error) {
    const previous = previousOf(path);
    if (!(error instanceof FileFormatError) || entryAt(previous) === null) throw error;
    throw new FileFormatError(`${error.message}; the checkpoint before it is ${previous}`, { cause: error });
  }
}

function toText([name, value]: [string, unknown]): [string, string] {
  return [name, JSON.stringify(value)];
}

function stored(prefix: string, tensors: ReadonlyMap<string, Tensor>): [string, ArrayToStore][] {
  return [...tensors].map(([name, tensor]) => [`${prefix}${name}`, { shape: tensor.shape, data: elements(tensor) }]);
}

/**
 * Overwrites tensors with the file's. Throws before any change unless names, shapes and types are the same, and for a
 * number that is not finite: no step of a training gives one.
 */
function fill(
  prefix: string,
  targets: ReadonlyMap<string, Tensor>,
  sources: ReadonlyMap<string, StoredArray>,
  complain: Complain,
): void {
  const own = new Map([...targets].map(([name, tensor]) => [`${prefix}${name}`, tensor]));
  const missing = [...own.keys()].filter((name) => !sources.has(name));
  const others = Object.values(PREFIXES).filter((each) => each !== prefix);
  const unexpected = [...sources.keys()].filter(
    (name) => !own.has(name) && !others.some((other) => name.startsWith(other)),
  );
  const list = (names: readonly string[]) => `${names.slice(0, LISTED).join(', ')}${names.length > LISTED ? ' …' : ''}`;
  const problems = [
    ...(missing.length > 0 ? [`${missing.length} missing (${list(missing)})`] : []),
    ...(unexpected.length > 0 ? [`${unexpected.length} unexpected (${list(unexpected)})`] : []),
  ];
  if (problems.length > 0) throw complain(`expected the tensors of its own settings, got ${problems.join(' and ')}`);
  const arrays = [...own].map(([name, tensor]) => {
    const source = sources.get(name) as StoredArray;
    const forms = [tensor, source].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`);
    if (forms[0] !== forms[1]) throw complain(`${name}: expected ${forms[0]}, got ${forms[1]}`);
    return { name, tensor, source };
  });
  for (const { name, tensor, source } of arrays) {
    elements(tensor).set(finiteNumbers(source, (problem) => complain(`${name}: ${problem}`)));
  }
}

/** Names that a message lists. */
const LISTED = 3;

/** What is wrong with values of the file is wrong with the file. */
function asked<T>(complain: Complain, ask: () => T, name = 'settings'): T {
  try {
    return ask();
  } catch (error) {
    const expected = error instanceof EfficientTransformersError || error instanceof SyntaxError;
    if (!expected || error instanceof FileFormatError) throw error;
    throw complain(`${name}: ${error.message}`);
  }
}
