import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileWriteError, ShapeError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, type Safetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { dtypeOf } from '../../src/core/memory.ts';
import { effort } from '../laws/effort.ts';
import { arraysToStore, assertRefused, assertSameBits, bfloat16, float16, safetensorsBytes } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const folder = temporaryFolder();
const path = join(folder, 'test.safetensors');
const fixture = fileURLToPath(new URL('../../fixtures/minilm-qkv.safetensors', import.meta.url));

function open(bytes: Uint8Array): Safetensors {
  writeFresh(path, bytes);
  return readSafetensors(path);
}

/** The one tensor of a file made by hand. */
function loadOne(dtype: string, shape: number[], data: ArrayBuffer) {
  const info = { dtype, shape, data_offsets: [0, data.byteLength] };
  const tensor = open(safetensorsBytes(JSON.stringify({ x: info }), new Uint8Array(data))).tensors.get('x')!;
  return { ...tensor, data: tensor.load() };
}

/** Each run waits for the disk. */
const FEW = effort(30);

const names = fc.oneof(fc.string(), fc.constantFrom('10', '9', '__proto__', 'constructor', '"', 'ключ'));
const contents = fc.uniqueArray(fc.tuple(names, arraysToStore), { selector: ([name]) => name, maxLength: 5 });
const texts = fc
  .dictionary(names, fc.string({ unit: 'grapheme' }), { maxKeys: 4 })
  .map((record) => Object.entries(record));

test('what is written reads back: names, shapes, types, bits, metadata', () => {
  fc.assert(
    fc.property(contents, texts, (tensors, metadata) => {
      writeSafetensors(path, tensors, metadata);
      const read = readSafetensors(path);
      assert.equal([...read.metadata].sort(), metadata.sort());
      assert.equal([...read.tensors.keys()].sort(), tensors.map(([name]) => name).sort());
      for (const [name, { shape, data }] of tensors) {
        const tensor = read.tensors.get(name)!;
        assert.equal(tensor.shape, shape);
        assert.is(tensor.dtype, dtypeOf(data));
        assertSameBits(tensor.load(), data);
      }
    }),
    FEW,
  );
});

test('the bytes do not depend on the order in which content comes, and every number is aligned', () => {
  fc.assert(
    fc.property(contents, texts, (tensors, metadata) => {
      writeSafetensors(path, tensors, metadata);
      const bytes = readFileSync(path);
      writeSafetensors(path, new Map(tensors.toReversed()), new Map(metadata.toReversed()));
      assert.ok(bytes.equals(readFileSync(path)));

      const dataStart = 8 + Number(bytes.readBigUInt64LE());
      assert.is(dataStart % 8, 0);
      const header = JSON.parse(bytes.subarray(8, dataStart).toString('utf8'));
      for (const [name, { data }] of tensors) {
        assert.is(header[name].data_offsets[0] % data.BYTES_PER_ELEMENT, 0);
      }
    }),
    FEW,
  );
  assert.equal(readdirSync(folder), ['test.safetensors']);
});

test('the bytes of a small file', () => {
  const tensors: [string, ArrayToStore][] = [
    ['b', { shape: [3], data: Uint8Array.of(7, 8, 9) }],
    ['c', { shape: [], data: Float32Array.of(-2) }],
    ['a', { shape: [1, 2], data: Int32Array.of(1, -1) }],
  ];
  writeSafetensors(path, tensors, [['made by', 'hand']]);
  const header =
    '{"__metadata__":{"made by":"hand"},' +
    '"a":{"dtype":"I32","shape":[1,2],"data_offsets":[0,8]},' +
    '"c":{"dtype":"F32","shape":[],"data_offsets":[8,12]},' +
    '"b":{"dtype":"U8","shape":[3],"data_offsets":[12,15]}}';
  const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
  const data = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xc0, 7, 8, 9];
  assert.equal(readFileSync(path), safetensorsBytes(padded, data));
  writeSafetensors(path, []);
  assert.equal(readFileSync(path), safetensorsBytes('{}      '));
});

