/** The best pairs of two lists of scores, by their sums. No gradient flows through a choice. */
import { expectInteger, expectShape } from '../errors.ts';
import { bestPairsKernel } from '../kernels/best-pairs.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';

/**
 * For scores [..., n] of first and of second halves, the k pairs (i, j) with the largest sums of each row, best first: int32
 * [2, rows, k], all i, then all j. Of equal sums that with the better first half. Throws ShapeError or ArgumentError for scores
 * that do not fit each other, or a k outside 1 … n.
 */
export function bestPairs(scores1: Tensor, scores2: Tensor, k: number): Tensor {
  expectFloat('scores1', scores1);
  expectAxes('scores1', scores1, 1);
  expectSameDType('scores2', scores2, scores1.dtype, 'to match scores1');
  expectShape('scores2', scores2.shape, scores1.shape, 'to match scores1');
  const n = scores1.shape[scores1.shape.length - 1];
  expectInteger('k', k, 1, n);
  const rows = scores1.size / n;
  const pairs = empty([2, rows, k], 'int32');
  const arrays = { scores1: elements(scores1), scores2: elements(scores2), pairs: elements(pairs) };
  parallelFor(bestPairsKernel, rows, arrays, { n, k, rows }, { costPerItem: 20 * (n + k) });
  return pairs;
}
