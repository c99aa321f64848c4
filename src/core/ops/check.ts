/** Checks shared by the ops: dtypes and axes. */
import { expectArrayLike } from '../dtype.ts';
import { ArgumentError, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import type { DType } from '../memory.ts';
import { elements, expectTensor, type Tensor } from '../tensor.ts';

export { expectTensor };

/** Throws ArgumentError unless `tensor` holds float32 or float64. */
export function expectFloat(name: string, tensor: Tensor): void {
  expectTensor(name, tensor);
  if (tensor.dtype !== 'float32' && tensor.dtype !== 'float64') {
    throw new ArgumentError(`${name}: expected float32 or float64, got ${tensor.dtype}`);
  }
}

/** Throws ArgumentError unless `tensor` holds int32. */
export function expectInt32(name: string, tensor: Tensor): void {
  expectTensor(name, tensor);
  if (tensor.dtype !== 'int32') throw new ArgumentError(`${name}: expected int32, got ${tensor.dtype}`);
}

/** Throws ArgumentError or ShapeError unless `tensor` holds flags, uint8 of 0 or 1, in this shape. */
export function expectFlags(name: string, tensor: Tensor, shape: readonly number[], because: string): void {
  expectTensor(name, tensor);
  expectShape(name, tensor.shape, shape, because);
  if (tensor.dtype !== 'uint8') throw new ArgumentError(`${name}: expected uint8, got ${tensor.dtype}`);
  const flags = elements(tensor);
  for (let n = 0; n < flags.length; n++) {
    if (flags[n] > 1) throw new ArgumentError(`${name}: expected 0 or 1, got ${flags[n]} at element ${n}`);
  }
}

/** Throws ArgumentError unless these are whole numbers of `least` … length − 1. */
export function expectPositions(name: string, positions: ArrayLike<number>, least: number, length: number): void {
  const { length: count } = expectArrayLike(name, positions);
  for (let n = 0; n < count; n++) expectInteger(`${name}[${n}]`, positions[n], least, length - 1);
}

/** Throws ArgumentError unless `tensor` has the dtype of another argument. */
export function expectSameDType(name: string, tensor: Tensor, expected: DType, because: string): void {
  expectTensor(name, tensor);
  if (tensor.dtype !== expected)
    throw new ArgumentError(`${name}: expected ${expected} ${because}, got ${tensor.dtype}`);
}

/** Throws ShapeError unless `tensor` has at least `minimum` axes. */
export function expectAxes(name: string, tensor: Tensor, minimum: number): void {
  expectTensor(name, tensor);
  if (tensor.shape.length >= minimum) return;
  throw new ShapeError(`${name}: expected at least ${minimum} axes, got ${formatShape(tensor.shape)}`);
}

/** An axis counted from the front; −1 is the last one. Throws ArgumentError if there is no such axis. */
export function axisOf(axis: number, axes: number, name = 'axis'): number {
  expectInteger(name, axis, -axes, axes - 1);
  return axis < 0 ? axis + axes : axis;
}

/** The extents before, at and after an axis, as three numbers. */
export function around(shape: readonly number[], axis: number): { outer: number; extent: number; inner: number } {
  const product = (extents: readonly number[]) => extents.reduce((total, extent) => total * extent, 1);
  return { outer: product(shape.slice(0, axis)), extent: shape[axis], inner: product(shape.slice(axis + 1)) };
}

/** Throws ShapeError unless `tensor` is [batch, heads, length, width]. */
export function expectTokens(name: string, tensor: Tensor): void {
  expectTensor(name, tensor);
  if (tensor.shape.length === 4) return;
  throw new ShapeError(`${name}: expected [batch, heads, length, width], got ${formatShape(tensor.shape)}`);
}
