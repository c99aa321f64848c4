/** Other views of the same elements, and tensors assembled from parts. Views share memory and copy nothing. */
import { record } from '../autograd.ts';
import { copyInto } from '../copy-into.ts';
import { ArgumentError, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectList, integerOf } from '../expect.ts';
import { empty, expectExtents, isContiguous, packed, placementOf, type Tensor, viewAt, zeros } from '../tensor.ts';
import { sumTo } from './broadcast.ts';
import { axisOf, expectSameDType, expectTensor } from './check.ts';

/**
 * The elements in row-major order under another shape; one extent may be −1 and is inferred. A view where the tensor is
 * contiguous, else a copy. Throws ShapeError if the sizes differ, or for more than 8 axes.
 */
export function reshape(x: Tensor, shape: readonly number[]): Tensor {
  expectTensor('x', x);
  expectList('shape', shape);
  const target = completed(x, shape);
  expectExtents(target);
  const source = isContiguous(x) ? x : packed(x);
  const view = viewAt(source, target, placementOf(source).offset);
  return record('reshape', view, [x], (gradient) => [reshape(gradient, x.shape)]);
}

/** The extents with the one that is −1 inferred. Throws ShapeError if they are not those of as many elements. */
function completed(x: Tensor, shape: readonly number[]): number[] {
  let [known, open, isWhole] = [1, false, true];
  for (let axis = 0; axis < shape.length; axis++) {
    const extent = shape[axis];
    if (extent === -1 && !open) open = true;
    else if (Number.isInteger(extent) && extent >= 1) known *= extent;
    else isWhole = false;
  }
  if (!isWhole || (open ? !Number.isInteger(x.size / known) : known !== x.size)) {
    throw new ShapeError(`shape: expected ${x.size} elements as in ${formatShape(x.shape)}, got ${formatShape(shape)}`);
  }
  const target = [...shape];
  if (open) target[target.indexOf(-1)] = x.size / known;
  return target;
}

/**
 * A view with axes in another order: axis i of the result is axis `permutation[i]` of x; without a permutation the last two
 * are swapped. Throws ArgumentError unless every axis is named once.
 */
export function transpose(x: Tensor, permutation?: readonly number[]): Tensor {
  expectTensor('x', x);
  const axes = x.shape.length;
  if (permutation === undefined && axes < 2) {
    throw new ShapeError(`x: expected at least 2 axes, got ${formatShape(x.shape)}`);
  }
  if (permutation !== undefined) expectList('permutation', permutation);
  const order = permutation ?? x.shape.map((_, axis) => (axis < axes - 2 ? axis : 2 * axes - 3 - axis));
  const { shape, stride, offset } = placementOf(x);
  const [turned, steps, inverse] = [new Array<number>(axes), new Array<number>(axes), new Array<number>(axes)];
  if (order.length !== axes) refuseOrder(x, order);
  for (let axis = 0; axis < axes; axis++) {
    inverse[axis] = order.indexOf(axis);
    if (inverse[axis] < 0) refuseOrder(x, order);
    turned[inverse[axis]] = shape[axis];
    steps[inverse[axis]] = stride[axis];
  }
  return record('transpose', viewAt(x, turned, offset, steps), [x], (gradient) => [transpose(gradient, inverse)]);
}

function refuseOrder({ shape }: Tensor, order: readonly number[]): never {
  if (shape.length > 0) expectList('permutation', order, integerOf(0, shape.length - 1));
  throw new ArgumentError(`permutation: expected each axis of ${formatShape(shape)} once, got ${formatShape(order)}`);
}

/** A view of entries begin … end − 1 along an axis. Throws ArgumentError unless 0 ≤ begin < end ≤ extent. */
export function slice(x: Tensor, axis: number, begin: number, end: number): Tensor {
  expectTensor('x', x);
  const along = axisOf(axis, x.shape.length);
  expectInteger('begin', begin, 0, x.shape[along] - 1);
  expectInteger('end', end, begin + 1, x.shape[along]);
  return record('slice', part(x, along, begin, end), [x], (gradient) => {
    const result = zeros(x.shape, x.dtype);
    copyInto(placementOf(part(result, along, begin, end)), placementOf(gradient));
    return [result];
  });
}

