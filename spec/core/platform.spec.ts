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
import { effort } from '../laws/effort.ts';

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

test('what is deflated in the format of zlib is read by zlib', () => {
  fc.assert(
    fc.property(bytes, fc.constantFrom(0, 1, 6, 9), (each, level) => {
      assert.equal(new Uint8Array(inflateSync(deflateSync(each, { level }))), each);
    }),
  );
  // Several blocks.
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

type Options = { maxOutputLength: number; finishFlush: number };
const whole = { maxOutputLength: 2 ** 18, finishFlush: constants.Z_FINISH };
const soFar = { ...whole, finishFlush: constants.Z_SYNC_FLUSH };

/** What came out of it: bytes, or the code of an error. */
function outcome(inflate: typeof nodesInflate | typeof inflateRawSync, stream: Uint8Array, options: Options) {
  try {
    return Array.from(inflate(stream, options));
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

test('what Node has deflated is inflated', () => {
  fc.assert(
    fc.property(deflated, ({ bytes, stream }) => {
      const exact = { ...whole, maxOutputLength: Math.max(1, bytes.length) };
      assert.equal(Buffer.compare(inflateRawSync(stream, exact), bytes), 0);
      if (bytes.length < 2) return;
      assert.throws(
        () => inflateRawSync(stream, { ...exact, maxOutputLength: bytes.length - 1 }),
        (error: { code?: string }) => error.code === 'ERR_BUFFER_TOO_LARGE',
      );
    }),
  );
});

/** 0 … 1: where a stream is cut. */
const share = fc.double({ min: 0, max: 1, noNaN: true });

test('of a stream that is cut off, nothing is given, as Node does, or what comes before the cut', () => {
  fc.assert(
    fc.property(deflated, share, ({ stream }, share) => {
      const part = stream.subarray(0, Math.floor(share * stream.length));
      assert.equal(outcome(inflateRawSync, part, whole), outcome(nodesInflate, part, whole));
      // Node gives the begin of a stored block, too.
      const [ours, nodes] = [inflateRawSync, nodesInflate].map((each) => outcome(each, part, soFar));
      assert.equal(ours, nodes?.slice(0, ours?.length));
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), share, (length, share) => {
      const stream = new Uint8Array(deflateRawSync(Uint8Array.from({ length }, (_, n) => (n * n) % 7)));
      const part = stream.subarray(0, Math.floor(share * stream.length));
      const [ours, nodes] = [inflateRawSync, nodesInflate].map((each) => outcome(each, part, soFar));
      assert.equal(ours, nodes);
    }),
  );
});

test('a damaged stream gives what Node makes of it, or is told from a whole one by its bytes: within the limit, or an error', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  const limit = fc.integer({ min: 1, max: 4000 });
  const finishFlush = fc.constantFrom(constants.Z_SYNC_FLUSH, constants.Z_FINISH);
  fc.assert(
    fc.property(deflated, damage, limit, finishFlush, ({ stream }, changes, maxOutputLength, finishFlush) => {
      const other = stream.slice();
      for (const [at, by] of changes) other[at % other.length] ^= by;
      const options = { maxOutputLength, finishFlush };
      const [ours, nodes] = [inflateRawSync, nodesInflate].map((each) => outcome(each, other, options));
      if (Array.isArray(ours)) assert.ok(ours.length <= maxOutputLength);
      else assert.match(String(ours), /^(ERR_BUFFER_TOO_LARGE|Z_DATA_ERROR|Z_BUF_ERROR)$/);
      // What Node can read, this reads, and to the same bytes.
      if (Array.isArray(nodes) && finishFlush === constants.Z_FINISH) assert.equal(ours, nodes);
    }),
    effort(1000),
  );
});

test('a stream that would inflate to far more than the limit takes memory for the limit only', () => {
  // Of zeros, and of stored blocks.
  const bombs = [
    deflateRawSync(new Uint8Array(2 ** 26), { level: 9 }),
    deflateRawSync(new Uint8Array(2 ** 22), { level: 0 }),
  ];
  for (const bomb of bombs.map((each) => new Uint8Array(each))) {
    const before = process.memoryUsage().arrayBuffers;
    assert.throws(
      () => inflateRawSync(bomb, { maxOutputLength: 1000, finishFlush: constants.Z_FINISH }),
      (error: { code?: string }) => error.code === 'ERR_BUFFER_TOO_LARGE',
    );
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
  }
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
