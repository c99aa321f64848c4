/** The kinds of number in files, and how each becomes an array of a type of tensors. */
import { endianness } from '#platform/os';
import { adviceForDense } from '../advice.ts';
import { formatShape, ShapeError, wrongKind } from '../errors.ts';
import { expectList, expectRecord } from '../expect.ts';
import type { DType, NumericArray } from '../memory.ts';
import type { Complain } from './input-file.ts';

/** An array in a file: its form is known, its numbers are read on demand. */
export interface StoredArray {
  readonly shape: readonly number[];
  /** As the file spells it: `BF16`, `>f8`. */
  readonly storedAs: string;
  /** Of the numbers that `load` gives. */
  readonly dtype: DType;
  /** Reads the numbers, row-major. Throws FileFormatError if the file has changed, or holds what `dtype` cannot. */
  load(): NumericArray;
}

/** An array to be written, row-major. A tensor is one as `{ shape: tensor.shape, data: tensor.toArray() }`. */
export interface ArrayToStore {
  readonly shape: readonly number[];
  readonly data: NumericArray;
}

interface NumberKind {
  readonly bytes: number;
  readonly dtype: DType;
}

/**
 * Half-precision numbers are widened, which is exact. Integers become int32 if all of them fit, whatever their width;
 * bytes and booleans stay bytes.
 */
export const NUMBER_KINDS = {
  float64: { bytes: 8, dtype: 'float64' },
  float32: { bytes: 4, dtype: 'float32' },
  float16: { bytes: 2, dtype: 'float32' },
  bfloat16: { bytes: 2, dtype: 'float32' },
  int64: { bytes: 8, dtype: 'int32' },
  uint64: { bytes: 8, dtype: 'int32' },
  int32: { bytes: 4, dtype: 'int32' },
  uint32: { bytes: 4, dtype: 'int32' },
  int16: { bytes: 2, dtype: 'int32' },
  uint16: { bytes: 2, dtype: 'int32' },
  int8: { bytes: 1, dtype: 'int32' },
  uint8: { bytes: 1, dtype: 'uint8' },
  bool: { bytes: 1, dtype: 'uint8' },
} as const satisfies Record<string, NumberKind>;

export type StoredNumber = keyof typeof NUMBER_KINDS;

const HOST_IS_LITTLE_ENDIAN = endianness() === 'LE';

/**
 * The numbers in `buffer`, which is used up: the result may be a view of it. Throws what `complain` makes for an integer
 * that does not fit int32 and a boolean that is neither 0 nor 1.
 */
export function decode(
  buffer: ArrayBuffer,
  number: StoredNumber,
  littleEndian: boolean,
  complain: Complain,
): NumericArray {
  if (littleEndian !== HOST_IS_LITTLE_ENDIAN) swapBytes(buffer, NUMBER_KINDS[number].bytes);
  if (number === 'float64') return new Float64Array(buffer);
  if (number === 'float32') return new Float32Array(buffer);
  if (number === 'float16') return widen(new Uint16Array(buffer), float16Bits);
  if (number === 'bfloat16') return widen(new Uint16Array(buffer), (bits) => bits << 16);
  if (number === 'int64') return toInt32(new BigInt64Array(buffer), complain);
  if (number === 'uint64') return toInt32(new BigUint64Array(buffer), complain);
  if (number === 'int32') return new Int32Array(buffer);
  if (number === 'uint32') return toInt32(new Uint32Array(buffer), complain);
  if (number === 'int16') return Int32Array.from(new Int16Array(buffer));
  if (number === 'uint16') return Int32Array.from(new Uint16Array(buffer));
  if (number === 'int8') return Int32Array.from(new Int8Array(buffer));
  const bytes = new Uint8Array(buffer);
  const odd = number === 'bool' ? bytes.findIndex((byte) => byte > 1) : -1;
  if (odd >= 0) throw complain(`expected booleans of 0 or 1, got ${bytes[odd]} at element ${odd}`);
  return bytes;
}

/** An extent may be 0: files hold arrays without elements, which tensors cannot be. */
export function isExtent(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Also right where extents beside a 0 multiply to infinity. */
export function countElements(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Throws ShapeError unless the numbers fill the shape, whose extents are integers of at least 0, and ArgumentError for
 * an array of another type.
 */
export function expectFilled(name: string, array: ArrayToStore): void {
  const advice = adviceForDense(name, array);
  if (advice !== '') throw wrongKind(name, 'a shape and its numbers', array, advice);
  expectRecord(name, array);
  const { shape, data } = array;
  expectList(`${name}.shape`, shape);
  if (![Float64Array, Float32Array, Int32Array, Uint8Array].some((type) => data instanceof type)) {
    throw wrongKind(`${name}.data`, 'an array of float64, float32, int32 or uint8', data);
  }
  if (shape.every(isExtent) && data.length === countElements(shape)) return;
  throw new ShapeError(`${name}: expected numbers that fill ${formatShape(shape)}, got ${data.length}`);
}

/** The bytes of an array, little-endian: a view of it wherever the host is too. */
export function littleEndianBytes(data: NumericArray): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (HOST_IS_LITTLE_ENDIAN) return bytes;
  const copy = Uint8Array.from(bytes);
  swapBytes(copy.buffer, data.BYTES_PER_ELEMENT);
  return copy;
}

/** Each number through the bits that it has as a float32; NaN keeps its payload. */
function widen(source: Uint16Array, float32Bits: (bits: number) => number): Float32Array {
  const bits = new Int32Array(source.length);
  for (let n = 0; n < source.length; n++) bits[n] = float32Bits(source[n]);
  return new Float32Array(bits.buffer);
}

/** IEEE 754 binary16 (1 sign, 5 exponent and 10 fraction bits) to binary32 (1, 8, 23); the biases are 15 and 127. */
function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent > 0) return sign | ((exponent + 127 - 15) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // A subnormal, fraction · 2⁻²⁴: as a float32 its leading one, in bit 31 − clz32, is the implicit one.
  const leading = 31 - Math.clz32(fraction);
  return sign | ((leading - 24 + 127) << 23) | ((fraction << (23 - leading)) & 0x7fffff);
}

function toInt32(source: BigInt64Array | BigUint64Array | Uint32Array, complain: Complain): Int32Array {
  const result = new Int32Array(source.length);
  for (let n = 0; n < source.length; n++) {
    result[n] = Number(source[n]);
    if (result[n] !== Number(source[n])) {
      throw complain(`expected integers that fit 32 bits, got ${source[n]} at element ${n}`);
    }
  }
  return result;
}

function swapBytes(buffer: ArrayBuffer, bytesPerNumber: number): void {
  const bytes = new Uint8Array(buffer);
  for (let start = 0; start < bytes.length; start += bytesPerNumber) {
    for (let low = start, high = start + bytesPerNumber - 1; low < high; low++, high--) {
      const byte = bytes[low];
      bytes[low] = bytes[high];
      bytes[high] = byte;
    }
  }
}
