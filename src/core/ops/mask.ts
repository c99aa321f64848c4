/** Key masks, uint8 [batch, keyLength], 1 = a real key: what is done with them outside of attention. */
import { ShapeError } from '../errors.ts';
import { expectFunction, expectInstance, expectList, integerOf } from '../expect.ts';
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
  const [batch, keyLength] = expectSizes(
    sizes === undefined ? (keyMask?.shape as unknown as MaskSizes) : sizes,
    keyMask,
  );
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
 * x [batch, …, keyLength, width] with zeros in the rows that the mask leaves out, whatever they hold: rows are picked,
 * because 0 times NaN is NaN. x itself where no key is masked.
 */
export function zeroMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  return withoutMaskedRows(x, keyMask, () => true);
}

/** Above this, a product with another number of this size may be beyond the range of the type. */
const LOUD = { float32: 1e15, float64: 1e150 };

/**
 * x [batch, …, keyLength, width] with zeros in masked rows that cannot be computed with: those that hold a NaN, an infinity
 * or a number so large that products with it may be infinite. Other masked rows are left as they are: a weight of 0 is
 * enough to keep them out. Where no masked row is loud this is x itself, and costs a look at the masked rows.
 */
export function quietMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  return withoutMaskedRows(x, keyMask, (row) => {
    const { data, offset, stride } = x.array;
    let [at, rest] = [offset, row];
    for (let axis = x.shape.length - 2; axis >= 0; axis--) {
      at += (rest % x.shape[axis]) * stride[axis];
      rest = Math.floor(rest / x.shape[axis]);
    }
    const last = x.shape.length - 1;
    const limit = LOUD[x.dtype as 'float32' | 'float64'];
    // Written so that NaN is found.
    for (let c = 0; c < x.shape[last]; c++) if (!(Math.abs(data[at + c * stride[last]]) <= limit)) return true;
    return false;
  });
}

/** x with zeros in the masked rows that `isDropped`, which is given the number of a row; x itself if there is none. */
export function withoutMaskedRows(x: Tensor, keyMask: Tensor | undefined, isDropped: (row: number) => boolean): Tensor {
  expectFloat('x', x);
  expectFunction('isDropped', isDropped);
  if (keyMask === undefined) return x;
  expectAxes('x', x, 3);
  const leading = x.shape.slice(0, -2);
  const keyLength = x.shape[x.shape.length - 2];
  expectTensor('keyMask', keyMask);
  const isPerHead = keyMask.shape.length > 2;
  expectFlags('keyMask', keyMask, isPerHead ? [...leading, keyLength] : [leading[0], keyLength], 'to match x');
  const flags = elements(keyMask);
  if (flags.every((flag) => flag !== 0)) return x;
  const perEntry = leading.slice(1).reduce((product, extent) => product * extent, keyLength);
  const rows = new Int32Array(leading[0] * perEntry);
  const perMask = isPerHead ? keyLength : perEntry;
  let dropped = 0;
  for (let row = 0; row < rows.length; row++) {
    const position = row % keyLength;
    const isMasked = flags[Math.floor(row / perMask) * keyLength + position] === 0;
    rows[row] = isMasked && isDropped(row) ? -1 : position;
    if (rows[row] < 0) dropped++;
  }
  return dropped === 0 ? x : gatherRows(x, fromArray(rows, [...leading, keyLength], 'int32'));
}
