/** ndarrays from outside, of any type and with any strides, copied into tensors. */
import ndarray, { type NdArray } from 'ndarray';
import ops from 'ndarray-ops';
import { type DType, expectArrayLike } from './dtype.ts';
import { ArgumentError, wrongKind } from './errors.ts';
import { expectExtents, fromNumbers, sizeOf, type Tensor } from './tensor.ts';

/** Copies an ndarray, whatever its strides, into a new tensor. Throws as `fromArray` does. */
export function fromNdarray(source: NdArray, dtype: DType = 'float32'): Tensor {
  const { data, shape, stride, offset } = expectNdarray('source', source);
  const Kind = (ArrayBuffer.isView(data) ? data.constructor : Array) as new (length: number) => Float64Array;
  const inOrder = new Kind(sizeOf(shape));
  ops.assign(ndarray(inOrder, [...shape]) as NdArray, ndarray(data, [...shape], [...stride], offset));
  return fromNumbers('source', inOrder, shape, dtype);
}

/** Throws ShapeError or ArgumentError unless it is an ndarray whose every element lies in its data. */
function expectNdarray(name: string, source: unknown): Pick<NdArray, 'data' | 'shape' | 'stride' | 'offset'> {
  const { data, shape, stride, offset } = (source ?? {}) as NdArray;
  if (!Array.isArray(shape)) throw wrongKind(name, 'an ndarray', source);
  expectExtents(shape, `${name}.shape`);
  expectArrayLike(`${name}.data`, data);
  const steps = [offset, ...(Array.isArray(stride) && stride.length === shape.length ? stride : [Number.NaN])];
  const ends = shape.map((extent, axis) => (extent - 1) * steps[axis + 1]);
  const reach = (sign: number) => ends.reduce((sum, end) => sum + (sign * end > 0 ? end : 0), offset);
  if (steps.every(Number.isSafeInteger) && reach(-1) >= 0 && reach(1) < data.length) {
    return { data, shape, stride, offset };
  }
  throw new ArgumentError(`${name}: expected strides and an offset that stay within ${data.length} numbers`);
}
