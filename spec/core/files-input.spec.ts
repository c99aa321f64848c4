/** What is read is a file, the one that was opened, and nothing that could be waited for. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError, MemoryError } from '../../src/core/errors.ts';
import { BLOCK, FileIdentity } from '../../src/core/files/file-identity.ts';
import { InputFile } from '../../src/core/files/input-file.ts';
import { readJson } from '../../src/core/files/json.ts';
import { readNpy, writeNpy } from '../../src/core/files/npy.ts';
import { readSafetensors, writeSafetensors } from '../../src/core/files/safetensors.ts';
import { entryAt, isFolder, isMissing, namesIn } from '../../src/core/files/system-error.ts';
import { readText } from '../../src/core/files/text.ts';
import { effort } from '../laws/effort.ts';
import { assertRefused } from './file-cases.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
const onWindows = process.platform === 'win32';
const freshPath = (): string => join(mkdtempSync(join(root, 'case-')), 'file');
const bytesOf = (text: string) => Buffer.from(text);

test('parts of a file are what is there, read in any order', () => {
  const cases = fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.array(fc.tuple(fc.nat(200_000), fc.nat(200_000))));
  fc.assert(
    fc.property(cases, ([size, parts]) => {
      const path = freshPath();
      const whole = Buffer.from(Uint8Array.from({ length: size }, (_, n) => (n * 7919) >> 3));
      writeFileSync(path, whole);
      const file = new InputFile(path);
      assert.is(file.size, size);
      for (const [a, b] of parts) {
        const [begin, end] = [Math.min(a, b, size), Math.min(Math.max(a, b), size)];
        assert.ok(Buffer.from(file.read(begin, end)).equals(whole.subarray(begin, end)));
      }
      assert.ok(Buffer.from(file.readAll()).equals(whole));
    }),
    effort(20),
  );
});

/** Ways in which other bytes, of the same size, get to where a file was. */
const REPLACEMENTS: Record<string, (path: string, other: Buffer) => void> = {
  'written over': (path, other) => writeFileSync(path, other),
  'written over, its time set back': (path, other) => {
    const { atime, mtime } = statSync(path);
    writeFileSync(path, other);
    utimesSync(path, atime, mtime);
  },
  'renamed to': (path, other) => {
    writeFileSync(`${path}.new`, other);
    renameSync(`${path}.new`, path);
  },
  'renamed to, with the same time': (path, other) => {
    const { atime, mtime } = statSync(path);
    writeFileSync(`${path}.new`, other);
    utimesSync(`${path}.new`, atime, mtime);
    renameSync(`${path}.new`, path);
  },
  'removed and made anew': (path, other) => {
    rmSync(path);
    writeFileSync(path, other);
  },
  'cut off and written to the end again': (path, other) => {
    truncateSync(path, 1);
    writeFileSync(path, other);
  },
};

for (const [name, replace] of Object.entries(REPLACEMENTS)) {
  test(`a file that was ${name} is not read for the one that was opened`, () => {
    // More often than the clock of a file system ticks.
    for (let n = 0; n < 40; n++) {
      const path = freshPath();
      writeFileSync(path, bytesOf('these bytes'));
      const file = new InputFile(path);
      assert.equal(Buffer.from(file.readAll()), bytesOf('these bytes'));
      replace(path, bytesOf('other bytes'));
      assertRefused(path, () => file.readAll(), /has changed since it was opened/);
      assert.equal(Buffer.from(new InputFile(path).readAll()), bytesOf('other bytes'));
    }
  });
}

