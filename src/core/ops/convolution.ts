/** A convolution along the length, shared by all columns: the op of light and dynamic convolutions. */
import { record } from '../autograd.ts';
import { expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import { BAND_TILE, type BandNumbers, bandKernel, bandWeightsKernel } from '../kernels/convolution.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { sumTo } from './broadcast.ts';
import { expectFloat, expectSameDType } from './check.ts';
import { reshape } from './shape.ts';

/**
 * result_i = Σ_t weights_t · values_{i + t − before}, 0 ≤ t < k, where rows outside the sequence count as zeros, for values
 * [batch, heads, length, width]. There is one set of weights for each head, [heads, k], or for each position, [batch, heads,
 * length, k]; all columns share it. `before` of the weights, fewer than k, reach back: k − 1 is causal. Takes O(length · k ·
 * width) time, and no matrix of length × length. Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function convolveRows(weights: Tensor, values: Tensor, before: number): Tensor {
  expectOperands(weights, values, before);
  return record('convolveRows', product(weights, values, before, false), [weights, values], (gradient) => [
    weights.requiresGrad ? weightGradient(weights, gradient, values, before) : null,
    // The gradient of row j comes from the rows on the other side of the band: the same band, transposed.
    values.requiresGrad ? product(weights, gradient, before, true) : null,
  ]);
}

function product(weights: Tensor, values: Tensor, before: number, flipped: boolean): Tensor {
  const result = empty(values.shape, values.dtype);
  const numbers = numbersOf(weights, values, before);
  const arrays = { weights: elements(weights), values: elements(values), result: elements(result) };
  parallelFor(
    bandKernel,
    itemsOf(values),
    arrays,
    Object.assign({ flipped: Number(flipped) }, numbers),
    costOf(numbers),
  );
  return result;
}

function weightGradient(weights: Tensor, gradient: Tensor, values: Tensor, before: number): Tensor {
  const [batch, heads, length] = values.shape;
  const numbers = numbersOf(weights, values, before);
  const { taps, own } = numbers;
  const rows = own ? length : Math.ceil(length / BAND_TILE);
  const result = empty([batch, heads, rows, taps], values.dtype);
  const arrays = { gradient: elements(gradient), values: elements(values), result: elements(result) };
  parallelFor(bandWeightsKernel, itemsOf(values), arrays, numbers, costOf(numbers));
  return own ? result : reshape(sumTo(result, [1, heads, 1, taps]), weights.shape);
}

const itemsOf = ({ shape: [batch, heads, length] }: Tensor) => batch * heads * Math.ceil(length / BAND_TILE);
const costOf = ({ length, taps, width }: BandNumbers) => ({
  costPerItem: BAND_TILE * Math.min(length, BAND_TILE + taps - 1) * width,
});

function numbersOf(weights: Tensor, { shape }: Tensor, before: number): BandNumbers {
  const [, heads, length, width] = shape;
  const own = weights.shape.length === 4;
  return { heads, length, width, taps: weights.shape[own ? 3 : 1], before, own: own ? 1 : 0 };
}

function expectOperands(weights: Tensor, values: Tensor, before: number): void {
  expectFloat('values', values);
  expectSameDType('weights', weights, values.dtype, 'to match values');
  if (values.shape.length !== 4) {
    throw new ShapeError(`values: expected [batch, heads, length, width], got ${formatShape(values.shape)}`);
  }
  const [batch, heads, length] = values.shape;
  const taps = weights.shape[weights.shape.length - 1] ?? 0;
  const expected = weights.shape.length === 4 ? [batch, heads, length, taps] : [heads, taps];
  expectShape('weights', weights.shape, expected, 'to match values');
  expectInteger('before', before, 0, taps - 1);
}
