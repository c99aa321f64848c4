/** A causal convolution with filters as long as the sequence, in O(L log L): the op of Hyena. */
import { record } from '../autograd.ts';
import { expectInteger, expectShape } from '../errors.ts';
import {
  directConvolutionKernel,
  isDirect,
  type LongConvolutionNumbers,
  longConvolutionGradientKernel,
  longConvolutionKernel,
  transformSize,
} from '../kernels/long-convolution.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { rowsOf } from './attention-call.ts';
import { expectFloat, expectSameDType, expectTokens } from './check.ts';
import { padRows } from './shape.ts';

/**
 * result_i = Σ_{j ≤ i} filter_{i−j} ∘ values_j for values [batch, heads, length, width] and filters [1, heads, taps, width]:
 * every column of a head has a filter of its own, and taps that a filter lacks are 0. Returns the rows from `from` on, [batch,
 * heads, length − from, width]. A few rows are summed up directly, in O(length) each. Many are made by Fourier transforms in
 * float64, in O(length · log length) for a column, with an error of about 10⁻¹⁶ of the largest number of the column. Throws
 * ShapeError or ArgumentError for arguments that do not fit.
 */
export function convolveLong(filter: Tensor, values: Tensor, from = 0): Tensor {
  expectFloat('values', values);
  expectTokens('values', values);
  expectSameDType('filter', filter, values.dtype, 'to match values');
  const [batch, heads, length, width] = values.shape;
  expectTokens('filter', filter);
  expectShape('filter', filter.shape, [1, heads, filter.shape[2], width], 'to match values');
  expectInteger('from', from, 0, length - 1);
  const taps = Math.min(length, filter.shape[2]);
  const [h, z] = [rowsOf(filter), rowsOf(values)];
  const size = transformSize(length, taps, from);
  const rows = { valueRows: z.capacity, filterRows: h.capacity };
  const numbers = { batch, heads, length, width, taps, ...rows, from, size };

  const result = empty([batch, heads, length - from, width], values.dtype);
  const arrays = { filter: h.data, values: z.data, result: elements(result) };
  if (isDirect(length, taps, from, size)) {
    const items = batch * heads * (length - from);
    parallelFor(directConvolutionKernel, items, arrays, numbers, { costPerItem: 2 * taps * width });
  } else {
    parallelFor(longConvolutionKernel, itemsOf(numbers), arrays, numbers, costOf(numbers, 1 + 2 * batch));
  }
  return record('convolveLong', result, [filter, values], (gradient) => {
    const ofFilter = filter.requiresGrad ? empty([1, heads, taps, width], filter.dtype) : null;
    const ofValues = values.requiresGrad ? empty(values.shape, values.dtype) : null;
    const arrays = {
      filter: h.data,
      values: z.data,
      gradient: elements(gradient),
      ...(ofFilter && { ofFilter: elements(ofFilter) }),
      ...(ofValues && { ofValues: elements(ofValues) }),
    };
    parallelFor(longConvolutionGradientKernel, itemsOf(numbers), arrays, numbers, costOf(numbers, 2 + 3 * batch));
    return [ofFilter && padRows(ofFilter, 2, filter.shape[2] - taps), ofValues];
  });
}

const itemsOf = ({ heads, width }: LongConvolutionNumbers) => heads * Math.ceil(width / 2);

/** An item's transforms, in multiply-adds. */
const costOf = ({ size }: LongConvolutionNumbers, transforms: number) => ({
  costPerItem: 3 * transforms * size * Math.log2(size),
});
