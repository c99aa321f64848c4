/** Files of arrays that have names, in whichever format. */
import { extname } from '#platform/path';
import { readNpz } from '../core/files/npz.ts';
import type { StoredArray } from '../core/files/numbers.ts';
import { readSafetensors } from '../core/files/safetensors.ts';

/** Arrays by name, each opened when it is asked for: of a .npz file one may be what nobody can read. */
export type NamedArrays = ReadonlyMap<string, () => StoredArray>;

/** Formats of arrays with names, and that of a single one. */
export const NAMED = ['.safetensors', '.npz'];
export const SINGLE = '.npy';

/** Where a name's last part is set off, by the dot of `layer1.q` or the slash of `layer1/q`; −1 if it is the whole. */
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
