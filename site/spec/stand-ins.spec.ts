/** What answers the library on a page in place of Node gives what Node gives. */
import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as onAPage from '../engine/node/crypto.ts';
import { put } from '../engine/node/files.ts';
import * as files from '../engine/node/fs.ts';

test('digests of bytes, of text and of memory that threads share', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(1000)).fill(7);
  for (const parts of [[], ['é\u{1f642}'], [Uint8Array.of(1, 2, 3), 'x'], [shared.subarray(3, 900), shared]]) {
    const [ours, nodes] = [onAPage.createHash('sha256'), createHash('sha256')];
    for (const part of parts) {
      ours.update(part);
      nodes.update(part);
    }
    assert.is(ours.digest('hex'), nodes.digest('hex'));
  }
  assert.match(onAPage.randomBytes(6).toString(), /^[0-9a-f]{12}$/);
});

test('a file is read as it was put, and is another one when another is put in its place', () => {
  const status = (bigint: boolean) => {
    const file = files.openSync('a.bin', files.constants.O_RDONLY);
    const found = files.fstatSync(file, { bigint }) as { size: number | bigint; ino?: bigint; isFile(): boolean };
    files.closeSync(file);
    return found;
  };
  put('a.bin', Uint8Array.of(1, 2, 3));
  const [first, again] = [status(true), status(true)];
  assert.equal([first.size, status(false).size, first.isFile()], [3n, 3, true]);
  assert.is(first.ino, again.ino);
  put('a.bin', Uint8Array.of(4, 5, 6));
  assert.is.not(status(true).ino, first.ino);
});

test.run();