function part(x: Tensor, axis: number, begin: number, end: number): Tensor {
  const { shape, stride, offset } = placementOf(x);
  return viewAt(x, shape.with(axis, end - begin), offset + begin * stride[axis], stride);
}

/** Tensors one after another along an axis. Throws ShapeError unless they agree on all others. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  expectList('tensors', tensors, expectTensor, 1);
  const [first] = tensors;
  const along = axisOf(axis, first.shape.length);
  tensors.forEach((each, index) => {
    expectSameDType(`tensors[${index}]`, each, first.dtype, 'to match tensors[0]');
    const agreeing = first.shape.with(along, each.shape[along] ?? first.shape[along]);
    expectShape(`tensors[${index}]`, each.shape, agreeing, `to match tensors[0] outside axis ${along}`);
  });
  const begins = [0];
  for (const each of tensors) begins.push(begins[begins.length - 1] + each.shape[along]);
  const result = empty(first.shape.with(along, begins[tensors.length]), first.dtype);
  tensors.forEach((each, index) => {
    copyInto(placementOf(part(result, along, begins[index], begins[index + 1])), placementOf(each));
  });
  return record('concat', result, tensors, (gradient) =>
    tensors.map((_, index) => part(gradient, along, begins[index], begins[index + 1])),
  );
}

/** Tensors of one shape side by side along a new axis, the first by default. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  expectList('tensors', tensors, expectTensor, 1);
  return concat(
    tensors.map((each) => expandDims(each, axis)),
    axis,
  );
}

/** A view with a new axis of extent 1 at place `axis` of the result. */
export function expandDims(x: Tensor, axis: number): Tensor {
  expectTensor('x', x);
  const along = axisOf(axis, x.shape.length + 1);
  expectExtents([...x.shape, 1]);
  const { shape, stride, offset } = placementOf(x);
  const view = viewAt(x, shape.toSpliced(along, 0, 1), offset, stride.toSpliced(along, 0, 0));
  return record('expandDims', view, [x], (gradient) => [reshape(gradient, x.shape)]);
}

/** A view that repeats x along axes of extent 1 and along new leading axes. Throws ShapeError if it does not fit. */
export function broadcastTo(x: Tensor, shape: readonly number[]): Tensor {
  expectTensor('x', x);
  expectExtents(shape);
  const lead = shape.length - x.shape.length;
  const fits = x.shape.every((extent, axis) => extent === 1 || extent === shape[lead + axis]);
  if (lead < 0 || !fits) {
    throw new ShapeError(`shape: expected one that ${formatShape(x.shape)} broadcasts to, got ${formatShape(shape)}`);
  }
  const { stride, offset } = placementOf(x);
  const strides = shape.map((_, axis) => (axis < lead || x.shape[axis - lead] === 1 ? 0 : stride[axis - lead]));
  return record('broadcastTo', viewAt(x, [...shape], offset, strides), [x], (gradient) => [sumTo(gradient, x.shape)]);
}

/** x with `count` zeros added at the end of an axis; 0 gives x itself. */
export function padRows(x: Tensor, axis: number, count: number): Tensor {
  expectTensor('x', x);
  const along = axisOf(axis, x.shape.length);
  expectInteger('count', count, 0);
  if (count === 0) return x;
  const extent = x.shape[along];
  const result = empty(x.shape.with(along, extent + count), x.dtype);
  copyInto(placementOf(part(result, along, 0, extent)), placementOf(x));
  const margin = part(result, along, extent, extent + count);
  copyInto(placementOf(margin), placementOf(broadcastTo(zeros([1], x.dtype), margin.shape)));
  return record('padRows', result, [x], (gradient) => [part(gradient, along, 0, extent)]);
}

/** A tensor of the same elements, detached from the tape: no gradient flows back through it. */
export function detach(x: Tensor): Tensor {
  expectTensor('x', x);
  const { shape, stride, offset } = placementOf(x);
  return viewAt(x, shape, offset, stride);
}

/** A contiguous copy, differentiable. Useful before many reads of a strided view. */
export function contiguous(x: Tensor): Tensor {
  expectTensor('x', x);
  if (isContiguous(x)) return x;
  return record('contiguous', packed(x), [x], (gradient) => [gradient]);
}
