import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileWriteError } from '../../src/core/errors.ts';
import { type FileData, keepAs, removeLeftovers, writeFileAtomically } from '../../src/core/files/atomic.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { visible } from '../../src/core/visible.ts';
import { effort } from '../laws/effort.ts';
import { temporaryFolder } from './temporary-folder.ts';

const root = temporaryFolder();
const onWindows = process.platform === 'win32';

/** A path in an empty folder. */
const freshPath = (): string => join(mkdtempSync(join(root, 'case-')), 'file');
const neighbours = (path: string): string[] => readdirSync(join(path, '..'));

/** Also that the message begins with the path. */
function assertRefused(path: string, data: FileData, words: RegExp): void {
  assert.throws(
    () => writeFileAtomically(path, data),
    (error: unknown) =>
      error instanceof FileWriteError &&
      error.message.startsWith(`${visible(path)}: cannot be written: `) &&
      words.test(error.message),
  );
}

test('what is written is there, byte for byte, and nothing else is', () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 5 });
  fc.assert(
    fc.property(chunks, fc.string({ unit: 'binary' }), (parts, text) => {
      const whole = Buffer.concat(parts);
      const path = freshPath();
      for (const data of [whole, parts, new Set(parts)]) {
        writeFileAtomically(path, data);
        const expected = data instanceof Set ? Buffer.concat([...data]) : whole;
        assert.ok(readFileSync(path).equals(expected));
      }
      writeFileAtomically(path, text);
      assert.ok(readFileSync(path).equals(Buffer.from(text, 'utf8')));
      assert.equal(neighbours(path), ['file']);
    }),
    effort(30),
  );
});

test('memory of tensors, which is shared between threads, is written as it is', () => {
  const numbers = elements(fromArray([1, -2, 3.5], [3]));
  const path = freshPath();
  writeFileAtomically(path, new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  assert.equal(new Float32Array(Uint8Array.from(readFileSync(path)).buffer), Float32Array.of(1, -2, 3.5));
});

test('until all is written a reader sees the old content', () => {
  const path = freshPath();
  const seen: string[] = [];
  function* chunks(): Generator<Uint8Array> {
    for (const word of ['new ', 'content']) {
      seen.push(readFileSync(path, 'utf8'));
      yield Buffer.from(word);
    }
    seen.push(readFileSync(path, 'utf8'));
  }
  writeFileAtomically(path, 'old');
  writeFileAtomically(path, chunks());
  assert.equal(seen, ['old', 'old', 'old']);
  assert.is(readFileSync(path, 'utf8'), 'new content');
});

test('a source that fails half way: its error comes out, nothing new is left, what was there stays', () => {
  const failure = new Error('no more chunks');
  function* chunks(): Generator<Uint8Array> {
    yield Buffer.from('half');
    throw failure;
  }
  const path = freshPath();
  const fails = (): void => {
    assert.throws(
      () => writeFileAtomically(path, chunks()),
      (error: unknown) => error === failure,
    );
  };
  fails();
  assert.equal(neighbours(path), []);
  writeFileAtomically(path, 'old');
  fails();
  assert.equal(neighbours(path), ['file']);
  assert.is(readFileSync(path, 'utf8'), 'old');
});

test('a name that cannot be taken in the end: nothing is left', () => {
  const path = freshPath();
  function* chunks(): Generator<Uint8Array> {
    yield Buffer.from('half');
    mkdirSync(join(path, 'inside'), { recursive: true });
  }
  assertRefused(path, chunks(), /./);
  assert.equal(neighbours(path), ['file']);
  assert.equal(readdirSync(path), ['inside']);
});

test('where no file can be, the message says why and nothing is left', () => {
  const path = freshPath();
  assertRefused(join(path, 'in', 'no', 'folder'), 'x', /there is no folder /);
  assertRefused('', 'x', /./);
  assertRefused(`${path}\0`, 'x', /no such path/);
  assertRefused(`${path}${'x'.repeat(300)}`, 'x', onWindows ? /./ : /too long/);
  mkdirSync(path);
  assertRefused(path, 'x', onWindows ? /./ : /it is a folder/);
  assert.equal(neighbours(path), ['file']);
  assert.equal(readdirSync(path), []);
  const file = freshPath();
  writeFileSync(file, 'old');
  assertRefused(join(file, 'below'), 'x', /./);
  assert.is(readFileSync(file, 'utf8'), 'old');
});

if (!onWindows && process.getuid?.() !== 0) {
  test('a folder in which nothing may be made', () => {
    const path = freshPath();
    chmodSync(join(path, '..'), 0o555);
    assertRefused(path, 'x', /permission denied/);
    assert.equal(neighbours(path), []);
    chmodSync(join(path, '..'), 0o755);
  });
}

if (process.platform === 'linux') {
  test('no file stays open, whatever happened', () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    const path = freshPath();
    writeFileAtomically(path, 'x');
    assert.throws(() => writeFileAtomically(path, [3 as never]));
    assertRefused(join(path, 'below'), 'x', /./);
    assert.is(open(), before);
  });
}

