/** Parts of a text that is held, and of one that is read where it is. */
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../../src/core/errors.ts';
import { InputFile } from '../../../src/core/files/input-file.ts';
import { TextBytes } from '../../../src/training/tasks/text-bytes.ts';
import { temporaryFolder, writeFresh } from '../../core/temporary-folder.ts';

const path = join(temporaryFolder(), 'text');

test('parts are the same however the text is held, without a byte order mark', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.boolean(), fc.nat(), fc.nat(), (text, marked, a, b) => {
      const bytes = Buffer.from(text);
      fc.pre(!bytes.includes(0) && !text.startsWith('\ufeff'));
      writeFresh(path, Buffer.from(marked ? `\ufeff${text}` : text));
      const [begin, end] = [a % (bytes.length + 1), b % (bytes.length + 1)].sort((x, y) => x - y);
      for (const short of [0, 2 ** 20]) {
        const own = new TextBytes(new InputFile(path), short);
        // Bytes below 9 make it no text, of which a mark is a part.
        if (own.length !== bytes.length) continue;
        for (const hold of [false, true, false]) {
          assert.ok(bytes.subarray(begin, end).equals(own.part(begin, end, hold)));
        }
      }
    }),
  );
});

test('what is held stays as it was; what is not is an error where the file has changed', () => {
  writeFresh(path, Buffer.from('one two three'));
  const [held, read] = [new TextBytes(new InputFile(path), 0), new TextBytes(new InputFile(path), 0)];
  held.part(0, 1, true);
  assert.is(Buffer.from(read.part(4, 7, false)).toString(), 'two');
  writeFresh(path, Buffer.from('another text'));
  assert.is(Buffer.from(held.part(4, 7, false)).toString(), 'two');
  assert.throws(
    () => read.part(4, 7, false),
    (error: unknown) => error instanceof FileFormatError && /has changed since it was opened/.test(error.message),
  );
  writeFresh(path, Buffer.from('café au lait', 'latin1'));
  for (const short of [0, 100]) assert.throws(() => new TextBytes(new InputFile(path), short), /got byte 0xe9 at 3/);
});

test.run();
