/** Key masks, uint8 [batch, keyLength], 1 = a real key: what is done with them outside of attention. */
import { elements, filled, fromArray, type Tensor } from '../tensor.ts';
import { gatherRows } from './gather.ts';

/** The mask without the keys at `positions`; no mask means that all `keyLength` keys are real. */
export function hideKeys(
  keyMask: Tensor | undefined,
  [batch, keyLength]: readonly [batch: number, keyLength: number],
  positions: ArrayLike<number>,
): Tensor {
  const hidden =
    keyMask === undefined
      ? filled([batch, keyLength], 1, 'uint8')
      : fromArray(elements(keyMask), keyMask.shape, 'uint8');
  const flags = elements(hidden);
  for (let b = 0; b < batch; b++) for (let n = 0; n < positions.length; n++) flags[b * keyLength + positions[n]] = 0;
  return hidden;
}

/**
 * The mask of keys that were picked by `gatherRows`: entries `positions` of every row, [batch, count], or with a list for
 * each head, [batch, heads, count]. Position −1, which picks nothing, is masked.
 */
export function pickKeys(keyMask: Tensor | undefined, positions: Int32Array): Tensor | undefined;
export function pickKeys(
  keyMask: Tensor | undefined,
  positions: readonly Int32Array[],
  [batch, keyLength]: readonly [batch: number, keyLength: number],
): Tensor;
export function pickKeys(
  keyMask: Tensor | undefined,
  positions: Int32Array | readonly Int32Array[],
  sizes?: readonly [batch: number, keyLength: number],
): Tensor | undefined {
  if (positions instanceof Int32Array && keyMask === undefined) return undefined;
  const lists = positions instanceof Int32Array ? [positions] : positions;
  const [batch, keyLength] = sizes ?? (keyMask as Tensor).shape;
  const flags = keyMask === undefined ? null : elements(keyMask);
  const count = lists[0].length;
  const picked = new Uint8Array(batch * lists.length * count);
  for (let b = 0, at = 0; b < batch; b++) {
    for (const list of lists) {
      for (const position of list) picked[at++] = position < 0 ? 0 : (flags?.[b * keyLength + position] ?? 1);
    }
  }
  const perHead = positions instanceof Int32Array ? [] : [lists.length];
  return fromArray(picked, [batch, ...perHead, count], 'uint8');
}

/**
 * x [batch, heads, keyLength, width] with zeros in the rows that the mask leaves out, whatever they hold: rows are picked,
 * because 0 times NaN is NaN. x itself where no key is masked.
 */
export function zeroMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  if (keyMask === undefined) return x;
  const flags = elements(keyMask);
  if (flags.every((flag) => flag !== 0)) return x;
  const [batch, keyLength] = keyMask.shape;
  const [, heads] = x.shape;
  const rows = new Int32Array(batch * heads * keyLength);
  for (let at = 0; at < rows.length; at++) {
    const position = at % keyLength;
    const entry = Math.floor(at / (heads * keyLength));
    rows[at] = flags[entry * keyLength + position] === 0 ? -1 : position;
  }
  return gatherRows(x, fromArray(rows, [batch, heads, keyLength], 'int32'));
}
