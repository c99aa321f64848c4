/**
 * The weights of a model in a folder, as PyTorch's tools write them: `model.safetensors`, or the parts that
 * `model.safetensors.index.json` lists. This file undoes what the tools add, once for all models:
 *
 * - wrappers put their own names before or between those of the model: `module.` (DistributedDataParallel), `_orig_mod.`
 *   (torch.compile), `_fsdp_wrapped_module.`, `_checkpoint_wrapped_module.`;
 * - safetensors' `save_model` writes two tensors that are one (tied weights) once, by whichever name sorts first, and
 *   says in the metadata which name it left out.
 */

import { MISSING_FILE_HINT } from '#platform/page-files';
import { join } from '#platform/path';
import { FileFormatError } from '../errors.ts';
import type { NumericArray } from '../memory.ts';
import type { Complain } from './input-file.ts';
import { readJsonObject } from './json.ts';
import type { StoredArray } from './numbers.ts';
import { readSafetensors, type Safetensors } from './safetensors.ts';
import { entryAt } from './system-error.ts';

const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** PyTorch's own format, which runs code when it is read. */
const PICKLED = 'pytorch_model.bin';

export interface Weight extends StoredArray {
  /** With the names of wrappers, for messages. */
  readonly storedName: string;
  /** Reads the numbers. Throws FileFormatError as any array does, and for one that is not finite. */
  load(): NumericArray;
}

export interface Weights {
  /** What messages begin with: the file, or the index of the files. */
  readonly path: string;
  /** By name, without those of wrappers. */
  readonly tensors: ReadonlyMap<string, Weight>;
  /** Names that were left out, of tensors that are there by another one. */
  readonly ties: ReadonlyMap<string, Weight>;
}

/** Opens the weights in a folder; no numbers are read. Throws FileFormatError for files that are not right. */
export function openWeights(directory: string): Weights {
  const [whole, index] = [join(directory, WHOLE), join(directory, INDEX)];
  if (entryAt(whole) !== null) return weightsOf(whole, readSafetensors(whole));
  if (entryAt(index) !== null) return weightsOf(index, readShards(directory, index));
  const hint =
    entryAt(join(directory, PICKLED)) !== null ? `; ${PICKLED} cannot be read: save it again with transformers` : '';
  throw new FileFormatError(
    `${whole}: cannot be read: no such file, and no ${INDEX} next to it${hint}${MISSING_FILE_HINT}`,
  );
}

function weightsOf(path: string, { tensors: stored, metadata }: Safetensors): Weights {
  const complain = complainOf(path);
  const tensors = new Map<string, Weight>();
  for (const [storedName, array] of stored) {
    const name = withoutWrappers(storedName);
    const before = tensors.get(name)?.storedName;
    if (before !== undefined) throw complain(`${name}: expected one tensor, got ${before} and ${storedName}`);
    const load = () => finiteNumbers(array, (problem) => complain(`${storedName}: ${problem}`));
    tensors.set(name, { ...array, storedName, load });
  }
  const ties = new Map<string, Weight>();
  for (const [removed, kept] of metadata) {
    const [name, tensor] = [withoutWrappers(removed), tensors.get(withoutWrappers(kept))];
    if (tensor !== undefined && !tensors.has(name)) ties.set(name, tensor);
  }
  return { path, tensors, ties };
}

/** `weight_map` of the index says which file has which tensor. */
function readShards(directory: string, index: string): Safetensors {
  const complain = complainOf(index);
  const map = readJsonObject(index).weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw complain('weight_map: expected an object of file names by tensor, got something else');
  }
  const places = Object.entries(map);
  for (const [name, file] of places) {
    // A name, not a path: an index must not reach for files elsewhere.
    if (typeof file === 'string' && /^[^/\\]+\.safetensors$/.test(file)) continue;
    throw complain(`weight_map: expected the name of a .safetensors file for ${name}, got ${JSON.stringify(file)}`);
  }
  const files = [...new Set(places.map(([, file]) => file as string))];
  const missing = files.filter((file) => entryAt(join(directory, file)) === null);
  if (missing.length > 0) throw complain(`expected all of its files, got none for ${missing.join(', ')}`);
  const shards = new Map(files.map((file) => [file, readSafetensors(join(directory, file))]));
  const tensors = places.map(([name, file]): [string, StoredArray] => {
    const tensor = shards.get(file as string)?.tensors.get(name);
    if (tensor === undefined) throw complain(`${name}: expected in ${file as string}, but missing there`);
    return [name, tensor];
  });
  const metadata = [...shards.values()].flatMap((shard) => [...shard.metadata]);
  return { tensors: new Map(tensors), metadata: new Map(metadata) };
}

function complainOf(path: string): Complain {
  return (problem) => new FileFormatError(`${path}: ${problem}`);
}

/** Names of modules that are nothing but a wrapper around another one. */
const WRAPPERS = ['_orig_mod', '_fsdp_wrapped_module', '_checkpoint_wrapped_module'];

function withoutWrappers(name: string): string {
  const modules = name.split('.').filter((module) => !WRAPPERS.includes(module));
  // No model here has a module of this name, but others might further inside.
  while (modules.length > 1 && modules[0] === 'module') modules.shift();
  return modules.join('.');
}

/**
 * The numbers of an array of weights. Throws what `complain` makes for the first NaN or infinity, which would spread to all
 * that a model computes.
 */
export function finiteNumbers(source: StoredArray, complain: Complain): NumericArray {
  const numbers = source.load();
  // One NaN or infinity makes the sum of (x − x) NaN: one pass without a branch an element.
  let poison = 0;
  for (let n = 0; n < numbers.length; n++) poison += numbers[n] - numbers[n];
  if (poison === 0) return numbers;
  const at = numbers.findIndex((number) => !Number.isFinite(number));
  throw complain(`expected finite numbers, got ${numbers[at]} at element ${at}`);
}
