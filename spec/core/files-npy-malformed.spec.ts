/** .npy files that hold something else than plain numbers, are cut off or damaged. */

import { truncateSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { readNpy } from '../../src/core/files/npy.ts';
import type { StoredArray } from '../../src/core/files/numbers.ts';
import { effort } from '../laws/effort.ts';
import { assertRefused, npyBytes, npyHeader } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const path = join(temporaryFolder(), 'test.npy');

function open(bytes: Uint8Array): StoredArray {
  writeFresh(path, bytes);
  return readNpy(path);
}

test('what is not an array of plain numbers is refused, and the message says why', () => {
  const data = [1, 0, 0, 0, 2, 0, 0, 0];
  const refuses = (header: string, words: RegExp, version = 1) =>
    assertRefused(path, () => open(npyBytes(header, data, version)), words);
  open(npyBytes(npyHeader('<i4', [2]), data));

  assertRefused(
    path,
    () => open(Buffer.from('PK\x03\x04 an .npz is a zip')),
    /expected a \.npy file, got another format/,
  );
  refuses(npyHeader('<i4', [2]), /expected version 1\.0, 2\.0 or 3\.0 .* got 4\.0/, 4);
  refuses(npyHeader('<i4', [2]), /got 0\.0/, 0);
  const minor = npyBytes(npyHeader('<i4', [2]), data);
  minor[7] = 1;
  assertRefused(path, () => open(minor), /got 1\.1/);
  refuses(' '.repeat(65536), /header: expected at most 65535 bytes, got 65536/, 2);

  refuses(npyHeader('|O', [2]), /descr: expected numbers, got pickled Python objects/);
  refuses(npyHeader('O', [2]), /pickled Python objects/);
  for (const structure of ["[('a', '<f4'), ('b', '<f4', (2, 2))]", "('<f4', (2,))", "{'names': []}", 'None']) {
    const header = `{'descr': ${structure}, 'fortran_order': False, 'shape': (2,)}`;
    refuses(header, /descr: expected plain numbers, got a structure/);
  }
  for (const descr of [
    '<c8',
    '<f16',
    '<U1',
    '|V4',
    '<M8[ns]',
    'float32',
    'f4',
    '=f4',
    '|f4',
    '!f4',
    '',
    '<F4',
    '<f4 ',
  ]) {
    refuses(npyHeader(descr, [2]), /descr: expected < or > and one of f8, .*, got '/);
  }

  for (const shape of [
    '2',
    '(2)',
    '(-2,)',
    '(2, None)',
    "('2',)",
    '((2,),)',
    '(1e0,)',
    `(${'9'.repeat(400)},)`,
    'True',
  ]) {
    refuses(`{'descr': '<i4', 'fortran_order': False, 'shape': ${shape}}`, /header: (shape: )?expected/);
  }
  refuses(npyHeader('<i4', new Array(65).fill(1)), /shape: expected a tuple of at most 64/);
  refuses("{'descr': '<i4', 'fortran_order': 0, 'shape': (2,)}", /fortran_order: expected True or False/);
  refuses("{'descr': '<i4', 'shape': (2,)}", /expected a Python dict of descr, fortran_order and shape/);
  refuses("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), 'more': 1}", /expected a Python dict of/);
  refuses("{'descr': '<i4', 'descr': '<i4', 'fortran_order': False, 'shape': (2,)}", /'descr' occurs twice/);
  refuses("('descr',)", /expected a Python dict of/);

  for (const header of [
    '',
    ' ',
    '{',
    '{,}',
    "{'a'}",
    "{'a' 1}",
    "{'a': }",
    "{'a': 1",
    "{'a': 1, 'b'",
    '{1: 2}',
    '(,)',
  ]) {
    refuses(header, /header: expected a Python dict: /);
  }
  for (const header of [
    "{'a': 1]",
    "{'a': 1}}",
    "{'a': 'b}",
    '{"a": 1} x',
    "{'a': nan}",
    "{'a': 1 2}",
    '@',
    "{'a': (1 2)}",
  ]) {
    refuses(header, /header: expected a Python dict: /);
  }
  for (const bracket of ['(', '[', '{', "{'a':"]) refuses(bracket.repeat(10_000), /expected at most 32 brackets/);
});

test('exactly the bytes of the array: neither fewer nor more', () => {
  const whole = npyBytes(npyHeader('<i4', [2, 1]), [1, 0, 0, 0, 2, 0, 0, 0]);
  open(whole);
  for (let length = 0; length < whole.length; length++) assertRefused(path, () => open(whole.subarray(0, length)), /./);
  assertRefused(path, () => open(whole.subarray(0, -1)), /truncated: expected 8 bytes for '<i4' \[2, 1\], got 7/);
  const longer = Buffer.concat([whole, Uint8Array.of(0)]);
  assertRefused(path, () => open(longer), /and nothing after them, got 1 bytes more/);
  const array = open(whole);
  truncateSync(path, whole.length - 1);
  assertRefused(path, () => array.load(), /truncated/);
});

test('an array that is too large for any file', () => {
  for (const shape of [[2 ** 50, 2 ** 50], new Array(64).fill(2 ** 50)]) {
    assertRefused(path, () => open(npyBytes(npyHeader('<f8', shape), [])), /truncated: expected .* bytes for/);
  }
  const empty = [...new Array(63).fill(2 ** 50), 0];
  assert.is(open(npyBytes(npyHeader('<f8', empty, true), [])).load().length, 0);
});

test('damage is noticed or harmless: no error but FileFormatError', () => {
  const data = Uint8Array.from({ length: 24 }, (_, n) => n);
  const whole = npyBytes(npyHeader('<i4', [3, 2], true).padEnd(100), data);
  const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const loads = (bytes: Uint8Array): void => {
    try {
      open(bytes).load();
    } catch (error) {
      assert.instance(error, FileFormatError, String(error));
    }
  };
  fc.assert(
    fc.property(damage, (changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      loads(bytes);
    }),
    effort(2000),
  );
  for (let bit = 0; bit < 8 * (whole.length - data.length); bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    loads(bytes);
  }
});

test.run();
