/** What stands in a browser for Node gives what Node gives, as far as the library asks. */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { deflateRawSync, inflateSync, inflateRawSync as nodesInflate, constants as zlib } from 'node:zlib';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError, UnsupportedError } from '../../src/core/errors.ts';
import * as crypto from '../../src/core/platform/crypto.browser.ts';
import * as files from '../../src/core/platform/fs.browser.ts';
import { pageFiles } from '../../src/core/platform/page-files.browser.ts';
import { pageFiles as filesOfNode } from '../../src/core/platform/page-files.node.ts';
import * as path from '../../src/core/platform/path.browser.ts';
import { constants, deflateSync, inflateRawSync } from '../../src/core/platform/zlib.browser.ts';

/** Long enough for the ends of blocks and for several of them. */
const bytes = fc.uint8Array({ maxLength: 300 });

test('digests of bytes and of text, in any pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(bytes, fc.string({ unit: 'grapheme' })), { maxLength: 6 }), (parts) => {
      const [ours, nodes] = [crypto.createHash('sha256'), createHash('sha256')];
      for (const part of parts) {
        ours.update(part);
        nodes.update(part);
      }
      assert.is(ours.digest('hex'), nodes.digest('hex'));
    }),
  );
  for (let length = 0; length <= 130; length++) {
    const some = new Uint8Array(length).fill(length);
    assert.is(crypto.createHash('sha256').update(some).digest('hex'), createHash('sha256').update(some).digest('hex'));
  }
});

test('digests of memory that threads share, and of a whole mebibyte', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(2 ** 20)).fill(7);
  for (const part of [shared.subarray(3, 900), shared]) {
    assert.is(crypto.createHash('sha256').update(part).digest('hex'), createHash('sha256').update(part).digest('hex'));
  }
});

test('random bytes, as hexadecimal digits', () => {
  const [one, other] = [crypto.randomBytes(16), crypto.randomBytes(16)].map((each) => each.toString('hex'));
  assert.match(one, /^[0-9a-f]{32}$/);
  assert.is.not(one, other);
});

test('paths are parted and joined as POSIX has it, where no part is . or ..', () => {
  const name = fc.stringMatching(/^[a-z.]{0,3}[a-z]{1,3}(\.[a-z]{1,2})?$/);
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 4 }), fc.boolean(), (names, isAbsolute) => {
      const whole = `${isAbsolute ? '/' : ''}${names.join('/')}`;
      const parts = [path.basename(whole), path.dirname(whole), path.extname(whole)];
      assert.equal(parts, [posix.basename(whole), posix.dirname(whole), posix.extname(whole)]);
      assert.is(path.join(...names), posix.join(...names));
      assert.is(path.join(whole, 'x.npy'), posix.join(whole, 'x.npy'));
    }),
  );
  assert.is(path.join('.', 'a'), posix.join('.', 'a'));
});

test('what is stored in the format of zlib is read by zlib', () => {
  fc.assert(
    fc.property(bytes, (each) => {
      assert.equal(new Uint8Array(inflateSync(deflateSync(each, { level: 9 }))), each);
    }),
  );
  // Several blocks, the last one full.
  for (const length of [0xffff, 0x10000, 2 * 0xffff, 200_000]) {
    const each = Uint8Array.from({ length }, (_, n) => n * n);
    assert.equal(new Uint8Array(inflateSync(deflateSync(each, { level: 9 }))), each);
  }
});