test('every dtype is read, and becomes one that tensors have', () => {
  const read = (dtype: string, source: { buffer: ArrayBufferLike; length: number }) => {
    const { dtype: loadedAs, storedAs, data } = loadOne(dtype, [source.length], source.buffer as ArrayBuffer);
    assert.is(storedAs, dtype);
    assert.is(loadedAs, dtypeOf(data));
    return data;
  };
  assert.equal(read('F64', Float64Array.of(0.1, -1e300)), Float64Array.of(0.1, -1e300));
  assert.equal(read('F32', Float32Array.of(0.1, -1e30)), Float32Array.of(0.1, -1e30));
  assert.equal(read('F16', Uint16Array.of(0x3c00, 0xc500)), Float32Array.of(1, -5));
  assert.equal(read('BF16', Uint16Array.of(0x3f80, 0xc0a0)), Float32Array.of(1, -5));
  assert.equal(read('I64', BigInt64Array.of(-(2n ** 31n), 2n ** 31n - 1n)), Int32Array.of(-(2 ** 31), 2 ** 31 - 1));
  assert.equal(read('U64', BigUint64Array.of(0n, 2n ** 31n - 1n)), Int32Array.of(0, 2 ** 31 - 1));
  assert.equal(read('I32', Int32Array.of(-5, 2 ** 30)), Int32Array.of(-5, 2 ** 30));
  assert.equal(read('U32', Uint32Array.of(5, 2 ** 30)), Int32Array.of(5, 2 ** 30));
  assert.equal(read('I16', Int16Array.of(-5, 32767)), Int32Array.of(-5, 32767));
  assert.equal(read('U16', Uint16Array.of(5, 65535)), Int32Array.of(5, 65535));
  assert.equal(read('I8', Int8Array.of(-5, 127)), Int32Array.of(-5, 127));
  assert.equal(read('U8', Uint8Array.of(5, 255)), Uint8Array.of(5, 255));
  assert.equal(read('BOOL', Uint8Array.of(0, 1)), Uint8Array.of(0, 1));
});

test('every F16 and BF16 is widened to the float32 of the same value', () => {
  const patterns = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);
  for (const [dtype, meaning] of [
    ['F16', float16],
    ['BF16', bfloat16],
  ] as const) {
    const { data } = loadOne(dtype, [256, 256], patterns.buffer);
    const wrong = patterns.findIndex((pattern) => !Object.is(data[pattern], meaning(pattern)));
    assert.is(wrong, -1, `${dtype} 0x${wrong.toString(16)}: ${data[wrong]}`);
  }
});

test('numbers that do not fit are named when they are loaded, not before', () => {
  const refuses = (dtype: string, source: { buffer: ArrayBufferLike; length: number }, words: RegExp) => {
    const info = { dtype, shape: [source.length], data_offsets: [0, source.buffer.byteLength] };
    const { tensors } = open(safetensorsBytes(JSON.stringify({ 'a.b': info }), new Uint8Array(source.buffer)));
    assertRefused(path, () => tensors.get('a.b')!.load(), words);
  };
  refuses(
    'I64',
    BigInt64Array.of(0n, 2n ** 31n),
    /: a\.b: expected integers that fit 32 bits, got 2147483648 at element 1/,
  );
  refuses('I64', BigInt64Array.of(-(2n ** 63n)), /got -9223372036854775808 at element 0/);
  refuses('U64', BigUint64Array.of(2n ** 64n - 1n), /got 18446744073709551615/);
  refuses('U32', Uint32Array.of(2 ** 31), /got 2147483648/);
  refuses('BOOL', Uint8Array.of(1, 2), /expected booleans of 0 or 1, got 2 at element 1/);
});

