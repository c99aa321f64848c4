/** Files that are not as the format says, cut off or damaged. */

import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError, MemoryError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, type Safetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { visible } from '../../src/core/visible.ts';
import { effort } from '../laws/effort.ts';
import { assertRefused, safetensorsBytes } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const folder = temporaryFolder();
const path = join(folder, 'test.safetensors');

function open(bytes: Uint8Array): Safetensors {
  writeFresh(path, bytes);
  return readSafetensors(path);
}

function loadAll(bytes: Uint8Array): void {
  for (const tensor of open(bytes).tensors.values()) tensor.load();
}

test('whatever is not as the format says is refused, and the message says where', () => {
  const u8 = (begin: number, end: number, shape = [end - begin]) => ({
    dtype: 'U8',
    shape,
    data_offsets: [begin, end],
  });
  const refuses = (header: unknown, words: RegExp, data: readonly number[] = [1, 2, 3, 4]) => {
    const text = typeof header === 'string' || header instanceof Uint8Array ? header : JSON.stringify(header);
    assertRefused(path, () => open(safetensorsBytes(text, data)), words);
  };
  loadAll(safetensorsBytes(JSON.stringify({ a: u8(0, 4) }), [1, 2, 3, 4]));

  refuses('', /header: expected JSON that begins with \{, got nothing/);
  refuses(' {}', /begins with \{/);
  refuses('\ufeff{}', /begins with \{/);
  refuses('[]', /begins with \{, got \[\]/);
  refuses('{"a":', /expected JSON/);
  refuses('{}{', /expected JSON/);
  refuses(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), /expected UTF-8/);

  refuses(
    '{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}',
    /"a" occurs twice/,
  );
  refuses('{"a":{"dtype":"U8","shape":[1],"shape" : [4],"data_offsets":[0,4]}}', /"shape" occurs twice/);
  refuses('{"\\u0061":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":null}', /"a" occurs twice/);
  refuses('{"__metadata__":{"\\"}{":"[\\"","\\"}{":""}}', /occurs twice/);

  for (const info of [null, 3, [], 'F32', {}]) refuses({ a: info }, /: a: dtype: expected one of F64, .*, got nothing/);
  refuses({ a: { ...u8(0, 4), dtype: 'F8_E4M3' } }, /a: dtype: expected one of .*, got "F8_E4M3"/);
  refuses({ a: { ...u8(0, 4), dtype: 'toString' } }, /a: dtype: /);
  refuses({ a: { ...u8(0, 4), dtype: 8 } }, /a: dtype: .* got 8/);
  for (const shape of [undefined, null, 4, '4', [-4], [2.5], ['4'], [[4]], [1e300], { 0: 4 }]) {
    refuses({ a: { ...u8(0, 4), shape } }, /a: shape: expected a list of integers of at least 0, got /);
  }
  for (const data_offsets of [undefined, 4, [], [0], [0, 4, 8], [4, 0], [-1, 3], [0.5, 4.5], ['0', '4'], [0, null]]) {
    refuses(
      { a: { ...u8(0, 4), data_offsets } },
      /a: data_offsets: expected \[begin, end\] with 0 ≤ begin ≤ end, got /,
    );
  }
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
  refuses(`{"a":{"dtype":"U8","shape":${deep}}}`, /header: expected JSON of at most 16 levels, got more/);
  refuses(`{"a":${deep}`, /header: expected JSON of at most 16 levels/);
  refuses('{"a":[[4]]', /header: expected JSON, got a text that is not/);
  refuses({ a: u8(0, 4, [5]) }, /a: expected 5 bytes for U8 \[5\], got 4/);
  refuses({ a: { ...u8(0, 4), dtype: 'F32', shape: [2] } }, /a: expected 8 bytes for F32 \[2\], got 4/);
  refuses({ a: u8(0, 4, []) }, /a: expected 1 bytes/);
  refuses({ a: u8(0, 4, [2 ** 40, 2 ** 40]) }, /a: expected 1\.2\d+e\+24 bytes/);
  refuses({ a: u8(0, 4, [0, 2 ** 40]) }, /a: expected 0 bytes/);

  refuses({ a: u8(0, 3), b: u8(2, 4) }, /b: overlaps another tensor: begins at 2, before 3/);
  refuses({ a: u8(0, 4), b: u8(0, 4) }, /b: overlaps/);
  refuses({ a: u8(0, 1), b: u8(2, 4) }, /b: 1 bytes before it belong to no tensor/);
  refuses({ b: u8(1, 4) }, /b: 1 bytes before it/);
  refuses({ a: u8(0, 3) }, /: 1 bytes at the end belong to no tensor/);
  refuses({}, /: 4 bytes at the end/);
  refuses({ a: u8(0, 4) }, /a: truncated: ends at data byte 4 of 3/, [1, 2, 3]);
  refuses({ a: u8(2 ** 52, 2 ** 52 + 4) }, /belong to no tensor/);

  refuses({ __metadata__: 'text', a: u8(0, 4) }, /__metadata__: expected an object, got "text"/);
  refuses({ __metadata__: [], a: u8(0, 4) }, /__metadata__: expected an object/);
  refuses({ __metadata__: { n: 4 }, a: u8(0, 4) }, /__metadata__: expected an object of texts, got \{"n":4\}/);
});

/** A file with a bit of everything. */
function sample(): Buffer {
  const tensors: [string, ArrayToStore][] = [
    ['layer.queries', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ['layer.keys', { shape: [], data: Float64Array.of(5) }],
    ['mask', { shape: [3], data: Uint8Array.of(1, 0, 1) }],
  ];
  writeSafetensors(path, tensors, [['made by', 'hand']]);
  return readFileSync(path);
}

test('a file cut off anywhere is refused', () => {
  const whole = sample();
  for (let length = 0; length < whole.length; length++) assertRefused(path, () => open(whole.subarray(0, length)), /./);
  assertRefused(path, () => open(Buffer.concat([whole, Uint8Array.of(0)])), /1 bytes at the end/);
});

test('damage is noticed or harmless: no error but FileFormatError', () => {
  const whole = sample();
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  let refused = 0;
  fc.assert(
    fc.property(damage, (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      try {
        loadAll(bytes);
      } catch (error) {
        assert.instance(error, FileFormatError);
        refused++;
      }
    }),
    effort(2000),
  );
  assert.ok(refused > 100, 'most damage is to the header');
});

test('every single flipped bit of the header is noticed or harmless', () => {
  const whole = sample();
  const headerEnd = 8 + Number(whole.readBigUInt64LE());
  for (let bit = 0; bit < 8 * headerEnd; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    try {
      loadAll(bytes);
    } catch (error) {
      assert.instance(error, FileFormatError, `bit ${bit}: ${error}`);
    }
  }
});

test('a length beyond every file, and a header too long to be one', () => {
  const bytes = Buffer.alloc(16, 0xff);
  assertRefused(path, () => open(bytes), /not a \.safetensors file: its first 8 bytes are not the length of a header/);
  bytes.writeBigUInt64LE(100_000_001n);
  writeFileSync(path, bytes);
  truncateSync(path, 8 + 100_000_001);
  assertRefused(path, () => readSafetensors(path), /header: expected at most 100000000 bytes, got 100000001/);
});

test('names from a file bring no control characters into a message', () => {
  const header = JSON.stringify({ '\u001b[31mred': { dtype: 'F32' } });
  assertRefused(path, () => open(safetensorsBytes(header)), /: \\x1b\[31mred: shape/);
});

if (process.platform === 'linux') {
  test('a tensor that is larger than memory can be looked at, not loaded', () => {
    // A file with a hole: it takes no space on the disk.
    const size = 2 ** 40;
    const header = JSON.stringify({ big: { dtype: 'U8', shape: [size], data_offsets: [0, size] } });
    writeFileSync(path, safetensorsBytes(header));
    truncateSync(path, 8 + header.length + size);
    const big = readSafetensors(path).tensors.get('big')!;
    assert.equal(big.shape, [size]);
    assert.throws(
      () => big.load(),
      (error: unknown) => error instanceof MemoryError && error.message.includes(path),
    );
    truncateSync(path, 0);
  });
}

test('what is no file at all', () => {
  const refuses = (missing: string, words: RegExp) =>
    assert.throws(
      () => readSafetensors(missing),
      (error: unknown) =>
        error instanceof FileFormatError &&
        error.message.startsWith(`${visible(missing)}: cannot be read: `) &&
        words.test(error.message),
    );
  refuses(join(folder, 'missing.safetensors'), /no such file/);
  refuses('', /no such file/);
  refuses('a\0b', /no such path/);
  mkdirSync(join(folder, 'folder'));
  refuses(join(folder, 'folder'), /it is a folder/);
  if (process.platform !== 'win32') refuses('/dev/null', /a device or a pipe/);
});

test.run();
