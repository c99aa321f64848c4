/** Rows added up by index: the adjoint of `gatherRows`. */
import { record } from '../autograd.ts';
import { ArgumentError, expectInteger, expectShape } from '../errors.ts';
import { SCATTER_COLUMNS, scatterAddKernel } from '../kernels/rows.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFloat, expectInt32 } from './check.ts';
import { gatherRows } from './gather.ts';

/**
 * Row t of the result [..., length, width] is the sum of the rows j of `rows` [..., count, width] with index[j] = t, in order;
 * `index` is int32 [..., count], and rows with index −1 are left out. Throws ArgumentError or ShapeError for arguments that do
 * not fit.
 */
export function scatterAdd(rows: Tensor, index: Tensor, length: number): Tensor {
  expectFloat('rows', rows);
  expectAxes('rows', rows, 2);
  expectInt32('index', index);
  expectInteger('length', length, 1);
  const leading = rows.shape.slice(0, -2);
  const [count, width] = rows.shape.slice(-2);
  expectShape('index', index.shape, [...leading, count], 'to match rows');
  const numbers = elements(index);
  const wrong = numbers.findIndex((row) => row < -1 || row >= length);
  if (wrong >= 0) {
    throw new ArgumentError(`index: expected −1 to ${length - 1}, got ${numbers[wrong]} at element ${wrong}`);
  }
  const result = empty([...leading, length, width], rows.dtype);
  const outer = rows.size / (count * width);
  parallelFor(
    scatterAddKernel,
    outer * Math.ceil(width / SCATTER_COLUMNS),
    { rows: elements(rows), index: numbers, result: elements(result) },
    { length, width, count, own: 1 },
    { costPerItem: 2 * (count + length) * Math.min(width, SCATTER_COLUMNS) },
  );
  return record('scatterAdd', result, [rows], (gradient) => [gatherRows(gradient, index)]);
}
