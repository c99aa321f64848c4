/**
 * Masks that say which tokens of a file are real: [batch, length] or [batch, 1, 1, length], or [length] for every sequence. 1
 * (or true) is a real token and 0 is padding, as in Hugging Face's `attention_mask`. PyTorch's `key_padding_mask` is the
 * opposite.
 */
import { FileFormatError, formatShape, ShapeError } from '../core/errors.ts';
import { readNpy } from '../core/files/npy.ts';
import type { StoredArray } from '../core/files/numbers.ts';
import { endOfLayer, type NamedArrays } from './named-arrays.ts';

/** A mask and the place where it was found. */
export interface StoredMask {
  /** Its name in messages. */
  name: string;
  array: StoredArray;
}

/** In lower case, the last part of a tensor's name. */
const SPELLINGS = ['mask', 'keymask', 'key_mask', 'attentionmask', 'attention_mask'];

/** The layer in the name of a mask, `layer1` of `layer1.mask`; null for any other name. */
export function layerOfMask(name: string): string | null {
  const end = endOfLayer(name);
  return SPELLINGS.includes(name.slice(end + 1).toLowerCase()) ? name.slice(0, Math.max(end, 0)) : null;
}

/**
 * The masks in a file by layer; `` stands for all layers. A single array in a file is a mask, whatever its name.
 * Throws FileFormatError for a file without a mask, or with two for a layer.
 */
export function masksIn(path: string, arrays: NamedArrays | null): Map<string, StoredMask> {
  if (arrays === null) return new Map([['', { name: path, array: readNpy(path) }]]);
  const names = [...arrays.keys()];
  const masks = namedMasks(path, arrays);
  if (masks.size > 0) return masks;
  if (names.length === 1) return new Map([['', { name: `${path}: ${names[0]}`, array: arrays.get(names[0])!() }]]);
  throw new FileFormatError(`${path}: expected an array mask, or LAYER.mask, or one array alone, got ${names.length}`);
}

/** The masks among other arrays, by their names. */
export function namedMasks(path: string, arrays: NamedArrays): Map<string, StoredMask> {
  const masks = new Map<string, StoredMask>();
  for (const [name, open] of arrays) {
    const layer = layerOfMask(name);
    if (layer === null) continue;
    const other = masks.get(layer)?.name;
    if (other !== undefined) throw new FileFormatError(`${path}: expected one mask, got both ${other} and ${name}`);
    masks.set(layer, { name: `${path}: ${name}`, array: open() });
  }
  return masks;
}

/**
 * The flags of a mask for every token, [batch, length], 1 = real. Throws ShapeError for another shape, which is checked
 * before anything is read, and FileFormatError for numbers other than 0 and 1, or if no token is real.
 */
export function flagsOf({ name, array }: StoredMask, batch: number, length: number): Uint8Array {
  const { shape } = array;
  // Models broadcast their masks over heads and queries: [batch, 1, 1, length].
  const isBroadcast = shape.length === 4 && shape[1] === 1 && shape[2] === 1;
  const rows = shape.length === 1 ? 1 : shape[0];
  const isKnown = shape.length === 1 || shape.length === 2 || isBroadcast;
  if (!isKnown || shape[shape.length - 1] !== length || (rows !== 1 && rows !== batch)) {
    throw new ShapeError(
      `${name}: expected a mask ${formatShape([batch, length])}, or ${formatShape([length])} for every sequence, got ${formatShape(shape)}`,
    );
  }
  const numbers = array.load();
  const odd = numbers.findIndex((each) => each !== 0 && each !== 1);
  if (odd >= 0) {
    const isAdditive = numbers.every((each) => each <= 0);
    const advice = isAdditive
      ? '; of an additive mask, 0 where a token is real, save (mask == 0).astype(numpy.uint8)'
      : '';
    throw new FileFormatError(
      `${name}: expected 1 for real tokens and 0 for padding, got ${numbers[odd]} at element ${odd}${advice}`,
    );
  }
  if (!numbers.includes(1)) throw new FileFormatError(`${name}: expected at least one real token, got none`);
  return Uint8Array.from({ length: batch * length }, (_, n) => numbers[n % numbers.length]);
}
