/** Folders are made one level at a time, and what cannot be made is refused by name. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileWriteError } from '../../src/core/errors.ts';
import { makeFolder } from '../../src/core/files/folder.ts';
import { isFolder } from '../../src/core/files/system-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'efficient-transformers-'));
test.after(() => rmSync(folder, { recursive: true }));

test('a folder is made with its parents, and one that is there stays', () => {
  const deep = join(folder, 'a', 'b', 'c');
  makeFolder(deep);
  writeFileSync(join(deep, 'file'), 'kept');
  makeFolder(deep);
  assert.ok(isFolder(deep));
  assert.ok(existsSync(join(deep, 'file')));
  makeFolder(`${join(folder, 'slash')}/`);
  assert.ok(isFolder(join(folder, 'slash')));
});

test('what cannot be a folder is refused by name, and leaves nothing', () => {
  writeFileSync(join(folder, 'file'), '');
  for (const path of [join(folder, 'file'), join(folder, 'file', 'x'), join(folder, 'x'.repeat(300))]) {
    assert.throws(
      () => makeFolder(path),
      (error: Error) => error instanceof FileWriteError && error.message.startsWith(`${path}: cannot be written: `),
    );
  }
  assert.equal(readdirSync(folder).sort(), ['a', 'file', 'slash']);
  if (process.platform !== 'linux') return;
  // Node's own recursion never ends there.
  assert.throws(() => makeFolder('/proc/x/y'), /^\/proc\/x\/y: cannot be written: no such file or folder/);
});

test.run();
