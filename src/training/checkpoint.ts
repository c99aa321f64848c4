/**
 * A run on disk: one .safetensors file with the tensors of the model and of the optimiser, and everything else that the next
 * step depends on as JSON metadata. It is written whole or not at all, and the previous one is kept next to it. It holds its
 * own digest, so that a file with any damaged bit is refused.
 */

import { dirname } from '#platform/path';
import { FileFormatError, formatShape } from '../core/errors.ts';
import { expectBoolean, expectOptions, expectText } from '../core/expect.ts';
import { keepAs, removeLeftovers } from '../core/files/atomic.ts';
import type { Complain } from '../core/files/input-file.ts';
import type { ArrayToStore, StoredArray } from '../core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../core/files/safetensors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { finiteNumbers } from '../core/files/weights.ts';
import { type KernelBuild, kernelBuild } from '../core/kernels/simd.ts';
import type { NumericArray } from '../core/memory.ts';
import { Random } from '../core/random.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import { asked, type Header, headerTexts, parseHeader, versionOf } from './checkpoint-header.ts';
import { expectRun } from './checks.ts';
import { expectSameClasses, type Learner, makeLearner } from './learner.ts';
import { forUse } from './module.ts';
import type { Form } from './optimizers/optimizer.ts';
import { type Run, type RunSettings, startRun } from './run.ts';
import type { Task } from './tasks/task.ts';
import { withinFile } from './within-file.ts';

/** Of the names of tensors in a file. */
export const PREFIXES = { model: 'model.', optimizer: 'optimizer.' } as const;

/** Facts about a checkpoint file. */
export interface CheckpointFacts {
  /** The kernels of its last steps; other kernels give different bits. Null if unknown, as in older versions. */
  readonly kernels: KernelBuild | null;
  /** Whether its digest confirms its bytes. False for an older version, which has no digest. */
  readonly isVerified: boolean;
}

/** A trained model, and the task of its training. */
export interface TrainedModel {
  learner: Learner;
  alphabet: Task['alphabet'];
  settings: RunSettings;
  step: number;
}

/**
 * Writes a run to a file, with everything needed to continue it to the same bits. The same run gives the same bytes. Throws
 * FileWriteError if the system refuses, and then leaves an earlier file unchanged.
 */
export function saveCheckpoint(path: string, run: Run): void {
  expectText('path', path);
  expectRun('run', run);
  const { settings, task, learner, optimizer, random, step } = run;
  const { kind, alphabet, classes } = task;
  const model = { ...learner.model.config, classes };
  const kernels = kernelBuild();
  const header: Header = { settings, step, random: random.state(), kind, alphabet, model, kernels };
  removeLeftovers(dirname(path));
  if (entryAt(path) !== null) keepAs(path, previousOf(path));
  writeSafetensors(
    path,
    [...stored(PREFIXES.model, learner.model.tensors()), ...stored(PREFIXES.optimizer, optimizer.state())],
    headerTexts(header),
    { digest: true },
  );
}

/** The path of the previous checkpoint. */
export function previousOf(path: string): string {
  return path.replace(/(\.safetensors)?$/, '.previous$1');
}

/**
 * Reads a run in the state in which it was written. On the same kernels it continues to the same bits as without the break:
 * compare `kernels` with `kernelBuild()`. Throws FileFormatError for a file that is not a complete checkpoint.
 *
 * @example
 * ```ts
 * const run = resumeRun('out/byte-lm-full/checkpoint.safetensors');
 * await train(run);
 * ```
 */
export function resumeRun(path: string): Run & CheckpointFacts {
  const { header, tensors, isVerified, complain } = open(path);
  const { settings, step, random, kernels } = header;
  return withinFile(tensors.values(), complain, () => {
    const run = asked(complain, () => startRun(settings));
    asked(complain, () => expectSameClasses(header.model, run.task));
    fill(PREFIXES.model, run.learner.model.tensors(), tensors, complain);
    fill(PREFIXES.optimizer, run.optimizer.state(), tensors, complain);
    return { ...run, random: asked(complain, () => Random.fromState(random)), step, kernels, isVerified };
  });
}

/**
 * Reads the model of a checkpoint, without its task and its text. The model is for inference: a forward pass keeps no
 * tape, unless it is loaded with `trainable`. Throws FileFormatError as `resumeRun` does.
 *
 * @example
 * ```ts
 * const { learner } = loadModel('out/byte-lm-full/checkpoint.safetensors');
 * ```
 */