test('a tensor is read when it is loaded, each time anew, and only of the file that was opened', () => {
  const header = '{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}';
  const { tensors } = open(safetensorsBytes(header, [1, 2]));
  const first = tensors.get('x')!.load();
  first[0] = 9;
  assert.equal(tensors.get('x')!.load(), Uint8Array.of(1, 2));
  writeFileSync(path, safetensorsBytes(header, [3, 4]));
  assertRefused(path, () => tensors.get('x')!.load(), /has changed since it was opened/);
  assert.equal(readSafetensors(path).tensors.get('x')!.load(), Uint8Array.of(3, 4));
  truncateSync(path, 8 + header.length + 1);
  assertRefused(path, () => tensors.get('x')!.load(), /truncated/);
});

test('the shipped file: header, shapes and metadata as fixtures/README.md says', () => {
  const { tensors, metadata } = readSafetensors(fixture);
  assert.equal([...metadata.keys()].sort(), ['heads', 'layers', 'licence', 'model', 'script', 'text', 'tokens']);
  assert.is(JSON.parse(metadata.get('tokens')!).length, 512);
  const parts = ['keys', 'outputs', 'queries', 'values'];
  assert.equal(
    [...tensors.keys()],
    [1, 4].flatMap((layer) => parts.map((part) => `layer${layer}.${part}`)),
  );
  for (const { shape, dtype } of tensors.values()) {
    assert.equal(shape, [1, 6, 512, 32]);
    assert.is(dtype, 'float32');
  }
});

test('what the format allows is not refused', () => {
  const header =
    '{"b":{"shape":[2],"data_offsets":[0,2],"dtype":"U8","note":{"a":1}}, "__metadata__":null,\n' +
    ' "e":{"dtype":"F64","shape":[0,3],"data_offsets":[2,2]}, "":{"dtype":"BOOL","shape":[],"data_offsets":[2,3]}} \t';
  const { tensors, metadata } = open(safetensorsBytes(header, [1, 2, 1]));
  assert.equal(
    [...tensors].map(([name, tensor]) => [name, tensor.shape, [...tensor.load()]]),
    [
      ['b', [2], [1, 2]],
      ['e', [0, 3], []],
      ['', [], [1]],
    ],
  );
  assert.is(metadata.size, 0);
});

test('a tensor without elements may have any other extents', () => {
  const shape = [...new Array(30).fill(2 ** 50), 0];
  writeSafetensors(path, [['none', { shape, data: new Float32Array(0) }]]);
  const none = readSafetensors(path).tensors.get('none')!;
  assert.equal(none.shape, shape);
  assert.is(none.load().length, 0);
});

test('what cannot be written leaves the file as it was', () => {
  const array: ArrayToStore = { shape: [2], data: Float32Array.of(1, 2) };
  writeSafetensors(path, [['before', array]]);
  const before = readFileSync(path);
  const given = (value: unknown) => value as never;
  const refuses = (act: () => void, type: new (message: string) => Error, words: RegExp) => {
    assert.throws(act, (error: unknown) => error instanceof type && words.test(error.message));
    assert.equal(readFileSync(path), before);
  };
  refuses(
    () =>
      writeSafetensors(path, [
        ['a', array],
        ['a', array],
      ]),
    ArgumentError,
    /^tensors: .* a is taken/,
  );
  refuses(() => writeSafetensors(path, [['__metadata__', array]]), ArgumentError, /^tensors: .*__metadata__/);
  refuses(
    () =>
      writeSafetensors(
        path,
        [],
        [
          ['k', ''],
          ['k', ''],
        ],
      ),
    ArgumentError,
    /^metadata: .* k is taken/,
  );
  refuses(() => writeSafetensors(path, [], [['k', given(3)]]), ArgumentError, /^metadata: .* k, got 3/);
  for (const shape of [[3], [], [-1, -2], [4, 0.5]]) {
    refuses(() => writeSafetensors(path, [['a', { ...array, shape }]]), ShapeError, /^a: .*, got 2/);
  }
  const wrong = { shape: [1], data: given(Int16Array.of(1)) };
  refuses(() => writeSafetensors(path, [['a', wrong]]), ArgumentError, /^a\.data: expected an array of float64/);
  const lost = join(folder, 'no', 'folder');
  refuses(() => writeSafetensors(lost, []), FileWriteError, /cannot be written/);
});

test.run();
