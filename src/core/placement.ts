/** Where the elements of a tensor lie: what an ndarray holds, in one class for every type and number of axes, which engines read faster. */
import type { NumericArray } from './dtype.ts';

export class Placement {
  readonly data: NumericArray;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly offset: number;
  readonly size: number;
  /** Whether elements lie one after another in row-major order; undefined until someone asks. */
  inOrder: boolean | undefined;
  /** The elements in row-major order, once someone has asked for them, where they are only a part of the data. */
  window: NumericArray | undefined = undefined;

  constructor(
    data: NumericArray,
    shape: readonly number[],
    stride: readonly number[],
    offset: number,
    size: number,
    inOrder: boolean | undefined,
  ) {
    this.data = data;
    this.shape = shape;
    this.stride = stride;
    this.offset = offset;
    this.size = size;
    this.inOrder = inOrder;
  }
}

/** Strides of elements in row-major order. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = new Array(shape.length);
  for (let axis = shape.length - 1, size = 1; axis >= 0; axis--) {
    strides[axis] = size;
    size *= shape[axis];
  }
  return strides;
}

/** Whether the elements lie one after another in row-major order. */
export function isInOrder(placement: Placement): boolean {
  placement.inOrder ??= followEachOther(placement);
  return placement.inOrder;
}

function followEachOther({ shape, stride }: Placement): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && stride[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** Maps a window on part of an array to the whole array. The block is released when the whole array becomes unreachable. */
const wholes = new WeakMap<NumericArray, NumericArray>();

/** The elements, which lie in order: the data itself, or a window on them. */
export function elementsOf(placement: Placement): NumericArray {
  const { data, offset, size } = placement;
  if (offset === 0 && data.length === size) return data;
  if (placement.window === undefined) {
    placement.window = data.subarray(offset, offset + size);
    wholes.set(placement.window, data);
  }
  return placement.window;
}
