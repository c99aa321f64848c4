/** Key masks, uint8 [batch, keyLength], 1 = a real key: what is done with them outside of attention. */
import { expectShape, ShapeError } from '../errors.ts';
import { expectInstance, expectList, integerOf } from '../expect.ts';
import { elements, filled, fromArray, type Tensor } from '../tensor.ts';
import { expectAxes, expectFlags, expectFloat, expectPositions, expectTensor } from './check.ts';
import { gatherRows } from './gather.ts';

/** Sizes of a mask, [batch, keyLength]. */
type MaskSizes = readonly [batch: number, keyLength: number];

function expectSizes(sizes: MaskSizes, keyMask: Tensor | undefined): MaskSizes {
  expectList('sizes', sizes, integerOf(1), 2);
  const own = [sizes[0], sizes[1]] as const;
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, own, 'to match the sizes');
  return own;
}

/**
 * The mask without the keys at `positions`; no mask means that all `keyLength` keys are real. Throws ShapeError or
 * ArgumentError for what does not fit, as all here.
 */
export function hideKeys(keyMask: Tensor | undefined, sizes: MaskSizes, positions: ArrayLike<number>): Tensor {
  const [batch, keyLength] = expectSizes(sizes, keyMask);
  expectPositions('positions', positions, 0, keyLength);
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
export function pickKeys(keyMask: Tensor | undefined, positions: readonly Int32Array[], sizes: MaskSizes): Tensor;
export function pickKeys(
  keyMask: Tensor | undefined,
  positions: Int32Array | readonly Int32Array[],
  sizes?: MaskSizes,
): Tensor | undefined {
  const lists = positions instanceof Int32Array ? [positions] : positions;
  expectList('positions', lists, (name, list) => expectInstance(name, list, Int32Array), 1);
  if (keyMask !== undefined) expectTensor('keyMask', keyMask);
  if (positions instanceof Int32Array && keyMask === undefined) return undefined;
  if (sizes === undefined && keyMask !== undefined) expectAxes('keyMask', keyMask, 2);
  const [batch, keyLength] = expectSizes(sizes ?? (keyMask?.shape as unknown as MaskSizes), keyMask);
  const flags = keyMask === undefined ? null : elements(keyMask);
  const count = lists[0].length;
  lists.forEach((list, n) => {
    expectPositions(`positions[${n}]`, list, -1, keyLength);
    if (list.length === count && count > 0) return;
    throw new ShapeError(`positions[${n}]: expected as many as in the first list, at least one, got ${list.length}`);
  });
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
  expectFloat('x', x);
  if (keyMask === undefined) return x;
  expectShape('x', x.shape, [x.shape[0], x.shape[1], x.shape[2], x.shape[3]], 'as [batch, heads, keyLength, width]');
  expectFlags('keyMask', keyMask, [x.shape[0], x.shape[2]], 'to match x');
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
