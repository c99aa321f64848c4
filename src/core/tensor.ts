/**
 * A tensor: an ndarray over the shared heap, plus what autograd needs to know about it. Views (transposes, slices)
 * are ndarray's own strides; kernels get contiguous elements by `elements`.
 */
import ndarray, { type NdArray } from 'ndarray';
import { adviceForTensor } from './advice.ts';
import type { TapeNode } from './autograd.ts';
import { copyInto } from './copy-into.ts';
import {
  type ArrayOf,
  type DType,
  dtypeOf,
  expectDType,
  expectFlat,
  expectNumberOf,
  expectNumbers,
  expectOwnDType,
  type NumericArray,
} from './dtype.ts';
import { ArgumentError, formatShape, MemoryError, ShapeError, wrongKind } from './errors.ts';
import { expectExtents, sizeOf } from './extents.ts';
import { describeTensor, inspected } from './inspect.ts';
import { allocateBlock, type Block, blockBehind } from './memory.ts';
import { elementsOf, isInOrder, Placement, stridesOf } from './placement.ts';
import { expectRandom, type Random } from './random.ts';

export { expectExtents, sizeOf };

/** Where the elements of a tensor lie. Throws MemoryError if the scope that owned it has ended. */
export let placementOf: (tensor: Tensor) => Placement;

/** Numbers with a shape, on the heap that all threads share, and the record of how they were computed. */
export class Tensor {
  /** The name in messages, even if a minifier renames the class. */
  static readonly name: string = 'Tensor';
  /** Gradient of the last `backward`; set only on leaves that require one. */
  grad: Tensor | null = null;
  /** Whether `backward` should reach this tensor. Set it on leaves; results inherit it. */
  requiresGrad = false;
  /** How this tensor came to be; null for a leaf. */
  node: TapeNode | null = null;
  readonly dtype: DType;
  readonly #placement: Placement;
  #array: NdArray<NumericArray> | null = null;
  /** The block that holds the elements, shared by all views of it. */
  readonly block: Block;

  /** Throws ArgumentError unless the data are an array from `allocate`: copy others by `fromArray` or `fromNdarray`. */
  constructor(array: NdArray<NumericArray>);
  constructor(given: NdArray<NumericArray> | Placement, like?: { block: Block; dtype: DType }) {
    if (given instanceof Placement && like !== undefined) {
      this.#placement = given;
      this.block = like.block;
      this.dtype = like.dtype;
      return;
    }
    const { data, shape, stride, offset, size } = (given ?? {}) as NdArray<NumericArray>;
    const block = data instanceof Object ? blockBehind(data) : undefined;
    if (block === undefined) throw new ArgumentError('array: expected data in the shared heap, got data elsewhere');
    this.#placement = new Placement(data, shape, stride, offset, size, undefined);
    this.#array = given as NdArray<NumericArray>;
    this.block = block;
    this.dtype = dtypeOf(data);
  }

  static {
    placementOf = (tensor) => {
      if (tensor.block.free) expectLive(tensor.block);
      return tensor.#placement;
    };
  }

  /**
   * The ndarray itself, over the shared heap. Throws MemoryError if the scope that owned it has ended. Hold the tensor, or
   * `array.data`, while you use your own windows on the data (`subarray`): these do not keep the block.
   */
  get array(): NdArray<NumericArray> {
    expectLive(this.block);
    const { data, shape, stride, offset } = this.#placement;
    this.#array ??= ndarray(data, [...shape], [...stride], offset);
    return this.#array;
  }

  get shape(): readonly number[] {
    return this.#placement.shape;
  }

  get size(): number {
    return this.#placement.size;
  }

  /**
   * A copy of the elements in row-major order, independent of the heap. Typed if you name the dtype that you expect:
   * `toArray('float32')` is a Float32Array, and throws ArgumentError if the tensor holds another dtype.
   */
  toArray<D extends DType = DType>(dtype?: D): ArrayOf<D> {
    if (dtype !== undefined) expectOwnDType('dtype', dtype, this.dtype);
    return elements(this).slice() as ArrayOf<D>;
  }

  /** The one element of a tensor that has one. */
  item(): number {
    if (this.size !== 1) throw new ShapeError(`item: expected one element, got shape ${formatShape(this.shape)}`);
    return elements(this)[0];
  }

  /** Marks a leaf as differentiable and returns it. */
  withGrad(): this {
    this.requiresGrad = true;
    return this;
  }

  /** The text that `console.log` prints in Node: dtype, shape and the first numbers. */
  [inspected](): string {
    return describeTensor(this.dtype, this.shape, this.block.free ? null : this.array);
  }
}

/** The constructor as this module calls it: with a placement, and a tensor with the same elements. */
const Made = Tensor as unknown as new (placement: Placement, like: { block: Block; dtype: DType }) => Tensor;

function expectLive(block: Block, name = 'tensor'): void {
  if (!block.free) return;
  throw new MemoryError(`${name}: used after its scope released it; return it from the scope, or keep() it`);
}

