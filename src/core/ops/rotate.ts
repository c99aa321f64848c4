/** Pairs of columns as points in the plane, turned by an angle for each row and pair. */
import { record } from '../autograd.ts';
import type { DType } from '../dtype.ts';
import { ArgumentError, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import { ROTATED_ROWS, rotateKernel } from '../kernels/rotate.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, packed, placementOf, type Tensor, viewAs } from '../tensor.ts';
import { expectFloat, expectSameDType } from './check.ts';

/**
 * Turns columns i and i + half of x [batch, heads, length, width] by the angles whose cosines and sines, [length, half], are
 * given; half is ⌊width/2⌋, and the last column of an odd width stays:
 *
 *     (a, b) → (a cos − b sin, b cos + a sin)
 *
 * x may be a view of heads side by side. Tables may be longer: `begin` is the row of the first token then. Throws ShapeError or
 * ArgumentError for arguments that do not fit, and for tables that require a gradient, because they are constants here.
 */
export function rotate(x: Tensor, cosines: Tensor, sines: Tensor, begin?: number): Tensor {
  expectFloat('x', x);
  if (x.shape.length !== 4) {
    throw new ShapeError(`x: expected [batch, heads, length, headDim], got ${formatShape(x.shape)}`);
  }
  const [, , length, width] = x.shape;
  if (begin !== undefined) expectInteger('begin', begin, 0);
  expectTable('cosines', cosines, x.dtype, length, width, begin);
  expectTable('sines', sines, x.dtype, length, width, begin);
  const source = placementOf(x).stride[3] === 1 ? x : packed(x);
  const result = empty(x.shape, x.dtype);
  turn(source, result, cosines, sines, 1, begin);
  return record('rotate', result, [x], (gradient) => {
    // Turned back, and laid out like x: then a view of heads side by side passes it on without a copy.
    const back = emptyLike(source);
    turn(placementOf(gradient).stride[3] === 1 ? gradient : packed(gradient), back, cosines, sines, -1, begin);
    return [back];
  });
}

function expectTable(
  name: string,
  table: Tensor,
  dtype: DType,
  length: number,
  width: number,
  begin: number | undefined,
): void {
  expectSameDType(name, table, dtype, 'to match x');
  const rows = begin === undefined ? length : Math.max(begin + length, table.shape[0] ?? 0);
  expectShape(name, table.shape, [rows, Math.floor(width / 2)], 'to match x');
  if (!table.requiresGrad) return;
  throw new ArgumentError(`${name}: expected a constant, got a tensor that requires a gradient`);
}

function turn(x: Tensor, y: Tensor, cosines: Tensor, sines: Tensor, direction: 1 | -1, begin = 0): void {
  const [batch, heads, length, width] = x.shape;
  const [from, to] = [placementOf(x), placementOf(y)];
  const numbers = {
    heads,
    length,
    width,
    direction,
    begin,
    fromX: from.offset,
    fromY: to.offset,
    batchOfX: from.stride[0],
    headOfX: from.stride[1],
    rowOfX: from.stride[2],
    batchOfY: to.stride[0],
    headOfY: to.stride[1],
    rowOfY: to.stride[2],
  };
  const arrays = { x: from.data, y: to.data, cosines: elements(cosines), sines: elements(sines) };
  const items = batch * heads * Math.ceil(length / ROTATED_ROWS);
  parallelFor(rotateKernel, items, arrays, numbers, { costPerItem: 3 * width * Math.min(length, ROTATED_ROWS) });
}

/** An uninitialised tensor of the same shape: columns side by side, the other axes in the same order in memory. */
function emptyLike(x: Tensor): Tensor {
  const { shape, stride } = placementOf(x);
  // Columns last whatever the strides: an axis that repeats its rows has a stride of 0, which is less than theirs.
  const order = [...[0, 1, 2].sort((a, b) => stride[b] - stride[a] || a - b), 3];
  const laid = empty(
    order.map((axis) => shape[axis]),
    x.dtype,
  );
  return viewAs(laid, (array) => array.transpose(...shape.map((_, axis) => order.indexOf(axis))));
}
