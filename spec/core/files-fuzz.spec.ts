/**
 * Files drawn at random from the grammar of their format, right and wrong in all combinations: a reader takes exactly those
 * that the format allows, by a second wording of its rules, and what a header claims costs no memory.
 */

import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import { readNpy } from '../../src/core/files/npy.ts';
import type { StoredArray } from '../../src/core/files/numbers.ts';
import { readSafetensors } from '../../src/core/files/safetensors.ts';
import { effort } from '../laws/effort.ts';
import { npyBytes, npyHeader, safetensorsBytes } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const path = join(temporaryFolder(), 'test');
const SIZES: Record<string, number> = { F64: 8, F32: 4, BF16: 2, I64: 8, I32: 4, U8: 1 };

/** What the bytes hold, or null where they are refused, which must be by FileFormatError. */
function opened(read: () => StoredArray[], bytes: Uint8Array): StoredArray[] | null {
  writeFresh(path, bytes);
  try {
    return read();
  } catch (error) {
    assert.instance(error, FileFormatError, String(error));
    assert.ok((error as Error).message.startsWith(`${path}: `));
    return null;
  }
}
const openSafetensors = (bytes: Uint8Array) => opened(() => [...readSafetensors(path).tensors.values()], bytes);
const openNpy = (bytes: Uint8Array) => opened(() => [readNpy(path)], bytes);

interface Entry {
  dtype: unknown;
  shape: unknown;
  data_offsets: unknown;
}

/** Tensors that tile their data, and then a few changes to them. */
const headers = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom(...Object.keys(SIZES)), fc.array(fc.nat(3), { maxLength: 3 })), { maxLength: 4 }),
    fc.array(
      fc.record({
        entry: fc.nat(3),
        field: fc.constantFrom<keyof Entry>('dtype', 'shape', 'data_offsets'),
        place: fc.nat(2),
        value: fc.oneof(
          fc.integer({ min: -2, max: 12 }),
          fc.constantFrom(2 ** 31, 2 ** 53, 2 ** 63, 1e308, 0.5, -1e-9, null, '4', 'F32', 'F128', [], {}),
        ),
      }),
      { maxLength: 2 },
    ),
    fc.constantFrom(0, 0, 0, 1, -1, 8),
  )
  .map(([tensors, changes, more]) => {
    let end = 0;
    const entries = tensors.map(([dtype, shape]): Entry => {
      const begin = end;
      end += shape.reduce((size, extent) => size * extent, SIZES[dtype]);
      return { dtype, shape, data_offsets: [begin, end] };
    });
    for (const { entry, field, place, value } of changes) {
      if (entry >= entries.length) continue;
      const old = entries[entry][field];
      if (Array.isArray(old) && place < old.length) entries[entry][field] = old.with(place, value);
      else entries[entry][field] = value;
    }
    return { entries, dataBytes: Math.max(0, end + more) };
  });

/** The format's rules once more: integers, sizes, each byte of the data in one tensor, and none that begins in another. */
function allowed(entries: readonly Entry[], dataBytes: number): boolean {
  const used = new Uint8Array(dataBytes);
  const places: [begin: number, end: number][] = [];
  for (const { dtype, shape, data_offsets: offsets } of entries) {
    const whole = (list: unknown): list is number[] =>
      Array.isArray(list) && list.every((each) => Number.isSafeInteger(each) && each >= 0);
    if (typeof dtype !== 'string' || !(dtype in SIZES) || !whole(shape) || !whole(offsets)) return false;
    if (offsets.length !== 2 || offsets[1] - offsets[0] !== shape.reduce((a, b) => a * b, SIZES[dtype])) return false;
    if (offsets[1] > dataBytes) return false;
    places.push([offsets[0], offsets[1]]);
    for (let byte = offsets[0]; byte < offsets[1]; byte++) used[byte]++;
  }
  const inside = places.some(([at]) => places.some(([begin, end]) => begin < at && at < end));
  return !inside && used.every((times) => times === 1);
}

