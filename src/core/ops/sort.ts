/** Sorting of integers, outside the tape: no gradient can flow through an order. */
import { ArgumentError, expectInteger } from '../errors.ts';
import { countingSortKernel } from '../kernels/sort.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectInt32 } from './check.ts';

/** A permutation of every list along the last axis, int32, both ways. */
export interface Sorted {
  /** The element at each place. */
  order: Tensor;
  /** The place of each element: the inverse of `order`. */
  place: Tensor;
}

/**
 * Sorts int32 keys of 0 … bound − 1 along the last axis; equal keys keep their order. O(length + bound) for each list. Throws
 * ArgumentError for another type or for keys outside that range.
 */
export function countingSort(keys: Tensor, bound: number): Sorted {
  expectInt32('keys', keys);
  expectAxes('keys', keys, 1);
  expectInteger('bound', bound, 1, 2 ** 31);
  const numbers = elements(keys);
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] >= 0 && numbers[i] < bound) continue;
    throw new ArgumentError(`keys: expected 0 to ${bound - 1}, got ${numbers[i]} at element ${i}`);
  }
  const length = keys.shape[keys.shape.length - 1];
  const order = empty(keys.shape, 'int32');
  const place = empty(keys.shape, 'int32');
  const arrays = { keys: numbers, order: elements(order), place: elements(place) };
  parallelFor(countingSortKernel, keys.size / length, arrays, { length, bound }, { costPerItem: 4 * (length + bound) });
  return { order, place };
}
