/**
 * The contents of a checkpoint besides its tensors: JSON texts by name, in the metadata of the file. Nothing in it is
 * trusted: size, depth and kind of each text are checked before it is used.
 */
import { describe, EfficientTransformersError, FileFormatError } from '../core/errors.ts';
import { type Check, expectRecord, integerOf, listOf, numberOf, oneOf } from '../core/expect.ts';
import type { Complain } from '../core/files/input-file.ts';
import { parseJson } from '../core/files/json.ts';
import { KERNEL_BUILDS, type KernelBuild } from '../core/kernels/simd.ts';
import type { ClassifierSettings } from './classifier.ts';
import type { RunSettings } from './run.ts';
import { expectRunSettings } from './run-settings.ts';
import type { Task } from './tasks/task.ts';

const FORMAT = 'efficient-transformers checkpoint';
/** Version 2 requires a digest, and names the kernels of the run. */
type Version = '1' | '2';
const VERSION: Version = '2';

export interface Header {
  settings: RunSettings;
  step: number;
  /** `Random.state()` of the stream that the steps are split from. */
  random: number[];
  kind: Task['kind'];
  alphabet: Task['alphabet'];
  /** Complete, so that the model can be made without the task, whose text may be elsewhere. */
  model: ClassifierSettings;
  /** The kernels of the last steps; other kernels give different bits. Null if unknown, as in version 1. */
  kernels: KernelBuild | null;
}

const CHECKS: Readonly<Record<keyof Header, Check>> = {
  settings: expectRunSettings,
  step: integerOf(0),
  random: listOf(numberOf()),
  kind: oneOf('causal', 'masked', 'classification', 'pair classification'),
  alphabet: oneOf('bytes', 'numbers'),
  model: (name, value) => expectRecord(name, value, { vocabulary: integerOf(1), length: integerOf(1) }),
  kernels: (name, value) => value === null || oneOf(...KERNEL_BUILDS)(name, value),
};

/** Settings have a few hundred values. */
const LIMITS = { size: 2 ** 22, depth: 32, values: 2 ** 17 };

export function headerTexts(header: Header): [name: string, text: string][] {
  const texts = Object.entries(header).map(([name, value]): [string, string] => [name, JSON.stringify(value)]);
  return [['format', FORMAT], ['version', VERSION], ...texts];
}

/** Throws the error of `complain` for a file of another kind, or a checkpoint of another version. */
export function versionOf(metadata: ReadonlyMap<string, string>, complain: Complain): Version {
  const [format, version] = ['format', 'version'].map((name) => metadata.get(name));
  if (format !== FORMAT) {
    const said = format === undefined ? 'not said' : describe(format);
    throw complain(`expected a checkpoint, got a .safetensors file of another kind (format: ${said})`);
  }
  if (version === '1' || version === '2') return version;
  throw complain(`expected version 1 or 2 of the format, got ${version === undefined ? 'none' : describe(version)}`);
}

/** Throws the error of `complain` for missing or invalid values. */
export function parseHeader(metadata: ReadonlyMap<string, string>, version: Version, complain: Complain): Header {
  const read = (name: keyof Header): unknown => {
    if (name === 'kernels' && version === '1') return null;
    const text = metadata.get(name);
    if (text === undefined) throw complain(`${name}: expected in the metadata, got none`);
    const value = parseJson(text, (problem) => complain(`${name}: ${problem}`), LIMITS);
    asked(complain, () => CHECKS[name](name, value));
    return value;
  };
  const names = Object.keys(CHECKS) as (keyof Header)[];
  return Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as Header;
}

/** Turns an ArgumentError about a value into an error about the file. */
export function asked<T>(complain: Complain, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof EfficientTransformersError) || error instanceof FileFormatError) throw error;
    throw complain(error.message);
  }
}
