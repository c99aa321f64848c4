/** The two halves of broadcasting: the shape that two operands share, and the sum that undoes a repetition. */
import { formatShape, ShapeError } from '../errors.ts';
import { SUM_COLUMNS, sumKernel } from '../kernels/rows.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, placementOf, type Tensor, viewAt } from '../tensor.ts';

/** The shape that a and b broadcast to: aligned at the end, extents equal or 1. Throws ShapeError if they do not fit. */
export function broadcastShape(a: readonly number[], b: readonly number[], names = 'a and b'): number[] {
  const axes = Math.max(a.length, b.length);
  const shape: number[] = new Array(axes);
  for (let axis = 0; axis < axes; axis++) {
    const left = axis < axes - a.length ? 1 : a[axis - axes + a.length];
    const right = axis < axes - b.length ? 1 : b[axis - axes + b.length];
    if (left !== right && left !== 1 && right !== 1) {
      throw new ShapeError(
        `${names}: expected shapes that broadcast together, got ${formatShape(a)} and ${formatShape(b)}`,
      );
    }
    shape[axis] = left === 1 ? right : left;
  }
  return shape;
}

/** Strides that repeat an operand over `shape`: 0 on every axis that it lacks or where its extent is 1. */
export function broadcastStrides(x: Tensor, shape: readonly number[]): number[] {
  const lead = shape.length - x.shape.length;
  const { stride } = placementOf(x);
  return shape.map((_, axis) => (axis < lead || x.shape[axis - lead] === 1 ? 0 : stride[axis - lead]));
}

/** Sums over the middle of three axes, [outer, extent, inner] to [outer, inner], and gives the result this shape. */
export function sumMiddle(x: Tensor, outer: number, extent: number, inner: number, shape: readonly number[]): Tensor {
  const result = empty(shape, x.dtype);
  const items = outer * Math.ceil(inner / SUM_COLUMNS);
  const costPerItem = extent * Math.min(inner, SUM_COLUMNS);
  parallelFor(sumKernel, items, { x: elements(x), y: elements(result) }, { extent, inner }, { costPerItem });
  return result;
}

/**
 * The adjoint of broadcasting: sums a gradient over the axes along which its operand of `shape` was repeated. Returns
 * the gradient itself, or a view, if none was.
 */
export function sumTo(gradient: Tensor, shape: readonly number[]): Tensor {
  const lead = gradient.shape.length - shape.length;
  const extents = [...gradient.shape];
  const repeated = extents.map((extent, axis) => extent !== 1 && (axis < lead || shape[axis - lead] === 1));
  if (lead === 0 && !repeated.includes(true)) return gradient;
  let result = gradient;
  for (let begin = 0; begin < extents.length; begin++) {
    if (!repeated[begin]) continue;
    // Neighbouring repeated axes are one axis of a row-major tensor.
    let end = begin + 1;
    while (end < extents.length && (repeated[end] || extents[end] === 1)) end++;
    const product = (from: number, to: number) => extents.slice(from, to).reduce((total, each) => total * each, 1);
    const [outer, extent, inner] = [product(0, begin), product(begin, end), product(end, extents.length)];
    extents.fill(1, begin, end);
    result = sumMiddle(result, outer, extent, inner, extents);
    begin = end - 1;
  }
  const { stride, offset } = placementOf(result);
  return viewAt(result, [...shape], offset, stride.slice(lead));
}
