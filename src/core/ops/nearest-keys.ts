/** The keys nearest to rows in float64. Outside the tape: no gradient can flow through a choice. */
import { expectInteger, expectShape } from '../errors.ts';
import { nearestKeysKernel } from '../kernels/nearest-keys.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, fromArray, type Tensor } from '../tensor.ts';
import { expectAxes, expectFlags, expectFloat, expectSameDType } from './check.ts';
import { matmul } from './matmul.ts';

/** How far a product of `width` channels in a type may be from the exact one, in units of the two norms. */
export function productError(dtype: Tensor['dtype'], width: number): number {
  // Each of the multiplications and additions, and the rounding of a row to the type.
  return (width + 3) * (dtype === 'float32' ? 2 ** -24 : 2 ** -53);
}

/** The norms of rows [..., width], in float64. */
export function normsOf(rows: ArrayLike<number>, width: number): Float64Array {
  const norms = new Float64Array(rows.length / width);
  for (let row = 0; row < norms.length; row++) {
    let squares = 0;
    for (let at = row * width; at < (row + 1) * width; at++) squares += rows[at] ** 2;
    norms[row] = Math.sqrt(squares);
  }
  return norms;
}

/**
 * The `count` keys [batch, heads, keyLength, width] of the largest products with each of the rows [batch, heads, n, width],
 * float64: int32 [batch, heads, n, count], ascending, −1 where there are fewer keys. `keyMask` [batch, keyLength], uint8: 0 = not
 * chosen. Of equal products the first keys are chosen. Products are float64 where it matters, so that the type of the keys does
 * not. Throws ArgumentError or ShapeError, with the name of the argument, for arguments that do not fit.
 */
export function nearestKeys(rows: Tensor, keys: Tensor, count: number, keyMask?: Tensor): Tensor {
  expectAxes('rows', rows, 4);
  expectSameDType('rows', rows, 'float64', 'whatever the keys are');
  expectFloat('keys', keys);
  expectAxes('keys', keys, 4);
  expectInteger('count', count, 1);
  const [batch, heads, n, width] = rows.shape;
  const keyLength = keys.shape[2];
  expectShape('keys', keys.shape, [batch, heads, keyLength, width], 'to match rows');
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, keyLength], 'to match keys');
  const rounded = keys.dtype === 'float64' ? rows : fromArray(elements(rows), rows.shape, keys.dtype);
  const estimates = matmul(rounded, keys, { transposeB: true });
  const lists = empty([batch, heads, n, count], 'int32');
  const norms = normsOf(elements(keys), width);
  const largest = new Float64Array(batch * heads);
  for (let at = 0; at < norms.length; at++) {
    const group = Math.floor(at / keyLength);
    largest[group] = Math.max(largest[group], norms[at]);
  }
  parallelFor(
    nearestKeysKernel,
    batch * heads * n,
    {
      estimates: elements(estimates),
      rows: elements(rows),
      keys: elements(keys),
      norms: elements(fromArray(largest, [batch * heads], 'float64')),
      lists: elements(lists),
      mask: keyMask && elements(keyMask),
    },
    { keyLength, width, count, perGroup: n, perEntry: heads * n, error: productError(keys.dtype, width) },
    { costPerItem: COST_OF_RANK * keyLength },
  );
  return lists;
}

/** Ranking a key, in multiply-adds. */
const COST_OF_RANK = 16;
