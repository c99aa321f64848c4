import { record } from '../autograd.ts';
import { normalizeGradientKernel, normalizeKernel } from '../kernels/normalize.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFloat } from './check.ts';

/**
 * x / ‖x‖ along the last axis. A row of zeros has no direction: it stays zeros and has no gradient. Throws ArgumentError
 * unless x holds floats, ShapeError if it has no axis.
 */
export function normalizeRows(x: Tensor): Tensor {
  expectFloat('x', x);
  expectAxes('x', x, 1);
  const columns = x.shape[x.shape.length - 1];
  const rows = x.size / columns;
  const y = empty(x.shape, x.dtype);
  parallelFor(normalizeKernel, rows, { x: elements(x), y: elements(y) }, { columns }, { costPerItem: 2 * columns });
  return record('normalizeRows', y, [x], (gradient) => {
    const result = empty(x.shape, x.dtype);
    const arrays = { x: elements(x), gradient: elements(gradient), result: elements(result) };
    parallelFor(normalizeGradientKernel, rows, arrays, { columns }, { costPerItem: 4 * columns });
    return [result];
  });
}