if (!onWindows) {
  test('a file that is replaced keeps its permissions', () => {
    const path = freshPath();
    writeFileSync(path, 'old');
    for (const mode of [0o600, 0o664]) {
      chmodSync(path, mode);
      writeFileAtomically(path, 'new');
      assert.is(statSync(path).mode & 0o777, mode);
    }
  });

  test('a link stays one, and what it points to is replaced', () => {
    const target = freshPath();
    writeFileSync(target, 'old');
    const link = freshPath();
    symlinkSync(target, link);
    writeFileAtomically(link, 'new');
    assert.is(readFileSync(target, 'utf8'), 'new');
    writeFileSync(target, 'through the link');
    assert.is(readFileSync(link, 'utf8'), 'through the link');
  });

  const WRITE = '"$NODE" --import tsx -e "$PROGRAM"';
  /** Writes in a process of its own, which a line of shell starts by WRITE; gives what that prints. */
  const inShell = (line: string, path: string, bytes: number): string => {
    const module = JSON.stringify(new URL('../../src/core/files/atomic.ts', import.meta.url).href);
    const PROGRAM = `import(${module}).then(({ writeFileAtomically }) => {
      try {
        writeFileAtomically(${JSON.stringify(path)}, 'x'.repeat(${bytes}));
      } catch (error) {
        console.log(error.message);
      }
    })`;
    return execFileSync('sh', ['-c', line], {
      encoding: 'utf8',
      env: { ...process.env, NODE: process.execPath, PROGRAM },
    });
  };

  test('a pipe is written to as it is', () => {
    assert.is(inShell(`${WRITE} | cat`, '/dev/stdout', 5), 'xxxxx');
  });

  test('when the system stops in the middle, nothing new is left and what was there stays', () => {
    const path = freshPath();
    for (const content of ['', 'old']) {
      if (content !== '') writeFileSync(path, content);
      // A file may have so many blocks of 512 or 1024 bytes; with the signal ignored, writing more is an error.
      const printed = inShell(`trap '' XFSZ; ulimit -f 1000; ${WRITE}`, path, 5_000_000);
      assert.is(printed, `${path}: cannot be written: the file would be too large\n`);
      assert.equal(neighbours(path), content === '' ? [] : ['file']);
    }
    assert.is(readFileSync(path, 'utf8'), 'old');
  });
}

test('a file kept under a second name is the same until the first is written again, and leaves nothing else', () => {
  const path = freshPath();
  const kept = `${path}.kept`;
  writeFileAtomically(path, 'one');
  // Twice: both are names of one file by then.
  for (let n = 0; n < 2; n++) {
    keepAs(path, kept);
    assert.equal(neighbours(path), ['file', 'file.kept']);
  }
  writeFileAtomically(path, 'two');
  assert.equal(
    [path, kept].map((each) => readFileSync(each, 'utf8')),
    ['two', 'one'],
  );
  keepAs(path, kept);
  assert.is(readFileSync(kept, 'utf8'), 'two');
  assert.throws(
    () => keepAs(freshPath(), kept),
    (error: unknown) => error instanceof FileWriteError,
  );
  assert.is(readFileSync(kept, 'utf8'), 'two');
});

test('what a killed process left is removed; what is being written, and what is not ours, is not', () => {
  const path = freshPath();
  const folder = join(path, '..');
  // It has ended when this call returns.
  const ended = Number(execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }));
  const names = [`.efficient-transformers-${ended}-0a.tmp`, `.efficient-transformers-${process.pid}-0a.tmp`, 'a.tmp'];
  for (const name of names) writeFileSync(join(folder, name), '');
  removeLeftovers(folder);
  assert.equal(readdirSync(folder).sort(), names.slice(1).sort());
  removeLeftovers(join(folder, 'nowhere'));
});

test.run();
