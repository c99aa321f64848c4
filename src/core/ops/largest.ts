/** The largest entry of a row, with a gradient. */
import { record } from '../autograd.ts';
import { elements, type Tensor, zeros } from '../tensor.ts';
import { expectAxes } from './check.ts';
import { max } from './reduce.ts';

/**
 * The largest entry along the last axis: [..., n] to [..., 1]. Its gradient goes to the first of the largest, or to the first NaN
 * where there is one. `max` of reduce.ts is the same without a gradient, along any axis.
 */
export function largest(x: Tensor): Tensor {
  expectAxes('x', x, 1);
  const result = max(x, -1, true);
  return record('largest', result, [x], (gradient) => {
    const ofX = zeros(x.shape, x.dtype);
    const [from, found, along, to] = [x, result, gradient, ofX].map(elements);
    const columns = x.shape[x.shape.length - 1];
    for (let row = 0; row < found.length; row++) {
      const start = row * columns;
      const place = from.subarray(start, start + columns).findIndex((each) => Object.is(each, found[row]));
      to[start + Math.max(0, place)] = along[row];
    }
    return [ofX];
  });
}
