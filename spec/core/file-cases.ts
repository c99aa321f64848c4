/** Arrays as files hold them, files made by hand, and what 16 bits mean as a number. */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import type { NumericArray } from '../../src/core/memory.ts';

/** Up to five axes of up to four, also none and empty ones; every bit pattern of the numbers, NaN and −0 among them. */
export const arraysToStore: fc.Arbitrary<ArrayToStore> = fc
  .tuple(
    fc.array(fc.nat(4), { maxLength: 5 }),
    fc.constantFrom(Float64Array, Float32Array, Int32Array, Uint8Array),
    fc.infiniteStream(fc.nat(255)),
  )
  .map(([shape, type, stream]) => {
    const data: NumericArray = new type(shape.reduce((product, extent) => product * extent, 1));
    const bytes = new Uint8Array(data.buffer);
    for (let at = 0; at < bytes.length; at++) bytes[at] = stream.next().value;
    return { shape, data };
  });

export function assertSameBits(actual: NumericArray, expected: NumericArray): void {
  const bytesOf = (array: NumericArray) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);
  assert.ok(bytesOf(actual).equals(bytesOf(expected)));
}

/** A FileFormatError whose message begins with the path, and says this. */
export function assertRefused(path: string, act: () => unknown, words: RegExp): void {
  assert.throws(act, (error: unknown) => {
    assert.instance(error, FileFormatError);
    const { message } = error as FileFormatError;
    assert.ok(message.startsWith(`${path}: `), message);
    assert.match(message, words);
    return true;
  });
}

/** The length of the header, the header, the data. */
export function safetensorsBytes(header: string | Uint8Array, data: Uint8Array | readonly number[] = []): Buffer {
  const text = typeof header === 'string' ? Buffer.from(header) : header;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Uint8Array.from(data)]);
}

/** The magic text, the version, the length of the header, the header, the data. */
export function npyBytes(header: string, data: Uint8Array | readonly number[], version = 1): Buffer {
  const text = Buffer.from(header, version === 3 ? 'utf8' : 'latin1');
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\x00`, 'latin1');
  return Buffer.concat([start, length, text, Uint8Array.from(data)]);
}

/** As NumPy writes it, but for the padding. */
export function npyHeader(descr: string, shape: readonly number[], fortranOrder = false): string {
  const order = fortranOrder ? 'True' : 'False';
  return `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape.map((n) => `${n}, `).join('')}), }\n`;
}

/** IEEE 754 binary16: (−1)^sign · 2^(exponent − 15) · 1.fraction, with 5 and 10 bits. */
export function float16(pattern: number): number {
  return floatOf(pattern, 5, 10);
}

/** bfloat16: the upper half of a float32, 8 and 7 bits. */
export function bfloat16(pattern: number): number {
  return floatOf(pattern, 8, 7);
}

function floatOf(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern < 0x8000 ? 1 : -1;
  const exponent = Math.floor(pattern / 2 ** fractionBits) % 2 ** exponentBits;
  const fraction = (pattern % 2 ** fractionBits) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}
