/** Sums of rows of a table with weights of their own: what a memory returns for the values that a token reads. */
import { record } from '../autograd.ts';
import { ArgumentError, expectShape, formatShape, ShapeError } from '../errors.ts';
import {
  TABLE_COLUMNS,
  weightedRowsKernel,
  weightedRowsTableKernel,
  weightedRowsWeightsKernel,
} from '../kernels/weighted-rows.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor, zeros } from '../tensor.ts';
import { expectFloat, expectSameDType } from './check.ts';

/**
 * Σ_c weights[t, c] · table[index[t, c]] for weights [rows, count], an int32 index [rows, count] and a table [length, width]:
 * [rows, width]. No row of the table is copied, in either pass. Throws ShapeError for shapes that do not fit, ArgumentError if
 * an index is outside 0 … length − 1.
 */
export function weightedRows(weights: Tensor, table: Tensor, index: Tensor): Tensor {
  expectFloat('weights', weights);
  expectSameDType('table', table, weights.dtype, 'to match weights');
  expectSameDType('index', index, 'int32', 'as numbers of rows');
  for (const [name, { shape }] of Object.entries({ weights, table })) {
    if (shape.length !== 2) throw new ShapeError(`${name}: expected two axes, got ${formatShape(shape)}`);
  }
  expectShape('index', index.shape, weights.shape, 'to match weights');
  const [rows, count] = weights.shape;
  const [length, width] = table.shape;
  expectWithin(elements(index), length);
  const result = empty([rows, width], weights.dtype);
  // Where the list of each row begins; the zeros behind are what the kernels read beside it.
  const bounds = zeros([2, rows + 1], 'int32');
  const starts = elements(bounds);
  for (let row = 0; row <= rows; row++) starts[row] = row * count;
  // The tape keeps tensors, so arrays are taken from them when they are needed.
  const lists = () => ({ table: elements(table), index: elements(index), bounds: elements(bounds) });
  const cost = { costPerItem: 2 * count * width };
  const sizes = { rows, width };
  const arrays = { ...lists(), weights: elements(weights), result: elements(result) };
  parallelFor(weightedRowsKernel, rows, arrays, sizes, cost);
  return record('weightedRows', result, [weights, table], (given) => {
    const gradient = elements(given);
    const gradientOf = (each: Tensor) => (each.requiresGrad ? empty(each.shape, each.dtype) : null);
    const [ofWeights, ofTable] = [gradientOf(weights), gradientOf(table)];
    if (ofWeights) {
      const arrays = { ...lists(), gradient, ofWeights: elements(ofWeights) };
      parallelFor(weightedRowsWeightsKernel, rows, arrays, sizes, cost);
    }
    if (ofTable) {
      const arrays = { gradient, weights: elements(weights), index: elements(index), ofTable: elements(ofTable) };
      const columns = { costPerItem: (2 * rows * count + length) * Math.min(width, TABLE_COLUMNS) };
      const items = Math.ceil(width / TABLE_COLUMNS);
      parallelFor(weightedRowsTableKernel, items, arrays, { ...sizes, count, length }, columns);
    }
    return [ofWeights, ofTable];
  });
}

function expectWithin(index: ArrayLike<number>, length: number): void {
  for (let at = 0; at < index.length; at++) {
    const row = index[at];
    if (row >= 0 && row < length) continue;
    throw new ArgumentError(`index: expected rows of 0 to ${length - 1}, got ${row} at element ${at}`);
  }
}
