/**
 * A generation on disk: the state of each layer after the tokens so far, as one .safetensors file. A long text can be read
 * once and continued many times. The file holds a digest of the model's weights, because with other weights the state would
 * be wrong.
 */
import { createHash } from '#platform/crypto';
import { ArgumentError, FileFormatError } from '../core/errors.ts';
import {
  type Check,
  expectInstance,
  expectList,
  expectPlain,
  expectRecord,
  expectText,
  integerOf,
  listOf,
} from '../core/expect.ts';
import type { Complain } from '../core/files/input-file.ts';
import { parseJson } from '../core/files/json.ts';
import { littleEndianBytes, type StoredArray } from '../core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../core/files/safetensors.ts';
import { scope } from '../core/scope.ts';
import { fromArray, type Tensor } from '../core/tensor.ts';
import { expectState } from '../variants/check-state.ts';
import type { AttentionState } from '../variants/state.ts';
import { asked } from './checkpoint-header.ts';
import { Model } from './module.ts';

/** The content of a generation's file. */
export interface SavedGeneration {
  /** The state of each layer, for `startGeneration`. */
  states: AttentionState[];
  /** Tokens that come next and have not been read, [batch][n], such as the last drawn one. Often none. */
  unread: number[][];
}

const FORMAT = 'efficient-transformers generation';
const VERSION = '1';
/** A few numbers and options for each layer, and the unread tokens. */
const LIMITS = { size: 2 ** 24, depth: 16, values: 2 ** 20 };

/**
 * Writes the states of a generation to a file, to continue it later. The same generation gives the same bytes.
 * Throws ArgumentError for anything but a generation, FileWriteError if the system refuses.
 */
export function saveGeneration(path: string, model: Model, generation: SavedGeneration): void {
  expectText('path', path);
  expectInstance('model', model, Model);
  expectRecord('generation', generation, {
    states: (name, states) => expectList(name, states, undefined, 1),
    unread: tokens,
  });
  const { states, unread } = generation;
  for (const [n, state] of states.entries()) expectState(`generation.states[${n}]`, state);
  const layers = states.map(({ tensors: _, ...rest }) => rest);
  writeSafetensors(
    path,
    states.flatMap(({ tensors }, n) =>
      Object.entries(tensors).map(([name, tensor]) => {
        return [`${n}.${name}`, { shape: tensor.shape, data: tensor.toArray() }] as const;
      }),
    ),
    [
      ['format', FORMAT],
      ['version', VERSION],
      ['weights', digestOfWeights(model)],
      ['layers', JSON.stringify(layers)],
      ['unread', JSON.stringify(unread)],
    ],
    { digest: true },
  );
}

/** Whether the file is one that `saveGeneration` wrote, as far as its header says. */
export function isGeneration(path: string): boolean {
  try {
    return readSafetensors(path).metadata.get('format') === FORMAT;
  } catch (error) {
    if (error instanceof FileFormatError) return false;
    throw error;
  }
}

/**
 * Reads a file of `saveGeneration`, for `startGeneration(model, batch, states)`. Throws FileFormatError for a file that is
 * damaged or of another kind, ArgumentError if the model's weights differ from those of the file.
 */
export function loadGeneration(path: string, model: Model): SavedGeneration {
  expectText('path', path);
  expectInstance('model', model, Model);
  const complain: Complain = (problem) => new FileFormatError(`${path}: ${problem}`);
  const { metadata, tensors, verify } = readSafetensors(path);
  const texts = (name: string): string => {
    const text = metadata.get(name);
    if (text === undefined) throw complain(`${name}: expected in the metadata, got none`);
    return text;
  };
  if (metadata.get('format') !== FORMAT)
    throw complain('expected a generation, got a .safetensors file of another kind');
  if (texts('version') !== VERSION) throw complain(`expected version ${VERSION} of the format, got another`);
  if (!verify()) throw complain('damaged: expected a digest in the metadata, got none');
  const value = (name: string, check: Check): unknown => {
    const found = parseJson(texts(name), (problem) => complain(`${name}: ${problem}`), LIMITS);
    asked(complain, () => check(name, found));
    return found;
  };
  const layers = value('layers', listOf(expectPlain)) as Omit<AttentionState, 'tensors'>[];
  const unread = value('unread', tokens) as number[][];
  if (texts('weights') !== digestOfWeights(model)) {
    throw new ArgumentError(`model: expected the weights that ${path} was made with, got others`);
  }
  return scope(() => {
    const states = layers.map((layer, n) => ({ ...layer, tensors: tensorsOf(tensors, `${n}.`) }));
    for (const [n, state] of states.entries()) asked(complain, () => expectState(`layers[${n}]`, state));
    return { states, unread };
  });
}

const tokens: Check = listOf(listOf(integerOf(0)));

function tensorsOf(stored: ReadonlyMap<string, StoredArray>, prefix: string): Record<string, Tensor> {
  const own = [...stored].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(
    own.map(([name, array]) => [name.slice(prefix.length), fromArray(array.load(), array.shape, array.dtype)]),
  );
}

/** SHA-256 of all tensors of a model, with their names and forms. */
function digestOfWeights(model: Model): string {
  const hash = createHash('sha256');
  for (const [name, tensor] of model.tensors()) {
    hash.update(`${JSON.stringify([name, tensor.dtype, tensor.shape])}\n`).update(littleEndianBytes(tensor.toArray()));
  }
  return hash.digest('hex');
}
