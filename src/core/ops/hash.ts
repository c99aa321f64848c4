import { expectShape, formatShape, ShapeError } from '../errors.ts';
import { directionHashKernel, HASH_ROWS } from '../kernels/hash.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectFloat, expectSameDType } from './check.ts';

/**
 * argmax([xR; −xR]): which of n directions, or of their opposites (numbered from n on), each row of x is nearest to (Andoni
 * et al. 2015, "Practical and Optimal LSH for Angular Distance"). Equal rows get the same number, and rows with nearly the
 * same direction often do. x [batch, heads, length, width] and directions R [heads, rounds, width, n] give int32 [batch,
 * heads, rounds, length]. Piecewise constant, so outside the tape; xR is never stored. Throws ShapeError or ArgumentError for
 * arguments that do not fit.
 */
export function directionHash(x: Tensor, directions: Tensor): Tensor {
  expectFloat('x', x);
  expectSameDType('directions', directions, x.dtype, 'to match x');
  if (x.shape.length !== 4) {
    throw new ShapeError(`x: expected [batch, heads, length, width], got ${formatShape(x.shape)}`);
  }
  if (directions.shape.length !== 4) {
    throw new ShapeError(`directions: expected [heads, rounds, width, n], got ${formatShape(directions.shape)}`);
  }
  const [batch, heads, length, width] = x.shape;
  const [, rounds, , count] = directions.shape;
  expectShape('directions', directions.shape, [heads, rounds, width, count], 'to match x');
  const result = empty([batch, heads, rounds, length], 'int32');
  const items = batch * heads * rounds * Math.ceil(length / HASH_ROWS);
  const arrays = { x: elements(x), directions: elements(directions), result: elements(result) };
  const costPerItem = Math.min(length, HASH_ROWS) * width * count;
  parallelFor(directionHashKernel, items, arrays, { heads, rounds, length, width, count }, { costPerItem });
  return result;
}
