/** The sizes of a call of attention, checked, and its tensors as kernels read them. */
import { ArgumentError, describe, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import type { NumericArray } from '../memory.ts';
import { elements, isContiguous, type Tensor } from '../tensor.ts';
import { expectFloat, expectSameDType, expectTensor } from './check.ts';
import type { AttentionSettings } from './key-set-attention.ts';

/** Rows of [batch, heads, length, width] as kernels read them: of a view of a longer cache, without a copy. */
export interface Rows {
  data: NumericArray;
  /** Rows from one head to the next. */
  capacity: number;
}

function rowsOf(tensor: Tensor): Rows {
  const [, heads, length, width] = tensor.shape;
  const { data, offset, stride } = tensor.array;
  const [ofBatch, ofHead, ofRow, ofColumn] = stride;
  const isCache =
    !isContiguous(tensor) && ofColumn === 1 && ofRow === width && ofHead % width === 0 && ofBatch === heads * ofHead;
  if (!isCache) return { data: elements(tensor), capacity: length };
  return { data: offset === 0 ? data : data.subarray(offset), capacity: ofHead / width };
}

export interface Call {
  batch: number;
  heads: number;
  keyHeads: number;
  queryLength: number;
  keyLength: number;
  headDim: number;
  valueDim: number;
  queryStart: number;
  keys: Rows;
  values: Rows;
  keyMask: Tensor | undefined;
  numbers: ReturnType<typeof callNumbers>;
}

export function checkCall(queries: Tensor, keys: Tensor, values: Tensor, settings: AttentionSettings): Call {
  expectFloat('queries', queries);
  expectSameDType('keys', keys, queries.dtype, 'to match queries');
  expectSameDType('values', values, queries.dtype, 'to match queries');
  for (const [name, { shape }] of Object.entries({ queries, keys, values })) {
    if (shape.length === 4) continue;
    throw new ShapeError(`${name}: expected [batch, heads, length, headDim], got ${formatShape(shape)}`);
  }
  const [batch, heads, queryLength, headDim] = queries.shape;
  const [, keyHeads, keyLength] = keys.shape;
  const valueDim = values.shape[3];
  if (heads % keyHeads !== 0) {
    throw new ShapeError(`keys: expected a number of heads that divides the ${heads} of queries, got ${keyHeads}`);
  }
  expectShape('keys', keys.shape, [batch, keyHeads, keyLength, headDim], 'to match queries');
  expectShape('values', values.shape, [batch, keyHeads, keyLength, valueDim], 'to match keys');
  const { keyMask, queryStart = 0, scale = 1 / Math.sqrt(headDim), softCap, selfBias = 0 } = settings;
  expectInteger('queryStart', queryStart, 0);
  for (const [name, number] of Object.entries({ scale, selfBias })) {
    if (Number.isFinite(number)) continue;
    throw new ArgumentError(`${name}: expected a finite number, got ${describe(number)}`);
  }
  if (softCap !== undefined && !(softCap > 0 && Number.isFinite(softCap))) {
    throw new ArgumentError(`softCap: expected a positive number, got ${describe(softCap)}`);
  }
  if (keyMask !== undefined) {
    expectTensor('keyMask', keyMask);
    expectShape('keyMask', keyMask.shape, [batch, keyLength], 'to match keys');
    if (keyMask.dtype !== 'uint8') throw new ArgumentError(`keyMask: expected uint8, got ${keyMask.dtype}`);
  }
  const sizes = { batch, heads, keyHeads, queryLength, keyLength, headDim, valueDim, queryStart, keyMask };
  const [ofKeys, ofValues] = [rowsOf(keys), rowsOf(values)];
  return {
    ...sizes,
    keys: ofKeys,
    values: ofValues,
    numbers: callNumbers(sizes, ofKeys.capacity, ofValues.capacity, scale, selfBias),
  };
}

const callNumbers = (
  { heads, keyHeads, queryLength, keyLength, headDim, valueDim, queryStart }: Omit<Call, 'keys' | 'values' | 'numbers'>,
  keyCapacity: number,
  valueCapacity: number,
  scale: number,
  selfBias: number,
) => ({
  heads,
  group: heads / keyHeads,
  queryLength,
  keyLength,
  headDim,
  valueDim,
  queryStart,
  keyCapacity,
  valueCapacity,
  scale,
  selfBias,
});
