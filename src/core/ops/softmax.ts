import { record } from '../autograd.ts';
import { softmaxGradientKernel, softmaxKernel } from '../kernels/rows.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFloat } from './check.ts';

/**
 * exp(x) / Σ exp(x) along the last axis, without overflow. A row of nothing but −∞ becomes zeros and has no gradient; a row
 * with NaN or +∞ becomes NaN.
 */
export function softmax(x: Tensor): Tensor {
  expectFloat('x', x);
  expectAxes('x', x, 1);
  const columns = x.shape[x.shape.length - 1];
  const rows = x.size / columns;
  const y = empty(x.shape, x.dtype);
  parallelFor(softmaxKernel, rows, { x: elements(x), y: elements(y) }, { columns }, { costPerItem: 20 * columns });
  return record('softmax', y, [x], (gradient) => {
    const result = empty(x.shape, x.dtype);
    const arrays = { y: elements(y), gradient: elements(gradient), result: elements(result) };
    parallelFor(softmaxGradientKernel, rows, arrays, { columns }, { costPerItem: 4 * columns });
    return [result];
  });
}
