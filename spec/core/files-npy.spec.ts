import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileWriteError, ShapeError } from '../../src/core/errors.ts';
import { readNpy, writeNpy } from '../../src/core/files/npy.ts';
import type { StoredArray } from '../../src/core/files/numbers.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { dtypeOf, type NumericArray } from '../../src/core/memory.ts';
import { effort } from '../laws/effort.ts';
import { arraysToStore, assertRefused, assertSameBits, float16, npyBytes, npyHeader } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const folder = temporaryFolder();
const path = join(folder, 'test.npy');
const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

function open(bytes: Uint8Array): StoredArray {
  writeFresh(path, bytes);
  return readNpy(path);
}

test('what is written reads back: shape, type, bits', () => {
  fc.assert(
    fc.property(arraysToStore, ({ shape, data }) => {
      writeNpy(path, { shape, data });
      const read = readNpy(path);
      assert.equal(read.shape, shape);
      assert.is(read.dtype, dtypeOf(data));
      assertSameBits(read.load(), data);
      // Numbers begin at a multiple of 64, which is what makes the format fit for mapping into memory.
      assert.is((readFileSync(path).length - data.byteLength) % 64, 0);
    }),
    // Each run waits for the disk.
    effort(50),
  );
  assert.equal(readdirSync(folder), ['test.npy']);
});

test('a file made by numpy.save: its numbers are those of the other fixture, and written again its bytes are the same', () => {
  const tiny = readNpy(fixture('tiny-qkv.npy'));
  assert.equal(tiny.shape, [3, 1, 2, 48, 16]);
  assert.is(tiny.storedAs, '<f4');
  const data = tiny.load();
  const { tensors } = readSafetensors(fixture('minilm-qkv.safetensors'));
  let at = 0;
  for (const part of ['queries', 'keys', 'values']) {
    const whole = tensors.get(`layer1.${part}`)!.load();
    for (let head = 0; head < 2; head++) {
      for (let token = 0; token < 48; token++) {
        const row = (head * 512 + token) * 32;
        assertSameBits(data.subarray(at, at + 16), whole.subarray(row, row + 16));
        at += 16;
      }
    }
  }
  assert.is(at, data.length);
  writeNpy(path, { shape: tiny.shape, data });
  assert.equal(readFileSync(path), readFileSync(fixture('tiny-qkv.npy')));
});

test('every kind of number is read, in either order of bytes', () => {
  type Write = (view: DataView, at: number, value: number, littleEndian: boolean) => void;
  const kinds: [string, number, Write, number[], { from(values: number[]): NumericArray }][] = [
    ['f8', 8, (view, at, value, little) => view.setFloat64(at, value, little), [0.1, -1e300], Float64Array],
    ['f4', 4, (view, at, value, little) => view.setFloat32(at, value, little), [0.5, -1024], Float32Array],
    ['i8', 8, (view, at, value, little) => view.setBigInt64(at, BigInt(value), little), [-7, 2 ** 31 - 1], Int32Array],
    ['u8', 8, (view, at, value, little) => view.setBigUint64(at, BigInt(value), little), [7, 2 ** 31 - 1], Int32Array],
    ['i4', 4, (view, at, value, little) => view.setInt32(at, value, little), [-7, 2 ** 30 + 1], Int32Array],
    ['u4', 4, (view, at, value, little) => view.setUint32(at, value, little), [7, 2 ** 30 + 1], Int32Array],
    ['i2', 2, (view, at, value, little) => view.setInt16(at, value, little), [-7, 32767], Int32Array],
    ['u2', 2, (view, at, value, little) => view.setUint16(at, value, little), [7, 65535], Int32Array],
    ['i1', 1, (view, at, value) => view.setInt8(at, value), [-7, 127], Int32Array],
    ['u1', 1, (view, at, value) => view.setUint8(at, value), [7, 255], Uint8Array],
    ['b1', 1, (view, at, value) => view.setUint8(at, value), [0, 1], Uint8Array],
  ];
  for (const [name, bytes, write, values, type] of kinds) {
    for (const order of bytes === 1 ? ['|', '<', '>'] : ['<', '>']) {
      const view = new DataView(new ArrayBuffer(bytes * values.length));
      values.forEach((value, n) => {
        write(view, n * bytes, value, order !== '>');
      });
      const descr = `${order}${name}`;
      const array = open(npyBytes(npyHeader(descr, [2]), new Uint8Array(view.buffer)));
      assert.is(array.storedAs, descr);
      assert.is(array.dtype, dtypeOf(type.from([])));
      assert.equal(array.load(), type.from(values), descr);
    }
  }
});

