/** Key masks, uint8 [batch, keyLength], 1 = a real key: operations on them outside attention. */
import { LOUD } from '../dtype.ts';
import { ShapeError } from '../errors.ts';
import { expectFunction, expectInstance } from '../expect.ts';
import { elements, fromArray, placementOf, type Tensor } from '../tensor.ts';
import { expectAxes, expectFlags, expectFloat, expectPositions, expectTensor } from './check.ts';
import { gatherRows } from './gather.ts';

/**
 * The mask of keys that were picked by `gatherRows`: entries `positions` of every row, [batch, count]. Position −1, which
 * picks nothing, is masked. Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function pickKeys(keyMask: Tensor | undefined, positions: Int32Array): Tensor | undefined {
  expectInstance('positions', positions, Int32Array);
  if (keyMask === undefined) return undefined;
  expectTensor('keyMask', keyMask);
  const [batch, keyLength] = keyMask.shape;
  expectFlags('keyMask', keyMask, [batch, keyLength], 'as every mask [batch, keyLength]');
  expectPositions('positions', positions, -1, keyLength);
  if (positions.length === 0) throw new ShapeError('positions: expected at least one, got none');
  const flags = elements(keyMask);
  const picked = new Uint8Array(batch * positions.length);
  for (let b = 0, at = 0; b < batch; b++) {
    for (const position of positions) picked[at++] = position < 0 ? 0 : flags[b * keyLength + position];
  }
  return fromArray(picked, [batch, positions.length], 'uint8');
}

/**
 * x [batch, …, keyLength, width] with zeros in the rows that the mask leaves out, whatever they hold: rows are picked,
 * because 0 times NaN is NaN. x itself where no key is masked.
 */
export function zeroMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  return withoutMaskedRows(x, keyMask, () => true);
}

/**
 * x [batch, …, keyLength, width] with zeros in masked rows that are not safe to compute with: those that hold a NaN, an
 * infinity or a number so large that products with it may overflow. Other masked rows stay as they are, because a weight of 0
 * keeps them out. If no masked row holds such a number this is x itself, at the cost of one read of the masked rows.
 */
export function quietMasked(x: Tensor, keyMask: Tensor | undefined): Tensor {
  return withoutMaskedRows(x, keyMask, (row) => {
    const { data, offset, stride } = placementOf(x);
    let [at, rest] = [offset, row];
    for (let axis = x.shape.length - 2; axis >= 0; axis--) {
      at += (rest % x.shape[axis]) * stride[axis];
      rest = Math.floor(rest / x.shape[axis]);
    }
    const last = x.shape.length - 1;
    const limit = LOUD[x.dtype as 'float32' | 'float64'];
    // Written so that NaN counts as unsafe.
    for (let c = 0; c < x.shape[last]; c++) if (!(Math.abs(data[at + c * stride[last]]) <= limit)) return true;
    return false;
  });
}

/**
 * x with zeros in the masked rows for which `isDropped`, called with a row number, returns true; x itself if there are none.
 */
export function withoutMaskedRows(x: Tensor, keyMask: Tensor | undefined, isDropped: (row: number) => boolean): Tensor {
  expectFloat('x', x);
  expectFunction('isDropped', isDropped);
  if (keyMask === undefined) return x;
  expectAxes('x', x, 3);
  const leading = x.shape.slice(0, -2);
  const keyLength = x.shape[x.shape.length - 2];
  expectFlags('keyMask', keyMask, [leading[0], keyLength], 'to match x');
  const flags = elements(keyMask);
  if (flags.every((flag) => flag !== 0)) return x;
  const perEntry = leading.slice(1).reduce((product, extent) => product * extent, keyLength);
  const rows = new Int32Array(leading[0] * perEntry);
  let dropped = 0;
  for (let row = 0; row < rows.length; row++) {
    const position = row % keyLength;
    const isMasked = flags[Math.floor(row / perEntry) * keyLength + position] === 0;
    rows[row] = isMasked && isDropped(row) ? -1 : position;
    if (rows[row] < 0) dropped++;
  }
  return dropped === 0 ? x : gatherRows(x, fromArray(rows, [...leading, keyLength], 'int32'));
}
