/** .npz files: as NumPy writes them, as they might be, and as nobody should be able to make them hurt. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { writeNpy } from '../../src/core/files/npy.ts';
import { readNpz } from '../../src/core/files/npz.ts';
import { effort } from '../laws/effort.ts';
import { arraysToStore, assertRefused, assertSameBits, npyBytes, npyHeader } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';
import { BY_NUMPY, type ZipOptions, zipBytes } from './zip-cases.ts';

const folder = temporaryFolder();
const path = join(folder, 'test.npz');

function open(bytes: Uint8Array) {
  writeFresh(path, bytes);
  return readNpz(path);
}

function npyOf(array: Parameters<typeof writeNpy>[1]): Buffer {
  const at = join(folder, 'array.npy');
  writeNpy(at, array);
  return readFileSync(at);
}

test('files that NumPy wrote are read', () => {
  for (const [by, text] of Object.entries(BY_NUMPY)) {
    const arrays = open(Buffer.from(text, 'base64'));
    assert.equal([...arrays.keys()], ['a', 'layer.b'], by);
    const [a, b] = [...arrays.values()].map((each) => each());
    assert.equal([a.shape, a.storedAs, b.shape, b.storedAs], [[2, 3], '<f4', [2], '|b1']);
    assert.equal([a.load(), b.load()], [Float32Array.of(0, 1, 2, 3, 4, 5), Uint8Array.of(1, 0)]);
  }
});

const options: fc.Arbitrary<ZipOptions> = fc.record({
  deflated: fc.boolean(),
  wide: fc.boolean(),
  wideEnd: fc.boolean(),
  // With what looks like the record of the end.
  comment: fc.constantFrom('', 'made by hand', 'PK\x05\x06', `PK\x05\x06${'x'.repeat(18)}`),
});

test('any arrays by any names, stored or deflated, with zip64 or without, come back to the bit', () => {
  const name = fc.string({ maxLength: 8 }).filter((each) => !/\p{Cs}/u.test(each));
  const named = fc.uniqueArray(fc.tuple(name, arraysToStore), { maxLength: 4, selector: ([each]) => each });
  fc.assert(
    fc.property(named, options, (arrays, how) => {
      const other = ['notes.txt', Buffer.from('no array')] as const;
      const files = arrays.map(([each, array]) => [`${each}.npy`, npyOf(array)] as const);
      const read = open(zipBytes([...files.slice(0, 1), other, ...files.slice(1)], how));
      assert.equal(
        [...read.keys()],
        arrays.map(([each]) => each),
      );
      for (const [each, array] of arrays) {
        const stored = read.get(each)!();
        assert.equal(stored.shape, array.shape);
        assertSameBits(stored.load(), array.data);
      }
    }),
    effort(60),
  );
});

test('a long array that packs well is read from its first bytes on', () => {
  const data = Float32Array.from({ length: 2 ** 20 }, (_, n) => n >> 14);
  for (const deflated of [false, true]) {
    const array = open(zipBytes([['x.npy', npyOf({ shape: [2 ** 10, 2 ** 10], data })]], { deflated })).get('x')!();
    assert.equal(array.shape, [1024, 1024]);
    assertSameBits(array.load(), data);
  }
});

const sample = (how: ZipOptions = {}) => {
  return zipBytes([['x.npy', npyOf({ shape: [64], data: Float32Array.from({ length: 64 }, (_, n) => n % 3) })]], how);
};
/** Where the directory begins, and its record of the end. */
const placesOf = (bytes: Buffer) => ({ entry: bytes.indexOf('PK\x01\x02'), end: bytes.lastIndexOf('PK\x05\x06') });
const readAll = (bytes: Uint8Array) => {
  for (const each of open(bytes).values()) each().load();
};

