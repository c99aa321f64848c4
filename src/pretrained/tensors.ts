/** The tensors of a checkpoint, in one file or in several, and how they get into a model. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { firstUnfit } from '../core/dtype.ts';
import { FileFormatError, formatShape } from '../core/errors.ts';
import { type Complain, printable } from '../core/files/input-file.ts';
import { readJsonObject } from '../core/files/json.ts';
import type { StoredArray } from '../core/files/numbers.ts';
import { readSafetensors } from '../core/files/safetensors.ts';
import { elements, type Tensor } from '../core/tensor.ts';
import type { Destination, Plan } from './architecture.ts';

const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** PyTorch's own format, which runs code when it is read. */
const PICKLED = 'pytorch_model.bin';
/** Problems that a message lists, of each kind. */
const LISTED = 20;

export interface StoredTensors {
  /** What messages begin with: the file, or the index of the files. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, StoredArray>;
}

/** Opens `model.safetensors`, or else all files of the index. Throws FileFormatError for files that are not right. */
export function openTensors(directory: string): StoredTensors {
  const [whole, index] = [join(directory, WHOLE), join(directory, INDEX)];
  if (existsSync(whole)) return { path: whole, tensors: readSafetensors(whole).tensors };
  if (existsSync(index)) return { path: index, tensors: openShards(directory, index) };
  const hint = existsSync(join(directory, PICKLED)) ? `; ${PICKLED} is not read: let transformers save it anew` : '';
  throw new FileFormatError(`${whole}: cannot be read: no such file, and no ${INDEX} beside it${hint}`);
}

/** `weight_map` of the index says which file has which tensor. */
function openShards(directory: string, index: string): ReadonlyMap<string, StoredArray> {
  const complain = (problem: string) => new FileFormatError(`${index}: ${printable(problem)}`);
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
  const missing = files.filter((file) => !existsSync(join(directory, file)));
  if (missing.length > 0) throw complain(`expected all of its files, got none for ${missing.join(', ')}`);
  const shards = new Map(files.map((file) => [file, readSafetensors(join(directory, file)).tensors]));
  return new Map(
    places.map(([name, file]) => {
      const tensor = shards.get(file as string)?.get(name);
      if (tensor === undefined) throw complain(`${name}: expected in ${file as string}, which lacks it`);
      return [name, tensor];
    }),
  );
}

interface Match {
  target: Tensor;
  source: StoredArray;
  destination: Destination;
}

/**
 * Overwrites those of the model's tensors that a checkpoint has to have: all but the ones of a variant in place of the own
 * attention. Throws FileFormatError, before any change, with a list of all that does not fit.
 */
export function fillTensors(targets: ReadonlyMap<string, Tensor>, stored: StoredTensors, plan: Plan): void {
  const matches = new Map<string, Match & { from: string }>();
  const unknown: string[] = [];
  const unfit: string[] = [];
  for (const [from, source] of stored.tensors) {
    const destination = plan.destination(from);
    if (destination === 'unused') continue;
    const target = destination && targets.get(destination.name);
    if (destination === undefined || target === undefined) unknown.push(from);
    else if (!(destination.alias && matches.has(destination.name))) {
      const shape = shapeInFile(target, source, destination);
      if (shape !== null) unfit.push(`${from}: expected ${formatShape(shape)}, got ${formatShape(source.shape)}`);
      if (!source.dtype.startsWith('float')) {
        unfit.push(`${from}: expected F16, BF16, F32 or F64, got ${source.storedAs}`);
      }
      matches.set(destination.name, { target, source, destination, from });
    }
  }
  const missing = [...targets.keys()].filter((name) => !matches.has(name) && !isOfReplacement(name));
  expectNone(stored.path, { missing, unknown, 'of another shape or type': unfit });
  for (const { target, source, destination, from } of matches.values()) {
    copyInto(
      target,
      source,
      destination,
      (problem) => new FileFormatError(`${stored.path}: ${printable(from)}: ${problem}`),
    );
  }
}

/** Under this name a layer has what a variant in place of its own attention learned or drew. */
export const REPLACEMENT = 'replacement';

function isOfReplacement(name: string): boolean {
  return name.split('.').includes(REPLACEMENT);
}

/** The shape that the file should have, unless it has it. */
function shapeInFile({ shape }: Tensor, source: StoredArray, destination: Destination): readonly number[] | null {
  const { layout, repeated } = destination;
  const long = (extents: readonly number[]) => extents.filter((extent) => extent !== 1);
  let expected = layout === 'transposed' ? [...shape].reverse() : shape;
  if (repeated !== undefined) expected = [repeated.rows, ...shape.slice(1)];
  const [given, wanted] = layout === 'squeezed' ? [long(source.shape), long(shape)] : [source.shape, expected];
  return formatShape(given) === formatShape(wanted) ? null : expected;
}

function copyInto(target: Tensor, source: StoredArray, { layout, repeated }: Destination, complain: Complain): void {
  const numbers = source.load();
  const at = firstUnfit(numbers, target.dtype);
  if (at >= 0) throw complain(`expected numbers that ${target.dtype} can hold, got ${numbers[at]} at element ${at}`);
  const into = elements(target);
  if (layout === 'transposed') {
    const [rows, columns] = target.shape;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) into[row * columns + column] = numbers[column * rows + row];
    }
    return;
  }
  into.set(numbers.subarray(0, into.length));
  if (repeated === undefined) return;
  const width = target.size / target.shape[0];
  const period = numbers.subarray(repeated.from * width);
  for (let at = numbers.length; at < into.length; at += period.length)
    into.set(period.subarray(0, into.length - at), at);
}

function expectNone(path: string, problems: Record<string, readonly string[]>): void {
  const parts = Object.entries(problems).flatMap(([kind, names]) => {
    if (names.length === 0) return [];
    const more = names.length > LISTED ? `; and ${names.length - LISTED} more` : '';
    return [`${names.length} ${kind} (${names.slice(0, LISTED).join('; ')}${more})`];
  });
  if (parts.length === 0) return;
  throw new FileFormatError(
    `${path}: expected the tensors that config.json describes, got ${printable(parts.join(', '))}`,
  );
}
