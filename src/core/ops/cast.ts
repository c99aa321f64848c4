import { record } from '../autograd.ts';
import { expectDType } from '../dtype.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectFloat } from './check.ts';

/**
 * x in another type of floats, rounded once where that has fewer digits; x itself where it has the type. Its gradient comes
 * back in the type of x. Throws ArgumentError unless both types are float32 or float64.
 */
export function cast(x: Tensor, dtype: 'float32' | 'float64'): Tensor {
  expectFloat('x', x);
  expectDType('dtype', dtype, ['float32', 'float64']);
  if (x.dtype === dtype) return x;
  return record('cast', inType(x, dtype), [x], (gradient) => [inType(gradient, x.dtype as 'float32')]);
}

function inType(x: Tensor, dtype: 'float32' | 'float64'): Tensor {
  const result = empty(x.shape, dtype);
  elements(result).set(elements(x));
  return result;
}
