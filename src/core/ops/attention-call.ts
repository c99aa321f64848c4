/** Checks the sizes of a call of attention, and prepares its tensors for the kernels. */
import { ArgumentError, describe, expectShape, formatShape, ShapeError } from '../errors.ts';
import { type Check, expectFiniteNumber, expectOptions, expectRecord, integerOf, listOf } from '../expect.ts';
import type { NumericArray } from '../memory.ts';
import { expectRandom } from '../random.ts';
import { elements, isContiguous, placementOf, type Tensor } from '../tensor.ts';
import type { AttentionSettings } from './attention.ts';
import { expectFlags, expectFloat, expectSameDType, expectTensor } from './check.ts';
import { LONGEST } from './layout.ts';

/** Rows of [batch, heads, length, width] as kernels read them. A view of a longer cache needs no copy. */
export interface Rows {
  data: NumericArray;
  /** Rows from one head to the next. */
  capacity: number;
}

/** The rows of a tensor: for a view of a longer cache those of the cache, else a copy where they are not in one piece. */
export function rowsOf(tensor: Tensor): Rows {
  const [, heads, length, width] = tensor.shape;
  const { data, offset, stride } = placementOf(tensor);
  const [ofBatch, ofHead, ofRow, ofColumn] = stride;
  const isCache =
    !isContiguous(tensor) && ofColumn === 1 && ofRow === width && ofHead % width === 0 && ofBatch === heads * ofHead;
  if (!isCache) return { data: elements(tensor), capacity: length };
  return { data: offset === 0 ? data : data.subarray(offset), capacity: ofHead / width };
}

type CallNumber =
  | ('heads' | 'group' | 'queryLength' | 'keyLength' | 'headDim' | 'valueDim')
  | ('queryStart' | 'keyCapacity' | 'valueCapacity' | 'scale' | 'selfBias');

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
  /** Of these, for kernels. */
  numbers: Readonly<Record<CallNumber, number>>;
}

/** The kinds of all settings; sizes and ranges follow where they are used. */
const kinds: { readonly [Setting in keyof AttentionSettings]-?: Check } = {
  keyMask: expectTensor,
  scale: expectFiniteNumber,
  queryStart: integerOf(0, LONGEST),
  bias: expectTensor,
  relative: (name, value) =>
    expectRecord(name, value, {
      queries: expectTensor,
      keys: expectTensor,
      nearest: integerOf(-LONGEST, LONGEST),
    }),
  slopes: listOf(expectFiniteNumber),
  logGates: expectTensor,
  gateSums: expectTensor,
  softCap: expectPositive,
  selfBias: expectFiniteNumber,
  sinks: expectTensor,
  dropout: (name, value) => expectRecord(name, value, { rate: expectRate, random: expectRandom }),
};

function expectPositive(name: string, value: unknown): void {
  if (Number.isFinite(value) && (value as number) > 0) return;
  throw new ArgumentError(`${name}: expected a positive number, got ${describe(value)}`);
}

function expectRate(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0 && value < 1) return;
  throw new ArgumentError(`${name}: expected 0 to 1, 1 excluded, got ${describe(value)}`);
}

/** Throws ShapeError or ArgumentError, with the name of the argument, for arguments that do not fit. */
export function checkCall(queries: Tensor, keys: Tensor, values: Tensor, settings: AttentionSettings): Call {
  expectOptions('settings', settings, kinds);
  expectFloat('queries', queries);
  expectSameDType('keys', keys, queries.dtype, 'to match queries');
  expectSameDType('values', values, queries.dtype, 'to match queries');
  expectFourAxes('queries', queries);
  expectFourAxes('keys', keys);
  expectFourAxes('values', values);
  const [batch, heads, queryLength, headDim] = queries.shape;
  const [, keyHeads, keyLength] = keys.shape;
  const valueDim = values.shape[3];
  if (heads % keyHeads !== 0) {
    throw new ShapeError(`keys: expected a number of heads that divides the ${heads} of queries, got ${keyHeads}`);
  }
  expectShape('keys', keys.shape, [batch, keyHeads, keyLength, headDim], 'to match queries');
  expectShape('values', values.shape, [batch, keyHeads, keyLength, valueDim], 'to match keys');
  const { keyMask, queryStart = 0, scale = 1 / Math.sqrt(headDim), selfBias = 0 } = settings;
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, keyLength], 'to match keys');
  const [ofKeys, ofValues] = [rowsOf(keys), rowsOf(values)];
  const numbers = {
    heads,
    group: heads / keyHeads,
    queryLength,
    keyLength,
    headDim,
    valueDim,
    queryStart,
    keyCapacity: ofKeys.capacity,
    valueCapacity: ofValues.capacity,
    scale,
    selfBias,
  };
  const rows = { keys: ofKeys, values: ofValues, keyMask, numbers };
  return Object.assign(rows, { batch, heads, keyHeads, queryLength, keyLength, headDim, valueDim, queryStart });
}

function expectFourAxes(name: string, { shape }: Tensor): void {
  if (shape.length === 4) return;
  throw new ShapeError(`${name}: expected [batch, heads, length, headDim], got ${formatShape(shape)}`);
}
