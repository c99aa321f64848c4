/**
 * The types of numbers that tensors hold, and the check of numbers that enter a tensor: a number that the type cannot hold is
 * an error that names its element, and never becomes another number. Typed arrays of JavaScript would wrap 4294967301 to 5,
 * cut 1.7 to 1, turn NaN into 0 and 1e300 into an infinity.
 */
import { adviceForNumbers } from './advice.ts';
import { ArgumentError, describe, wrongKind } from './errors.ts';

/** The types of numbers that a tensor can hold. */
export type DType = 'float32' | 'float64' | 'int32' | 'uint8';
/** The typed arrays behind tensors, one for each dtype. */
export type NumericArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** The typed array that holds numbers of a dtype. */
export type ArrayOf<D extends DType> = {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  uint8: Uint8Array;
}[D];

export const bytesPerElement: Record<DType, number> = { float32: 4, float64: 8, int32: 4, uint8: 1 };
const NAMES = Object.keys(bytesPerElement);

export function dtypeOf(array: NumericArray): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof Int32Array) return 'int32';
  return 'uint8';
}

/** Replaces a divisor of 0; both float types can hold it and its reciprocal. */
export const TINY = 1e-30;
/** The largest rounding error of a result near 1. */
export const ROUNDING = { float32: 2 ** -24, float64: 2 ** -53 };
/** Above this, a product with another number of this size may be beyond the range of the type. */
export const LOUD = { float32: 1e15, float64: 1e150 };

/** Throws ArgumentError unless `dtype` is one of the four, or one of `allowed`. */
export function expectDType(name: string, dtype: unknown, allowed: readonly string[] = NAMES): asserts dtype is DType {
  if (typeof dtype === 'string' && allowed.includes(dtype)) return;
  throw wrongKind(name, `one of ${allowed.join(', ')}`, dtype);
}

/** Throws ArgumentError unless `dtype` is the tensor's dtype. */
export function expectOwnDType(name: string, dtype: unknown, own: DType): void {
  if (dtype !== own)
    throw new ArgumentError(`${name}: expected '${own}', which the tensor holds, got ${describe(dtype)}`);
}

/** The number that a typed array would store. */
const stored: Record<DType, (x: number) => number> = {
  float64: (x) => x,
  float32: Math.fround,
  int32: (x) => x | 0,
  uint8: (x) => x & 255,
};

/** Words for messages: one number, several, and their limits. */
const WANTED: Record<DType, readonly [one: string, several: string, limits: string]> = {
  float64: ['a number', 'numbers', ''],
  float32: ['a number', 'numbers', ' that float32 can hold (up to 3.4e38)'],
  int32: ['an integer', 'integers', ' from -2147483648 to 2147483647'],
  uint8: ['an integer', 'integers', ' from 0 to 255'],
};

/** Whether a type can hold a number: an integer as it is, a float rounded (NaN and infinities are what they are). */
function holds(dtype: DType, x: unknown): boolean {
  if (typeof x !== 'number') return false;
  const kept = stored[dtype](x);
  return kept === x || (dtype.startsWith('float') && (Number.isFinite(kept) || !Number.isFinite(x)));
}

/** Arrays of which every number fits a type. */
const fitting: Record<DType, readonly string[]> = {
  float64: ['Float64Array', 'Float32Array', 'Float16Array', 'Int32Array', 'Uint32Array'],
  float32: ['Float32Array', 'Float16Array', 'Int32Array', 'Uint32Array'],
  int32: ['Int32Array'],
  uint8: ['Uint8Array', 'Uint8ClampedArray'],
};
const SHORT_INTEGERS = ['Int16Array', 'Uint16Array', 'Int8Array', 'Uint8Array', 'Uint8ClampedArray'];

/**
 * Throws ArgumentError unless `values` is an array, or like one, of numbers that `dtype` can hold. Floats may be rounded,
 * NaN and infinities are floats; what would overflow is refused.
 */
export function expectNumbers(name: string, values: unknown, dtype: DType): asserts values is ArrayLike<number> {
  const given = expectArrayLike(name, values);
  const at = firstUnfit(given, dtype);
  if (at >= 0) throw unfit(name, given[at], dtype, at);
}

/** The first element that `dtype` cannot hold; −1 where it can hold all. */
export function firstUnfit(values: ArrayLike<unknown>, dtype: DType): number {
  if (ArrayBuffer.isView(values)) {
    const kind = Object.prototype.toString.call(values).slice('[object '.length, -1);
    if (fitting[dtype].includes(kind) || (dtype !== 'uint8' && SHORT_INTEGERS.includes(kind))) return -1;
  }
  for (let n = 0; n < values.length; n++) if (!holds(dtype, values[n])) return n;
  return -1;
}

/** Throws ArgumentError unless `value` is a number that `dtype` can hold. */
export function expectNumberOf(name: string, value: unknown, dtype: DType): asserts value is number {
  if (!holds(dtype, value)) throw unfit(name, value, dtype);
}

/** Throws ArgumentError unless `values` is an array, or an object that has a length as arrays do. */
export function expectArrayLike(name: string, values: unknown): ArrayLike<unknown> {
  if (typeof values === 'object' && values !== null) {
    const { length } = values as { length?: unknown };
    if (Number.isSafeInteger(length) && (length as number) >= 0) return values as ArrayLike<unknown>;
  }
  throw wrongKind(name, 'an array of numbers', values, adviceForNumbers(name, values));
}

/** `expectArrayLike`, which also refuses lists in lists: their shape is an argument of its own. */
export function expectFlat(name: string, values: unknown): ArrayLike<unknown> {
  const given = expectArrayLike(name, values);
  if (!Array.isArray(given[0]) && !ArrayBuffer.isView(given[0])) return given;
  throw wrongKind(name, 'one flat array of numbers', values, adviceForNumbers(name, values));
}

function unfit(name: string, value: unknown, dtype: DType, at?: number): ArgumentError {
  const [one, several, limits] = WANTED[dtype];
  const [wanted, place] = at === undefined ? [one, ''] : [several, ` at element ${at}`];
  return new ArgumentError(`${name}: expected ${wanted}${limits}, got ${describe(value)}${place}`);
}
