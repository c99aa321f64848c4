/** x W + b: a matrix product whose bias is added where the product is written. */
import { record } from '../autograd.ts';
import { expectShape } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { sumTo } from './broadcast.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';
import { matmul, multipliedRows } from './matmul.ts';
import { contiguous, reshape } from './shape.ts';

/**
 * x W + b for x [..., k], W [k, n] and b [n]: [..., n], with the bits of `add(matmul(x, W), b)`. Throws ShapeError or
 * ArgumentError for arguments that do not fit.
 */
export function affine(x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  expectFloat('x', x);
  expectAxes('x', x, 1);
  expectSameDType('weight', weight, x.dtype, 'to match x');
  expectSameDType('bias', bias, x.dtype, 'to match x');
  const k = x.shape[x.shape.length - 1];
  const [, n] = weight.shape;
  expectShape('weight', weight.shape, [k, n ?? 1], 'to match x');
  expectShape('bias', bias.shape, [n], 'to match weight');
  const rows = contiguous(x);
  return record('affine', multipliedRows(rows, weight, false, bias), [rows, weight, bias], (each) => {
    const gradient = reshape(each, [-1, n]);
    return [
      rows.requiresGrad ? reshape(matmul(gradient, weight, { transposeB: true }), rows.shape) : null,
      weight.requiresGrad ? matmul(reshape(rows, [-1, k]), gradient, { transposeA: true }) : null,
      bias.requiresGrad ? sumTo(gradient, bias.shape) : null,
    ];
  });
}