test('every float16 is widened to the float32 of the same value, in either order of bytes', () => {
  for (const order of ['<', '>']) {
    const view = new DataView(new ArrayBuffer(2 * 65536));
    for (let pattern = 0; pattern < 65536; pattern++) view.setUint16(2 * pattern, pattern, order === '<');
    const data = open(npyBytes(npyHeader(`${order}f2`, [65536]), new Uint8Array(view.buffer))).load();
    const wrong = data.findIndex((value, pattern) => !Object.is(value, float16(pattern)));
    assert.is(wrong, -1, `${order}f2 0x${wrong.toString(16)}: ${data[wrong]}`);
  }
});

test('Fortran order: element (i, j, k, …) lies at i + rows · (j + columns · (k + …))', () => {
  const shapes = fc.array(fc.nat(4), { maxLength: 5 });
  fc.assert(
    fc.property(shapes, (shape) => {
      const size = shape.reduce((product, extent) => product * extent, 1);
      const stored = Float64Array.from({ length: size }, (_, n) => n);
      const read = open(npyBytes(npyHeader('<f8', shape, true), new Uint8Array(stored.buffer)));
      assert.equal(read.shape, shape);
      const data = read.load();
      assert.is(data.length, size);
      for (let n = 0; n < size; n++) {
        // The indices of row-major element n, the last first.
        let rest = n;
        let place = 0;
        for (const [axis, extent] of [...shape.entries()].reverse()) {
          place += (rest % extent) * shape.slice(0, axis).reduce((product, before) => product * before, 1);
          rest = Math.floor(rest / extent);
        }
        assert.is(data[n], place);
      }
    }),
  );
});

test('versions 1.0, 2.0 and 3.0, and a header in any spelling of Python', () => {
  const spellings = [
    "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }",
    "{'shape': (2,), 'descr': '<i4', 'fortran_order': False}   \n",
    `{"fortran_order" :False,"descr":"<i4",\n  'shape':(2L,)}`,
    `{ 'descr' : '<i4' , 'fortran_order' : False , 'shape' : [ +2 ] , }\t`,
  ];
  for (const version of [1, 2, 3]) {
    for (const header of spellings) {
      const { shape, load } = open(npyBytes(header, [1, 0, 0, 0, 2, 0, 0, 0], version));
      assert.equal(shape, [2]);
      assert.equal(load(), Int32Array.of(1, 2));
    }
  }
});

test('numbers that do not fit are named', () => {
  const int64 = new Uint8Array(BigInt64Array.of(1n, -(2n ** 40n)).buffer);
  const array = open(npyBytes(npyHeader('<i8', [2]), int64));
  assertRefused(path, () => array.load(), /: expected integers that fit 32 bits, got -1099511627776 at element 1/);
  const booleans = open(npyBytes(npyHeader('|b1', [2]), [0, 3]));
  assertRefused(path, () => booleans.load(), /: expected booleans of 0 or 1, got 3 at element 1/);
});

test('what cannot be written leaves the file as it was', () => {
  const data = Float32Array.of(1, 2);
  writeNpy(path, { shape: [2], data });
  const before = readFileSync(path);
  const refuses = (act: () => void, type: new (message: string) => Error, words: RegExp) => {
    assert.throws(act, (error: unknown) => error instanceof type && words.test(error.message));
    assert.equal(readFileSync(path), before);
  };
  for (const shape of [[3], [], [-1, -2], [4, 0.5]]) {
    refuses(() => writeNpy(path, { shape, data }), ShapeError, /^array: expected numbers that fill \[.*\], got 2/);
  }
  refuses(
    () => writeNpy(path, { shape: [2, ...new Array(64).fill(1)], data }),
    ShapeError,
    /^array: .* 64 axes, got 65/,
  );
  refuses(
    () => writeNpy(path, { shape: [2], data: [1, 2] as never }),
    ArgumentError,
    /^array\.data: expected an array of/,
  );
  refuses(() => writeNpy(join(folder, 'no', 'folder'), { shape: [2], data }), FileWriteError, /cannot be written/);
});

test.run();