test('what is no archive, is cut off, or contradicts itself is refused before it is believed', () => {
  const refuses = (bytes: Uint8Array, words: RegExp) => assertRefused(path, () => readAll(bytes), words);
  const changed = (how: ZipOptions, change: (bytes: Buffer, at: ReturnType<typeof placesOf>) => void) => {
    const bytes = sample(how);
    change(bytes, placesOf(bytes));
    return bytes;
  };
  readAll(sample());
  readAll(sample({ deflated: true, wide: true, wideEnd: true }));
  refuses(Buffer.alloc(0), /truncated, or not a \.zip archive/);
  refuses(npyBytes(npyHeader('<f4', [1]), [0, 0, 0, 0]), /truncated, or not a \.zip archive/);
  refuses(sample().subarray(0, -1), /truncated, or not a \.zip archive/);
  const far = /directory: expected \d+ bytes from byte \d+ on, got a file of \d+/;
  refuses(
    changed({}, (bytes, { end }) => bytes.writeUInt32LE(2 ** 31, end + 16)),
    far,
  );
  refuses(
    changed({}, (bytes, { end }) => bytes.writeUInt32LE(2 ** 31, end + 12)),
    far,
  );
  refuses(
    changed({}, (bytes, { end }) => bytes.writeUInt16LE(2, end + 10)),
    /expected 2 members, got 1/,
  );
  refuses(
    changed({}, (bytes, { end }) => bytes.writeUInt16LE(1, end + 4)),
    /expected an archive in one part/,
  );
  refuses(
    changed({}, (bytes, { end }) => bytes.writeUInt16LE(0xffff, end + 10)),
    /expected a record of zip64/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt8(0, entry)),
    /entry 0: expected an entry/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt16LE(999, entry + 28)),
    /entry 0: goes beyond the directory/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt32LE(0xffffffff, entry + 20)),
    /expected numbers of zip64/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt32LE(9999, entry + 20)),
    /x\.npy: expected 9999 bytes before/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt32LE(entry - 20, entry + 42)),
    /before the directory/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt32LE(8, entry + 42)),
    /x\.npy: expected a header before its/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt16LE(1, entry + 8)),
    /x\.npy: expected .* not encrypted/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt16LE(12, entry + 10)),
    /stored or deflated, got method 12/,
  );
  refuses(
    changed({}, (bytes) => bytes.writeUInt16LE(0xffff, 28)),
    /x\.npy: expected \d+ bytes, got 0 before/,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt32LE(4, entry + 24)),
    /expected 4 bytes, which \d+ bytes in the archive cannot expand to/,
  );
  refuses(
    changed({ deflated: true }, (bytes, { entry }) => bytes.writeUInt32LE(2 ** 31, entry + 24)),
    /expected 2147483648 bytes, which \d+ bytes in the archive cannot expand to/,
  );
  refuses(
    changed({ deflated: true, wide: true }, (bytes, { entry }) =>
      bytes.writeBigUInt64LE(2n ** 62n, entry + 46 + 5 + 7 + 4),
    ),
    /in the archive cannot expand to/,
  );
  const other = /damaged: its bytes do not match/;
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt8(1, entry - 1)),
    other,
  );
  refuses(
    changed({}, (bytes, { entry }) => bytes.writeUInt32LE(1, entry + 16)),
    other,
  );
  refuses(
    changed({ deflated: true }, (bytes, { entry }) => bytes.writeUInt32LE(1, entry + 16)),
    other,
  );
  refuses(
    changed({ deflated: true }, (bytes, { entry }) => bytes.fill(0xff, entry - 20, entry)),
    /damaged|inflated|expected/,
  );
  refuses(zipBytes([['x.npy', Buffer.from('no array')]]), /x\.npy: expected a \.npy file, got another format/);
  refuses(
    zipBytes([['x.npy', npyBytes(npyHeader('<f4', [2]), [1, 2, 3, 4])]], { deflated: true }),
    /x\.npy: truncated: expected 8 bytes for '<f4' \[2\], got 4/,
  );
  const twice = npyBytes(npyHeader('<f4', [0]), []);
  refuses(
    zipBytes([
      ['x.npy', twice],
      ['x.npy', twice],
    ]),
    /expected one array x, got two/,
  );
});

test('an array that nobody can read leaves the others', () => {
  const arrays = open(
    zipBytes([
      ['objects.npy', npyBytes(npyHeader('|O', [1]), [1])],
      ['x.npy', npyBytes(npyHeader('|u1', [2]), [1, 2])],
    ]),
  );
  assert.equal(arrays.get('x')!().load(), Uint8Array.of(1, 2));
  assertRefused(path, () => arrays.get('objects')!(), /objects\.npy: header: .*pickled/);
});

test('a file with any byte changed is refused as a file, or read', () => {
  for (const how of [{}, { deflated: true }, { wide: true, wideEnd: true }]) {
    const whole = sample(how);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at] ^= change;
        try {
          readAll(bytes);
        } catch (error) {
          assert.instance(error, FileFormatError, `${error}`);
        }
      }),
      effort(300),
    );
  }
});

test.run();
