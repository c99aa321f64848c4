import { record } from '../autograd.ts';
import { ArgumentError, describe } from '../errors.ts';
import { dropoutKernel } from '../kernels/dropout.ts';
import { RUN } from '../kernels/unary.ts';
import { parallelFor } from '../parallel/pool.ts';
import { expectRandom, type Random } from '../random.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectFloat } from './check.ts';

const TWO_TO_32 = 2 ** 32;

/**
 * Each entry of x is zero with probability `rate`, and divided by 1 − rate otherwise, so that its mean stays the same
 * (Srivastava et al. 2014). The stream `random` decides which entries: two numbers are drawn from it, whatever the size of x.
 * A rate of 0 returns x itself. Throws ArgumentError unless 0 ≤ rate < 1.
 */
export function dropout(x: Tensor, rate: number, random: Random): Tensor {
  expectFloat('x', x);
  if (typeof rate !== 'number' || !(rate >= 0 && rate < 1)) {
    throw new ArgumentError(`rate: expected at least 0 and below 1, got ${describe(rate)}`);
  }
  expectRandom('random', random);
  if (rate === 0) return x;
  const [firstKey, secondKey] = [random.integer(TWO_TO_32), random.integer(TWO_TO_32)];
  const numbers = { firstKey, secondKey, threshold: Math.round(rate * TWO_TO_32), share: 1 / (1 - rate) };
  const masked = (tensor: Tensor): Tensor => {
    const result = empty(tensor.shape, tensor.dtype);
    const arrays = { x: elements(tensor), y: elements(result) };
    parallelFor(dropoutKernel, Math.ceil(tensor.size / RUN), arrays, numbers, {
      costPerItem: 6 * Math.min(tensor.size, RUN),
    });
    return result;
  };
  return record('dropout', masked(x), [x], (gradient) => [masked(gradient)]);
}