test('of a file that was opened long after it was written too, and of one too large to be compared at once', () => {
  const old = freshPath();
  writeFileSync(old, 'these bytes');
  utimesSync(old, 1e9, 1e9);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  const large = freshPath();
  writeFileSync(large, Buffer.alloc(2 ** 24 + 2 ** 20, 1));
  for (const [path, other] of [
    [old, bytesOf('other bytes')],
    [large, Buffer.alloc(2 ** 24 + 2 ** 20, 2)],
  ] as const) {
    const file = new InputFile(path);
    const before = Buffer.from(file.read(3, 9));
    assert.equal(Buffer.from(file.read(3, 9)), before);
    writeFileSync(path, other);
    assertRefused(path, () => file.read(3, 9), /has changed since it was opened/);
  }
});

test('a file that is opened a moment after it was written is compared by its bytes, an older one by its times', () => {
  const path = freshPath();
  const whole = Buffer.alloc(3 * BLOCK + 5, 'bytes');
  writeFileSync(path, whole);
  const identity = () => {
    const file = openSync(path, 'r');
    try {
      return new FileIdentity(file);
    } finally {
      closeSync(file);
    }
  };
  const young = identity();
  assert.ok(young.comparesBlocks);
  assert.ok(young.hasBlocks(whole, 0) && young.hasBlocks(whole.subarray(2 * BLOCK), 2 * BLOCK));
  for (const at of [0, BLOCK - 1, BLOCK, 3 * BLOCK + 4]) {
    const other = Buffer.from(whole);
    other[at] ^= 1;
    assert.not.ok(young.hasBlocks(other, 0), `byte ${at}`);
  }
  utimesSync(path, 1e9 + 0.5, 1e9 + 0.5);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
  assert.not.ok(identity().comparesBlocks);
});

if (!onWindows) {
  test('a link that leads elsewhere is another file', () => {
    const [one, two, link] = [freshPath(), freshPath(), freshPath()];
    for (const path of [one, two]) writeFileSync(path, path === one ? 'one' : 'two');
    symlinkSync(one, link);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    const file = new InputFile(link);
    rmSync(link);
    symlinkSync(two, link);
    assertRefused(link, () => file.readAll(), /has changed since it was opened/);
  });
}

test('a file that is gone, shorter or of another kind says so', () => {
  const path = freshPath();
  writeFileSync(path, 'these bytes');
  const file = new InputFile(path);
  truncateSync(path, 5);
  assertRefused(path, () => file.readAll(), /truncated: expected 11 bytes, got 5/);
  rmSync(path);
  assertRefused(path, () => file.readAll(), /cannot be read: no such file/);
  mkdirSync(path);
  assertRefused(path, () => file.readAll(), /cannot be read: it is a folder/);
});

test('tensors of a replaced file are refused, of an npy and of a safetensors file', () => {
  const [npy, safetensors] = [freshPath(), freshPath()];
  const array = { shape: [2], data: Float32Array.of(1, 2) };
  const other = { shape: [2], data: Float32Array.of(3, 4) };
  writeNpy(npy, array);
  writeSafetensors(safetensors, [['x', array]]);
  const loads = [readNpy(npy).load, readSafetensors(safetensors).tensors.get('x')!.load];
  for (const load of loads) assert.equal(load(), array.data);
  writeNpy(npy, other);
  writeSafetensors(safetensors, [['x', other]]);
  for (const load of loads) assert.throws(load, /has changed since it was opened/);
});

/** Everything that reads a path, as far as opening it. */
const READERS: Record<string, (path: string) => unknown> = {
  InputFile: (path) => new InputFile(path),
  readText: (path) => readText(path, 1000),
  readJson: (path) => readJson(path),
  readNpy,
  readSafetensors,
};

