/** A file that holds a digest of itself: every bit of it counts. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import type { ArrayToStore } from '../../src/core/files/numbers.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';
import { arraysToStore, assertRefused, assertSameBits } from './file-cases.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const path = join(temporaryFolder(), 'file.safetensors');

const contents = fc.tuple(
  fc.dictionary(
    fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__' && name !== '__proto__'),
    arraysToStore,
    { maxKeys: 4, noNullPrototype: true },
  ),
  fc.dictionary(
    fc.string({ unit: 'grapheme' }).filter((name) => name !== 'digest' && name !== '__proto__'),
    fc.string({ unit: 'grapheme' }),
    { maxKeys: 4, noNullPrototype: true },
  ),
);

test('what was written with a digest is read as it was written, and is verified', () => {
  fc.assert(
    fc.property(contents, ([tensors, metadata]) => {
      writeSafetensors(path, Object.entries(tensors), Object.entries(metadata), { digest: true });
      const read = readSafetensors(path);
      assert.is(read.verify(), true);
      assert.match(read.metadata.get('digest') as string, /^sha256:[0-9a-f]{64}$/);
      for (const [name, { data }] of Object.entries(tensors)) assertSameBits(read.tensors.get(name)!.load(), data);
      assert.equal(Object.fromEntries([...read.metadata].filter(([key]) => key !== 'digest')), metadata);
    }),
    effort(200),
  );
});

test('a file without a digest is not verified, and not refused', () => {
  writeSafetensors(path, [['x', { shape: [1], data: Float32Array.of(1) }]]);
  assert.is(readSafetensors(path).verify(), false);
});

test('every flipped bit is noticed, wherever it is', () => {
  const tricky = { 'a"digest":"b': 'x', text: '"digest":"sha256:0000"' };
  const array: ArrayToStore = { shape: [3], data: Float32Array.of(1, -2, 3) };
  writeSafetensors(
    path,
    [
      ['x', array],
      ['bytes', { shape: [2], data: Uint8Array.of(1, 2) }],
    ],
    Object.entries(tricky),
    { digest: true },
  );
  const whole = readFileSync(path);
  const headerEnd = 8 + Number(whole.readBigUInt64LE());
  let unnoticed = 0;
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    writeFresh(path, bytes);
    try {
      // In the name of the digest itself, where whoever needs one has to ask for it: see the version of checkpoints.
      if (!readSafetensors(path).verify()) unnoticed++;
    } catch (error) {
      assert.instance(error, FileFormatError, `bit ${bit}`);
      continue;
    }
    assert.ok(bit < 8 * headerEnd, `bit ${bit} of the data`);
    assert.not.ok(readSafetensors(path).metadata.has('digest'), `bit ${bit} of the header`);
  }
  assert.ok(unnoticed <= 8 * 'digest'.length, `${unnoticed} bits`);
});

test('bytes that moved from one place to another are noticed too', () => {
  writeSafetensors(path, [['x', { shape: [4], data: Float32Array.of(1, 2, 3, 4) }]], [], { digest: true });
  const whole = readFileSync(path);
  const swapped = Buffer.concat([whole.subarray(0, -8), whole.subarray(-4), whole.subarray(-8, -4)]);
  writeFileSync(path, swapped);
  const read = readSafetensors(path);
  assertRefused(path, () => read.verify(), /damaged: its bytes do not match the digest/);
});

test('of a large file, in parts; and of tensors in memory that threads share', () => {
  scope(() => {
    const large = elements(
      fromArray(
        Float32Array.from({ length: 3_000_001 }, (_, n) => Math.sin(n)),
        [3_000_001],
      ),
    );
    writeSafetensors(path, [['x', { shape: [3_000_001], data: large }]], [], { digest: true });
    const read = readSafetensors(path);
    assert.is(read.verify(), true);
    assertSameBits(read.tensors.get('x')!.load(), large);
  });
});

test('a digest that somebody else put there is theirs', () => {
  assert.throws(
    () => writeSafetensors(path, [], [['digest', 'x']], { digest: true }),
    /metadata: the name digest is taken/,
  );
  writeSafetensors(path, [], [['digest', 'mine']]);
  const read = readSafetensors(path);
  assert.is(read.metadata.get('digest'), 'mine');
  assertRefused(path, () => read.verify(), /damaged/);
});

test.run();
