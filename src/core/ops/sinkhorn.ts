/** Matrices whose rows and columns both sum to 1, by Sinkhorn's normalisations in log space; and their causal counterpart. */
import { record } from '../autograd.ts';
import { expectInteger, expectShape } from '../errors.ts';
import { expectRecord } from '../expect.ts';
import {
  balanceGradientKernel,
  balanceKernel,
  causalBalanceGradientKernel,
  causalBalanceKernel,
} from '../kernels/sinkhorn.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { expectAxes, expectFlags, expectFloat, expectSameDType } from './check.ts';

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 16;

/** Settings of `sinkhornBalance`: how often rows and columns are normalised, and which of them are there. */
export interface BalanceSettings {
  /** Normalisations of all rows and then of all columns. */
  iterations: number;
  /** [batch, size], uint8: 0 = this row and this column are not there, and hold zeros. */
  mask?: Tensor | undefined;
}

/**
 * S^n(R), with S^0(R) = exp(R) and S^k(R) = F_c(F_r(S^{k−1}(R))) where F_r and F_c divide rows and columns by their sums, of
 * matrices R [batch, heads, size, size]. All sums are taken of logarithms in float64, so scores of any size keep the columns'
 * sums at 1; the rows' sums approach 1 as n grows. Throws ArgumentError or ShapeError, with the argument's name.
 */
export function sinkhornBalance(scores: Tensor, settings: BalanceSettings): Tensor {
  expectFloat('scores', scores);
  expectAxes('scores', scores, 4);
  expectRecord('settings', settings);
  const { iterations, mask } = settings;
  expectInteger('settings.iterations', iterations, 1);
  const [batch, heads, size] = scores.shape;
  expectShape('scores', scores.shape, [batch, heads, size, size], 'as many rows as columns');
  if (mask !== undefined) expectFlags('settings.mask', mask, [batch, size], 'to match scores');
  const weights = empty(scores.shape, scores.dtype);
  const given = { scores: elements(scores), mask: mask && elements(mask) };
  const numbers = { size, iterations, perEntry: heads };
  const costPerItem = 2 * iterations * size * size * EXP_COST;
  parallelFor(balanceKernel, batch * heads, { ...given, weights: elements(weights) }, numbers, { costPerItem });
  return record('sinkhornBalance', weights, [scores], (gradient) => {
    const result = empty(scores.shape, scores.dtype);
    const arrays = { ...given, gradient: elements(gradient), result: elements(result) };
    parallelFor(balanceGradientKernel, batch * heads, arrays, numbers, { costPerItem: 2 * costPerItem });
    return [result];
  });
}

/** Settings of `causalBalance`: those of `sinkhornBalance`, and what the rows above these have left. */
export interface CausalBalanceSettings {
  /** Normalisations of all columns and then of all rows. */
  iterations: number;
  /** The number of the first of these rows; 0 by default. */
  first?: number;
  /** [batch, columns], uint8: 0 = this column is not there, and holds zeros. */
  mask?: Tensor | undefined;
  /** `sums` of the call for the rows above, float64 [batch, heads, iterations, first − 1]. */
  before?: Tensor | undefined;
}

/** What `causalBalance` returns. */
export interface CausallyBalanced {
  /** [batch, heads, rows, columns]: the rows sum to 1, but for one that has no column. */
  weights: Tensor;
  /** log Σ exp of each column so far in each iteration, float64 [batch, heads, iterations, columns]: a constant to gradients. */
  sums: Tensor;
}

/**
 * The same of scores [batch, heads, rows, columns] below the diagonal: row i has the columns j < i, and a column's sum up to row i
 * takes the place of its whole sum, so that no row depends on those below. Columns come first and rows last. `columns` is first +
 * rows − 1, and rows in several calls have the numbers of one. Throws ArgumentError or ShapeError, with the argument's name.
 */
export function causalBalance(scores: Tensor, settings: CausalBalanceSettings): CausallyBalanced {
  expectFloat('scores', scores);
  expectAxes('scores', scores, 4);
  expectRecord('settings', settings);
  const { iterations, first = 0, mask, before } = settings;
  expectInteger('settings.iterations', iterations, 1);
  expectInteger('settings.first', first, 0);
  const [batch, heads, rows] = scores.shape;
  const columns = first + rows - 1;
  expectShape('scores', scores.shape, [batch, heads, rows, columns], 'a column for every row above the last one');
  if (mask !== undefined) expectFlags('settings.mask', mask, [batch, columns], 'to match scores');
  const held = Math.max(0, first - 1);
  if (before !== undefined) {
    expectFloat('settings.before', before);
    expectSameDType('settings.before', before, 'float64', 'as sums are');
    expectShape('settings.before', before.shape, [batch, heads, iterations, held], 'for these rows');
  }
  const weights = empty(scores.shape, scores.dtype);
  const sums = empty([batch, heads, iterations, columns], 'float64');
  const given = { scores: elements(scores), mask: mask && elements(mask), before: before && elements(before) };
  const numbers = { rows, columns, first, held, iterations, perEntry: heads };
  const costPerItem = iterations * rows * columns * EXP_COST;
  const arrays = { ...given, weights: elements(weights), after: elements(sums) };
  parallelFor(causalBalanceKernel, batch * heads, arrays, numbers, { costPerItem });
  const recorded = record('causalBalance', weights, [scores], (gradient) => {
    const result = empty(scores.shape, scores.dtype);
    const history = elements(empty([batch, heads, iterations, rows, columns], 'float64'));
    const back = { ...given, gradient: elements(gradient), result: elements(result), history };
    parallelFor(causalBalanceGradientKernel, batch * heads, back, numbers, { costPerItem: 2 * costPerItem });
    return [result];
  });
  return { weights: recorded, sums };
}
