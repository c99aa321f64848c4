/** Files of named arrays, in any of the formats. */
import { extname } from '#platform/path';
import { readNpz } from '../core/files/npz.ts';
import type { StoredArray } from '../core/files/numbers.ts';
import { readSafetensors } from '../core/files/safetensors.ts';

/** Arrays by name, each opened on demand: a .npz file may hold some that cannot be read. */
export type NamedArrays = ReadonlyMap<string, () => StoredArray>;

/** Formats of named arrays, and of a single one. */
export const NAMED = ['.safetensors', '.npz'];
export const SINGLE = '.npy';

/** Where the last part of a name begins: at the dot of `layer1.q` or the slash of `layer1/q`; −1 if there is neither. */
export function endOfLayer(name: string): number {
  return Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'));
}

/** `.npy`, in lower case. */
export function typeOf(path: string): string {
  return extname(path).toLowerCase();
}

/** Opens a .safetensors or .npz file. Throws FileFormatError for one that is missing or malformed. */
export function readNamedArrays(path: string): NamedArrays {
  if (typeOf(path) === '.npz') return readNpz(path);
  return new Map([...readSafetensors(path).tensors].map(([name, array]) => [name, () => array]));
}