/** Throws ArgumentError unless it is a tensor, and MemoryError if it was released. */
export function expectTensor(name: string, value: unknown): asserts value is Tensor {
  if (!(value instanceof Tensor)) throw wrongKind(name, 'a tensor', value, adviceForTensor(name, value));
  expectLive(value.block, name);
}

/**
 * An uninitialised tensor. Throws ShapeError as `expectExtents`, ArgumentError for a dtype other than the four, and
 * MemoryError when the heap is full.
 */
export function empty(shape: readonly number[], dtype: DType = 'float32'): Tensor {
  expectExtents(shape);
  expectDType('dtype', dtype);
  const own = [...shape];
  const size = sizeOf(own);
  const { array, block } = allocateBlock(dtype, size);
  return new Made(new Placement(array, own, stridesOf(own), 0, size, true), { block, dtype });
}

/**
 * A tensor with one number everywhere. Throws ArgumentError for a number that `dtype` cannot hold, and otherwise as `empty`
 * does.
 */
export function filled(shape: readonly number[], value: number, dtype: DType = 'float32'): Tensor {
  expectExtents(shape);
  expectDType('dtype', dtype);
  expectNumberOf('value', value, dtype);
  const tensor = empty(shape, dtype);
  elements(tensor).fill(value);
  return tensor;
}

/** A tensor full of 0. Throws as `filled` does. */
export function zeros(shape: readonly number[], dtype: DType = 'float32'): Tensor {
  return filled(shape, 0, dtype);
}

/** A tensor full of 1. Throws as `filled` does. */
export function ones(shape: readonly number[], dtype: DType = 'float32'): Tensor {
  return filled(shape, 1, dtype);
}

/**
 * A tensor of independent standard normal numbers.
 *
 * @example
 * ```ts
 * const queries = randomNormal([1, 8, 1024, 64], new Random(0).split('queries'));
 * ```
 */
export function randomNormal(
  shape: readonly number[],
  random: Random,
  dtype: 'float32' | 'float64' = 'float32',
): Tensor {
  expectDType('dtype', dtype, ['float32', 'float64']);
  expectRandom('random', random);
  const tensor = empty(shape, dtype);
  random.fillNormal(elements(tensor) as Float32Array | Float64Array);
  return tensor;
}

/**
 * Copies numbers into a new tensor. Throws ShapeError if they do not fill the shape, and ArgumentError for one that `dtype`
 * cannot hold: int32 and uint8 take only whole numbers in their range, floats are rounded, and a finite number that would
 * become an infinity is refused.
 *
 * @example
 * ```ts
 * const keys = fromArray(numbers, [batch, heads, length, headDim]); // numbers: one flat array, row by row
 * ```
 */
export function fromArray(values: ArrayLike<number>, shape: readonly number[], dtype: DType = 'float32'): Tensor {
  return fromNumbers('values', values, shape, dtype);
}

/** `fromArray`, for callers whose argument has another name. */
export function fromNumbers(name: string, values: ArrayLike<number>, shape: readonly number[], dtype: DType): Tensor {
  expectExtents(shape);
  expectDType('dtype', dtype);
  const { length } = expectFlat(name, values);
  if (length !== sizeOf(shape)) {
    throw new ShapeError(`${name}: expected ${sizeOf(shape)} numbers for ${formatShape(shape)}, got ${length}`);
  }
  expectNumbers(name, values, dtype);
  const tensor = empty(shape, dtype);
  elements(tensor).set(values);
  return tensor;
}

/** A view of the same elements with other strides; ndarray does the arithmetic. */
export function viewAs(tensor: Tensor, view: (array: NdArray<NumericArray>) => NdArray<NumericArray>): Tensor {
  return new Tensor(view(tensor.array));
}

/** The same where the caller knows the strides, which nobody changes; by default those of elements in row-major order. */
export function viewAt(tensor: Tensor, shape: readonly number[], offset: number, stride?: readonly number[]): Tensor {
  const inOrder = stride === undefined ? true : undefined;
  const { data } = placementOf(tensor);
  return new Made(new Placement(data, shape, stride ?? stridesOf(shape), offset, sizeOf(shape), inOrder), tensor);
}

export function isContiguous(tensor: Tensor): boolean {
  return isInOrder(placementOf(tensor));
}

/**
 * The elements in row-major order: a window on the heap where the tensor is contiguous, else a packed copy. For
 * reading; a kernel writes into a new tensor from `empty`. A window keeps the elements alive, unless a scope releases
 * them.
 */
export function elements(tensor: Tensor): NumericArray {
  if (!isContiguous(tensor)) return elements(packed(tensor));
  return elementsOf(placementOf(tensor));
}

/** A contiguous copy. */
export function packed(tensor: Tensor): Tensor {
  const copy = empty(tensor.shape, tensor.dtype);
  copyInto(placementOf(copy), placementOf(tensor));
  return copy;
}
