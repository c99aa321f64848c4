/** x W + b: a matrix product whose bias is added where the product is written. */
import { record } from '../autograd.ts';
import { expectShape } from '../errors.ts';
import type { Tensor } from '../tensor.ts';
import { sumTo } from './broadcast.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';
import { matmul, multiplied } from './matmul.ts';
import { reshape } from './shape.ts';

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
  const rows = reshape(x, [-1, k]);
  const product = record('affine', multiplied(rows, weight, false, false, bias), [rows, weight, bias], (gradient) => [
    rows.requiresGrad ? matmul(gradient, weight, { transposeB: true }) : null,
    weight.requiresGrad ? matmul(rows, gradient, { transposeA: true }) : null,
    bias.requiresGrad ? sumTo(gradient, bias.shape) : null,
  ]);
  return reshape(product, [...x.shape.slice(0, -1), n]);
}
