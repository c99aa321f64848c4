/** Readers take the bytes of a file as they take its path. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError } from '../../src/core/errors.ts';
import type { FileOrBytes } from '../../src/core/files/given.ts';
import { readNpy, writeNpy } from '../../src/core/files/npy.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { effort } from '../laws/effort.ts';
import { temporaryFolder } from './temporary-folder.ts';

const folder = temporaryFolder();
const [npy, safetensors] = ['a.npy', 'a.safetensors'].map((name) => join(folder, name));
const data = Float32Array.from({ length: 6 }, (_, n) => n / 7);
writeNpy(npy, { shape: [2, 3], data });
writeSafetensors(safetensors, [['x', { shape: [6], data }]], [['k', 'v']], { digest: true });

/** The same bytes in every form that is taken: of their own, in a larger buffer, in memory that threads share. */
function formsOf(bytes: Uint8Array): FileOrBytes[] {
  const own = Uint8Array.from(bytes);
  const larger = new Uint8Array(bytes.length + 13);
  larger.set(bytes, 5);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return [own, own.buffer, larger.subarray(5, 5 + bytes.length), shared];
}

test('bytes in any form give what the file gives', () => {
  for (const form of formsOf(readFileSync(npy))) {
    const { shape, dtype, load } = readNpy(form);
    assert.equal([shape, dtype, load()], [[2, 3], 'float32', data]);
  }
  for (const form of formsOf(readFileSync(safetensors))) {
    const { tensors, metadata, verify } = readSafetensors(form);
    assert.equal([metadata.get('k'), verify(), tensors.get('x')?.load()], ['v', true, data]);
  }
});

test('what is loaded is not the bytes themselves', () => {
  const bytes = Uint8Array.from(readFileSync(npy));
  const { load } = readNpy(bytes);
  load().fill(0);
  assert.equal(load(), data);
});

test('bytes that are cut off are refused as the file is', () => {
  const messageOf = (read: () => unknown): string => {
    try {
      read();
      return '';
    } catch (error) {
      assert.instance(error, FileFormatError);
      return (error as Error).message;
    }
  };
  for (const [path, read] of [
    [npy, (file: FileOrBytes) => readNpy(file).load()],
    [safetensors, (file: FileOrBytes) => readSafetensors(file).tensors.get('x')?.load()],
  ] as const) {
    const whole = Uint8Array.from(readFileSync(path));
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), (length) => {
        const part = whole.subarray(0, length);
        const cut = join(folder, 'cut');
        writeFileSync(cut, part);
        const said = messageOf(() => read(part));
        assert.match(said, /^the bytes given: /);
        assert.is(
          said.replace('the bytes given', cut),
          messageOf(() => read(cut)),
        );
      }),
      effort(30),
    );
  }
});

test('what is neither a path nor bytes is refused by name', () => {
  for (const given of [undefined, 3, new Float32Array(2), new DataView(new ArrayBuffer(2)), [1]]) {
    for (const read of [readNpy, readSafetensors] as ((file: unknown) => unknown)[]) {
      assert.throws(
        () => read(given),
        (error: unknown) => error instanceof ArgumentError && /^file: .*expected a path, or bytes/.test(error.message),
      );
    }
  }
});

test.run();
