/** Key masks, uint8 [batch, keyLength], 1 = a real key: small arithmetic on them, outside the tape. */
import { elements, filled, fromArray, type Tensor } from '../tensor.ts';

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

/** Entries `positions` of every row of the mask: the mask of keys that were picked by `gatherRows`. */
export function pickKeys(keyMask: Tensor | undefined, positions: ArrayLike<number>): Tensor | undefined {
  if (keyMask === undefined) return undefined;
  const [batch, keyLength] = keyMask.shape;
  const flags = elements(keyMask);
  const count = positions.length;
  const picked = Uint8Array.from({ length: batch * count }, (_, n) => {
    return flags[Math.floor(n / count) * keyLength + positions[n % count]];
  });
  return fromArray(picked, [batch, count], 'uint8');
}