/** What may be in a deflated stream: noise, repetition, and both. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 2000 })).map(([part, times]) => {
    return Uint8Array.from({ length: part.length * times }, (_, n) => part[n % part.length] + (n % 997 === 0 ? 1 : 0));
  }),
);
const strategy = fc.constantFrom(zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE);
const deflated = fc
  .tuple(content, fc.integer({ min: 0, max: 9 }), strategy)
  .map(([bytes, level, strategy]) => ({ bytes, stream: new Uint8Array(deflateRawSync(bytes, { level, strategy })) }));

/** What came out of it: bytes, or the code of an error. */
function outcome(inflate: typeof nodesInflate | typeof inflateRawSync, stream: Uint8Array, finishFlush: number) {
  try {
    return Array.from(inflate(stream, { maxOutputLength: 2 ** 18, finishFlush }));
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

test('what Node has deflated is inflated', () => {
  fc.assert(
    fc.property(deflated, ({ bytes, stream }) => {
      const whole = { maxOutputLength: Math.max(1, bytes.length), finishFlush: constants.Z_FINISH };
      assert.equal(Buffer.compare(inflateRawSync(stream, whole), bytes), 0);
      if (bytes.length < 2) return;
      assert.throws(
        () => inflateRawSync(stream, { ...whole, maxOutputLength: bytes.length - 1 }),
        (error: { code?: string }) => error.code === 'ERR_BUFFER_TOO_LARGE',
      );
    }),
  );
});

test('of a stream that is cut off, what comes before the cut is given, or an error, as Node does', () => {
  fc.assert(
    fc.property(deflated, fc.double({ min: 0, max: 1, noNaN: true }), ({ stream }, share) => {
      const part = stream.subarray(0, Math.floor(share * stream.length));
      for (const flush of [constants.Z_SYNC_FLUSH, constants.Z_FINISH]) {
        assert.equal(outcome(inflateRawSync, part, flush), outcome(nodesInflate, part, flush));
      }
    }),
  );
});

test('a damaged stream gives what Node makes of it: the same bytes, or the same kind of error', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(deflated, damage, ({ stream }, changes) => {
      const other = stream.slice();
      for (const [at, by] of changes) other[at % other.length] ^= by;
      assert.equal(outcome(inflateRawSync, other, zlib.Z_FINISH), outcome(nodesInflate, other, zlib.Z_FINISH));
    }),
    { numRuns: 1000 },
  );
});

test('a file is read as it was put, and is another one when another is put in its place', () => {
  const account = () => {
    const file = files.openSync('a.bin', files.constants.O_RDONLY);
    const found = { status: files.fstatSync(file), exact: files.fstatSync(file, { bigint: true }) };
    files.closeSync(file);
    return found;
  };
  pageFiles.put('a.bin', Uint8Array.of(1, 2, 3));
  const [first, again] = [account(), account()];
  assert.equal([first.exact.size, first.status.size, first.status.isFile()], [3n, 3, true]);
  assert.is(first.exact.ino, again.exact.ino);
  pageFiles.put('a.bin', Uint8Array.of(4, 5, 6));
  assert.is.not(account().exact.ino, first.exact.ino);
  pageFiles.remove('a.bin');
  assert.throws(account, /ENOENT/);
});

test('files are written, added to, moved, copied and listed', () => {
  const file = files.openSync('folder/a.txt', 'wx');
  files.writeFileSync(file, 'one ');
  files.writeFileSync(file, Uint8Array.of(0x32));
  files.closeSync(file);
  files.appendFileSync('folder/a.txt', ' é');
  files.copyFileSync('folder/a.txt', 'folder/below/b.txt');
  files.renameSync('folder/a.txt', 'folder/c.txt');
  assert.equal(files.readdirSync('folder').sort(), ['below', 'c.txt']);
  assert.ok(files.statSync('folder/below').isDirectory());
  assert.is(files.statSync('folder/a.txt', { throwIfNoEntry: false }), undefined);
  for (const name of ['folder/c.txt', 'folder/below/b.txt']) {
    assert.is(new TextDecoder().decode(pageFiles.get(name)), 'one 2 é');
    files.rmSync(name, { force: true });
  }
  assert.equal(pageFiles.names(), []);
});

test('what a page hands in is refused by name unless it is bytes under a name, and is given back as a copy', () => {
  const put = pageFiles.put as (name: unknown, bytes: unknown) => void;
  assert.throws(
    () => put(3, new Uint8Array()),
    (error: unknown) => error instanceof ArgumentError && /^name: expected/.test(error.message),
  );
  assert.throws(
    () => put('a', 'text'),
    (error: unknown) => error instanceof ArgumentError && /^bytes: expected .* got 'text'$/.test(error.message),
  );
  assert.throws(
    () => pageFiles.get('a'),
    (error: unknown) =>
      error instanceof FileFormatError && /^a: there is no such file .*pageFiles\.put/.test(error.message),
  );
  pageFiles.put('a', Uint8Array.of(1, 2).buffer);
  pageFiles.get('a').fill(9);
  assert.equal(pageFiles.get('a'), Uint8Array.of(1, 2));
  pageFiles.remove('a');
});

test('Node refuses files of a page, for it has a disk', () => {
  for (const use of [() => filesOfNode.put('a', new Uint8Array()), () => filesOfNode.get('a'), filesOfNode.names]) {
    assert.throws(use, (error: unknown) => error instanceof UnsupportedError && /^pageFiles: /.test(error.message));
  }
});

test.run();
