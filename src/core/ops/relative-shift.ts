/** From a column for each distance to a column for each key: the relative shift of attention by distance. */
import ndarray from 'ndarray';
import { record } from '../autograd.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { copyInto, type Tensor, viewAs, zeros } from '../tensor.ts';
import { expectAxes } from './check.ts';

/**
 * Entry (i, c) of the result [..., rows, columns] is entry (i, c + rows − 1 − i) of x [..., rows, columns + rows − 1]:
 * every row stands one further to the left than the row below it. Where column t of x belongs to the distance D − t, D
 * being the distance of the last query to the first key, column c of the result belongs to key c (Dai et al. 2019,
 * Appendix B, where entries that are out of reach wrap around instead).
 *
 * A row down and a column to the left is one stride, so the result is a view and no element moves. Throws ShapeError if
 * a row has fewer entries than there are rows.
 */
export function relativeShift(x: Tensor): Tensor {
  expectAxes('x', x, 2);
  const [rows, width] = x.shape.slice(-2);
  if (width < rows) {
    throw new ShapeError(`x: expected at least as many columns as rows, got ${formatShape(x.shape)}`);
  }
  return record('relativeShift', shifted(x), [x], (gradient) => {
    const result = zeros(x.shape, x.dtype);
    copyInto(shifted(result).array, gradient.array);
    return [result];
  });
}

function shifted(x: Tensor): Tensor {
  return viewAs(x, ({ data, shape, stride, offset }) => {
    const last = shape.length - 1;
    const [rows, width] = shape.slice(-2);
    const strides = stride.with(last - 1, stride[last - 1] - stride[last]);
    return ndarray(data, shape.with(last, width - rows + 1), strides, offset + (rows - 1) * stride[last]);
  });
}
