import { isRecording, record } from '../autograd.ts';
import { ArgumentError, describe, expectShape } from '../errors.ts';
import { LAYER_NORM_ROWS, layerNormGradientKernel, layerNormKernel } from '../kernels/layer-norm.ts';
import { SUM_COLUMNS, sumKernel } from '../kernels/rows.ts';
import type { DType } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { allElements } from './all-elements.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';
import { reshape, slice } from './shape.ts';

/**
 * Layer normalisation along the last axis (Ba et al. 2016, eqs. 3 and 4): y = g ∘ (x − μ) / √(σ² + ε) + b, with the mean
 * and the variance (over all columns, not one less) of each row of x [..., columns], a gain g and a bias b of [columns].
 * Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor, epsilon = 1e-5): Tensor {
  expectFloat('x', x);
  expectAxes('x', x, 1);
  const columns = x.shape[x.shape.length - 1];
  expectColumns('gain', gain, x.dtype, columns);
  expectColumns('bias', bias, x.dtype, columns);
  if (typeof epsilon !== 'number' || !(epsilon > 0)) {
    throw new ArgumentError(`epsilon: expected a number above 0, got ${describe(epsilon)}`);
  }
  const rows = x.size / columns;
  const y = empty(x.shape, x.dtype);
  const arrays = { x: elements(x), gain: elements(gain), bias: elements(bias), y: elements(y) };
  const options = { costPerItem: 5 * columns };
  if (!isRecording()) {
    parallelFor(layerNormKernel, rows, arrays, { columns, epsilon }, options);
    return y;
  }
  const means = empty([rows], 'float64');
  const shares = empty([rows], 'float64');
  const numbers = { means: elements(means), shares: elements(shares) };
  parallelFor(layerNormKernel, rows, { ...arrays, ...numbers }, { columns, epsilon }, options);
  return record('layerNorm', y, [x, gain, bias], (gradient) => {
    const result = x.requiresGrad ? empty(x.shape, x.dtype) : null;
    const blocks = Math.ceil(rows / LAYER_NORM_ROWS);
    const isLearned = gain.requiresGrad || bias.requiresGrad;
    const partial = isLearned ? empty([blocks, 2, columns], 'float64') : null;
    parallelFor(
      layerNormGradientKernel,
      blocks,
      {
        ...allElements({ x, gain, means, shares, gradient }),
        ...(result && { result: elements(result) }),
        ...(partial && { partial: elements(partial) }),
      },
      { columns, rows },
      { costPerItem: 12 * columns * Math.min(rows, LAYER_NORM_ROWS) },
    );
    const ofColumns = partial && sumOfBlocks(partial, x.dtype);
    return [
      result,
      ofColumns && reshape(slice(ofColumns, 0, 0, 1), [columns]),
      ofColumns && reshape(slice(ofColumns, 0, 1, 2), [columns]),
    ];
  });
}

function expectColumns(name: string, each: Tensor, dtype: DType, columns: number): void {
  expectSameDType(name, each, dtype, 'to match x');
  expectShape(name, each.shape, [columns], 'to match the columns of x');
}

/**
 * The gradients of gain and bias, [2, columns]: sums over blocks of rows, then over blocks, so that they are the same on any
 * number of threads.
 */
function sumOfBlocks(partial: Tensor, dtype: DType): Tensor {
  const [blocks, , columns] = partial.shape;
  const result = empty([2, columns], dtype);
  const items = Math.ceil((2 * columns) / SUM_COLUMNS);
  parallelFor(
    sumKernel,
    items,
    { x: elements(partial), y: elements(result) },
    { extent: blocks, inner: 2 * columns },
    { costPerItem: blocks * Math.min(2 * columns, SUM_COLUMNS) },
  );
  return result;
}