test('safetensors: exactly the headers are taken that the format allows', () => {
  const counts = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(headers, ({ entries, dataBytes }) => {
      const header = JSON.stringify(Object.fromEntries(entries.map((entry, n) => [`t${n}`, entry])));
      const found = openSafetensors(safetensorsBytes(header, new Uint8Array(dataBytes)));
      assert.is(found !== null, allowed(entries, dataBytes));
      counts[found === null ? 'refused' : 'taken']++;
      if (found === null) return;
      assert.is(found.length, entries.length);
      for (const { shape, load } of found) {
        assert.is(
          load().length,
          shape.reduce((a, b) => a * b, 1),
        );
      }
    }),
    effort(1500),
  );
  assert.ok(counts.taken > 200 && counts.refused > 200, JSON.stringify(counts));
});

test('safetensors: a header that is longer or shorter than the file says is refused', () => {
  const header = JSON.stringify({ a: { dtype: 'U8', shape: [6], data_offsets: [0, 6] } });
  const whole = safetensorsBytes(header, [255, 255, 255, 255, 255, 255]);
  const lengths = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 200n }));
  fc.assert(
    fc.property(lengths, (length) => {
      const bytes = Buffer.from(whole);
      bytes.writeBigUInt64LE(length);
      assert.is(openSafetensors(bytes) !== null, length === BigInt(header.length));
    }),
    effort(500),
  );
});

test('npy: exactly the arrays are taken whose numbers are there', () => {
  const kinds = fc.constantFrom<[string, number]>(['<f8', 8], ['>f4', 4], ['<f2', 2], ['|u1', 1], ['<i8', 8]);
  const extents = fc.oneof(
    fc.nat(4),
    fc.constantFrom('-1', '-0.5', '1.5', '2e0', '0x2', '1_0', '9007199254740993', `${2 ** 50}`, 'None', "'2'"),
  );
  const counts = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(
      kinds,
      fc.array(extents, { maxLength: 3 }),
      fc.constantFrom(0, 0, 1, -1, 8),
      ([descr, size], shape, more) => {
        const numbers = shape.map(Number);
        const real = shape.every((extent) => typeof extent === 'number' || /^\d+$/.test(extent));
        const bytes = numbers.reduce((product, extent) => product * extent, size);
        const held = Number.isSafeInteger(bytes) && bytes >= 0 && bytes < 4096 ? bytes : 0;
        const given = Math.max(0, held + more);
        const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.map((n) => `${n}, `).join('')}), }\n`;
        const found = openNpy(npyBytes(header, new Uint8Array(given)));
        const safe = numbers.every(Number.isSafeInteger);
        assert.is(found !== null, real && safe && bytes === given);
        counts[found === null ? 'refused' : 'taken']++;
        if (found !== null) assert.is(found[0].load().length, bytes / size);
      },
    ),
    effort(1500),
  );
  assert.ok(counts.taken > 100 && counts.refused > 200, JSON.stringify(counts));
});

test('npy: a header that is longer or shorter than the file says is refused', () => {
  for (const version of [1, 2, 3]) {
    const header = npyHeader('<i4', [2]);
    const whole = npyBytes(header, [255, 255, 255, 255, 255, 255, 255, 255], version);
    const width = version === 1 ? 2 : 4;
    const lengths = fc.oneof(fc.nat(2 ** (8 * width) - 1), fc.nat(100));
    fc.assert(
      fc.property(lengths, (length) => {
        const bytes = Buffer.from(whole);
        bytes.writeUIntLE(length, 8, width);
        assert.is(openNpy(bytes) !== null, length === header.length);
      }),
      effort(200),
    );
  }
});

test('what a header claims is not reserved: a small file costs little memory, whatever it says', () => {
  const before = process.memoryUsage().arrayBuffers;
  const claims = fc.array(fc.integer({ min: 2 ** 12, max: 2 ** 26 }), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(claims, (shape) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const entry = { dtype: 'U8', shape, data_offsets: [0, size] };
      assert.is(openSafetensors(safetensorsBytes(JSON.stringify({ a: entry }), [1, 2, 3, 4])), null);
      assert.is(openNpy(npyBytes(npyHeader('|u1', shape), [1, 2, 3, 4])), null);
      const lying = safetensorsBytes('{}');
      lying.writeBigUInt64LE(BigInt(shape[0]));
      assert.is(openSafetensors(lying), null);
      const long = npyBytes(npyHeader('|u1', [4]), [1, 2, 3, 4], 2);
      long.writeUInt32LE(shape[0], 8);
      assert.is(openNpy(long), null);
      // Each claim is of 16 MiB at least; what is kept of the files themselves is a few kilobytes a run.
      assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
    }),
    effort(200),
  );
});

test.run();