test('what is no file is refused at once, by each reader', async () => {
  const folder = freshPath();
  mkdirSync(folder);
  const file = join(folder, 'file');
  writeFileSync(file, 'x');
  const refusals: [string, RegExp][] = [
    [folder, /it is a folder/],
    [join(folder, 'missing'), /no such file or folder/],
    [join(file, 'below'), onWindows ? /./ : /a part of the path is not a folder/],
    [join(folder, 'x'.repeat(300)), onWindows ? /./ : /the name is too long/],
    [join(folder, 'a\0b'), /no such path can exist/],
    ['', /no such file or folder/],
  ];
  if (!onWindows) {
    const [fifo, loop, dangling, socket, closed] = ['fifo', 'loop', 'dangling', 's', 'closed'].map((name) =>
      join(folder, name),
    );
    execFileSync('mkfifo', [fifo]);
    symlinkSync(loop, loop);
    symlinkSync(join(folder, 'nothing'), dangling);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    process.on('exit', () => server.close());
    server.unref();
    mkdirSync(closed);
    writeFileSync(join(closed, 'inside'), 'x');
    writeFileSync(join(folder, 'unreadable'), 'x');
    chmodSync(closed, 0);
    chmodSync(join(folder, 'unreadable'), 0);
    refusals.push(
      [fifo, /a device or a pipe/],
      [socket, /a device or a pipe/],
      ['/dev/zero', /a device or a pipe/],
      ['/dev/null', /a device or a pipe/],
      [loop, /its links lead in a circle/],
      [dangling, /no such file or folder/],
    );
    // Root may look anywhere.
    if (process.getuid?.() !== 0) {
      refusals.push([join(closed, 'inside'), /permission denied/], [join(folder, 'unreadable'), /permission denied/]);
    }
  }
  for (const [name, read] of Object.entries(READERS)) {
    for (const [path, words] of refusals) {
      try {
        read(path);
        assert.unreachable(`${name} of ${path}`);
      } catch (error) {
        assert.instance(error, FileFormatError, `${name} of ${path}: ${error}`);
        assert.match((error as Error).message, words, name);
      }
    }
    assert.throws(
      () => read(5 as never),
      (error: unknown) => error instanceof ArgumentError,
    );
  }
});

test('a pointer of Git LFS is named as one by every reader, with what to do', () => {
  const oid = `oid sha256:${'0123456789abcdef'.repeat(4)}`;
  for (const end of ['\n', '\r\n']) {
    for (const [size, words] of [
      [[`size 3151848`], /: a pointer of Git LFS, not the file itself, of 3151848 bytes: run git lfs pull/],
      [[], /: a pointer of Git LFS, not the file itself: run git lfs pull in its repository, or download the file$/],
    ] as const) {
      const path = freshPath();
      writeFileSync(path, ['version https://git-lfs.github.com/spec/v1', oid, ...size, ''].join(end));
      for (const read of Object.values(READERS)) assertRefused(path, () => read(path), words);
    }
  }
  // A text about pointers is a text.
  const path = freshPath();
  const text = `A pointer begins with\nversion https://git-lfs.github.com/spec/v1\n${oid}\nsize 12\n`;
  writeFileSync(path, text);
  assert.is(readText(path), text);
});

test('a text or JSON is refused by its size, before a byte of it is read', () => {
  const path = freshPath();
  writeFileSync(path, '');
  truncateSync(path, 100 * 2 ** 30);
  for (const read of [() => readText(path, 2 ** 24), () => readJson(path)]) {
    assertRefused(path, read, /expected at most \d+ bytes, got 107374182400/);
  }
  assert.throws(
    () => new InputFile(path).readAll(),
    (error: unknown) => error instanceof MemoryError,
  );
});

test('questions about paths have answers, whatever the path is', () => {
  const file = freshPath();
  writeFileSync(file, 'x');
  for (const path of [join(file, 'below'), '', 'a\0b', `${file}${'x'.repeat(300)}`, `${file}.missing`]) {
    assert.is(entryAt(path), null, path);
    assert.not.ok(isFolder(path), path);
    assert.equal(namesIn(path), [], path);
  }
  assert.ok(entryAt(file)?.isFile());
  assert.ok(isFolder(join(file, '..')));
  assert.equal(namesIn(join(file, '..')), ['file']);
  assert.equal([isMissing(file), isMissing(`${file}.missing`), isMissing(join(file, 'below'))], [false, true, true]);
});

test.run();