export function loadModel(path: string, options: { trainable?: boolean } = {}): TrainedModel & CheckpointFacts {
  const { trainable = false } = expectOptions('options', options, { trainable: expectBoolean });
  const { header, tensors, isVerified, complain } = open(path);
  const { kind, model, settings, alphabet, step, kernels } = header;
  return withinFile(tensors.values(), complain, () => {
    const learner = asked(complain, () => makeLearner(kind, model, settings.seed));
    fill(PREFIXES.model, learner.model.tensors(), tensors, complain);
    if (!trainable) forUse(learner.model);
    return { learner, alphabet, settings, step, kernels, isVerified };
  });
}

/** The kernels of a checkpoint's last steps; reads nothing else of it. See `CheckpointFacts`. */
export function kernelsOf(path: string): KernelBuild | null {
  return headerOf(path).kernels;
}

/** The step of a checkpoint and how many its run has; reads nothing else of it. Throws FileFormatError for another file. */
export function stepsOf(path: string): { step: number; steps: number } {
  const { step, settings } = headerOf(path);
  return { step, steps: settings.steps };
}

function headerOf(path: string): Header {
  const { metadata } = readSafetensors(path);
  const complain: Complain = (problem) => new FileFormatError(`${path}: ${problem}`);
  return parseHeader(metadata, versionOf(metadata, complain), complain);
}

interface Opened {
  header: Header;
  tensors: ReadonlyMap<string, StoredArray>;
  isVerified: boolean;
  complain: Complain;
}

/** If a file is damaged, the error names the previous checkpoint. */
function open(path: string): Opened {
  expectText('path', path);
  const complain: Complain = (problem) => new FileFormatError(`${path}: ${problem}`);
  const { tensors, metadata, version, isVerified } = orPrevious(path, () => {
    const file = readSafetensors(path);
    const version = versionOf(file.metadata, complain);
    const isVerified = file.verify();
    if (!isVerified && version !== '1') throw complain('damaged: expected a digest in the metadata, got none');
    return { ...file, version, isVerified };
  });
  return { header: parseHeader(metadata, version, complain), tensors, isVerified, complain };
}

function orPrevious<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const previous = previousOf(path);
    if (!(error instanceof FileFormatError) || entryAt(previous) === null) throw error;
    throw new FileFormatError(`${error.message}; the checkpoint before it is ${previous}`, { cause: error });
  }
}

/** Tensors as a file has them. */
export function stored(prefix: string, tensors: ReadonlyMap<string, Tensor>): [string, ArrayToStore][] {
  return [...tensors].map(([name, tensor]) => [`${prefix}${name}`, { shape: tensor.shape, data: elements(tensor) }]);
}

/**
 * Overwrites tensors with the file's. Throws before any change unless names, shapes and types are the same; and for a number
 * that is not finite, because no training step produces one.
 */
export function fill(
  prefix: string,
  targets: ReadonlyMap<string, Tensor>,
  sources: ReadonlyMap<string, StoredArray>,
  complain: Complain,
): void {
  expectForms(prefix, targets, sources, complain);
  for (const [name, tensor] of targets) elements(tensor).set(numbersOf(`${prefix}${name}`, sources, complain));
}

/** Throws unless the file has tensors of these names, shapes and types, and no others with the prefix, or with none of ours. */
export function expectForms(
  prefix: string,
  forms: ReadonlyMap<string, Form>,
  sources: ReadonlyMap<string, StoredArray>,
  complain: Complain,
): void {
  const own = new Map([...forms].map(([name, form]) => [`${prefix}${name}`, form]));
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
  for (const [name, form] of own) {
    const words = [form, sources.get(name) as StoredArray].map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`);
    if (words[0] !== words[1]) throw complain(`${name}: expected ${words[0]}, got ${words[1]}`);
  }
}

/** The numbers of a tensor that is there. Throws for one that is not finite. */
export function numbersOf(name: string, sources: ReadonlyMap<string, StoredArray>, complain: Complain): NumericArray {
  return finiteNumbers(sources.get(name) as StoredArray, (problem) => complain(`${name}: ${problem}`));
}

/** Names that a message lists. */
const LISTED = 3;
