/** Reductions along one axis, or over everything. */
import { record } from '../autograd.ts';
import { expectBoolean } from '../expect.ts';
import { logSumExpGradientKernel, logSumExpKernel, maxKernel } from '../kernels/rows.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { allElements } from './all-elements.ts';
import { sumMiddle } from './broadcast.ts';
import { around, axisOf, expectFloat } from './check.ts';
import { scale } from './elementwise.ts';
import { broadcastTo, reshape } from './shape.ts';

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 16;

/**
 * The sum along `axis`, or of everything where no axis is given. The axis is removed, or kept with extent 1 (`keepDims`).
 * Sums are float64.
 */
export function sum(x: Tensor, axis?: number, keepDims = false): Tensor {
  expectFloat('x', x);
  expectBoolean('keepDims', keepDims);
  if (axis === undefined) {
    const total = sumMiddle(x, 1, x.size, 1, keepDims ? x.shape.map(() => 1) : []);
    return record('sum', total, [x], (gradient) => [
      broadcastTo(
        reshape(
          gradient,
          x.shape.map(() => 1),
        ),
        x.shape,
      ),
    ]);
  }
  const along = axisOf(axis, x.shape.length);
  const { outer, extent, inner } = around(x.shape, along);
  const result = sumMiddle(x, outer, extent, inner, reducedShape(x.shape, along, keepDims));
  return record('sum', result, [x], (gradient) => [
    broadcastTo(reshape(gradient, reducedShape(x.shape, along, true)), x.shape),
  ]);
}

/** The arithmetic mean, with the arguments of `sum`. */
export function mean(x: Tensor, axis?: number, keepDims = false): Tensor {
  const total = sum(x, axis, keepDims);
  return scale(total, total.size / x.size);
}

/** The largest entry along `axis`, NaN if there is one. Not differentiable: the result is detached from the tape. */
export function max(x: Tensor, axis: number, keepDims = false): Tensor {
  expectFloat('x', x);
  const along = axisOf(axis, x.shape.length);
  return reduced(maxKernel, x, along, keepDims, 1);
}

/** log Σ exp(x) along `axis`, without overflow; −∞ where all entries are, NaN where one is. */
export function logSumExp(x: Tensor, axis: number, keepDims = false): Tensor {
  expectFloat('x', x);
  const along = axisOf(axis, x.shape.length);
  const y = reduced(logSumExpKernel, x, along, keepDims, EXP_COST);
  return record('logSumExp', y, [x], (gradient) => {
    const { outer, extent, inner } = around(x.shape, along);
    const result = empty(x.shape, x.dtype);
    const arrays = allElements({ x, y, gradient, result });
    parallelFor(logSumExpGradientKernel, outer, arrays, { extent, inner }, { costPerItem: EXP_COST * extent * inner });
    return [result];
  });
}

function reduced(kernel: typeof maxKernel, x: Tensor, axis: number, keepDims: boolean, cost: number): Tensor {
  expectBoolean('keepDims', keepDims);
  const { outer, extent, inner } = around(x.shape, axis);
  const result = empty(reducedShape(x.shape, axis, keepDims), x.dtype);
  parallelFor(
    kernel,
    outer,
    { x: elements(x), y: elements(result) },
    { extent, inner },
    { costPerItem: cost * extent * inner },
  );
  return result;
}

function reducedShape(shape: readonly number[], axis: number, keepDims: boolean): number[] {
  return keepDims ? shape.with(axis, 1) : shape.toSpliced(axis, 1);
}
