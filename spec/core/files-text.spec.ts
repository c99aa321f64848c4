/** Text and JSON of files: what is read is what was written, in UTF-8; all else is refused, by what it seems to be. */

import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, FileFormatError } from '../../src/core/errors.ts';
import { InputFile } from '../../src/core/files/input-file.ts';
import { parseJson, readJsonObject } from '../../src/core/files/json.ts';
import {
  beginOfTextOrBinary,
  decodeText,
  encodeText,
  expectTextOrBinary,
  readText,
  readTextBeginning,
} from '../../src/core/files/text.ts';
import { effort } from '../laws/effort.ts';
import { temporaryFolder, writeFresh } from './temporary-folder.ts';

const path = join(temporaryFolder(), 'text');
const complain = (problem: string) => new FileFormatError(problem);
const text = fc.string({ unit: 'binary', maxLength: 200 });

function problemOf(bytes: Uint8Array): string {
  writeFresh(path, bytes);
  try {
    readText(path);
  } catch (error) {
    assert.instance(error, FileFormatError);
    assert.ok((error as Error).message.startsWith(`${path}: expected UTF-8 text, got `), (error as Error).message);
    return (error as Error).message.slice(path.length);
  }
  return '';
}

/** As an editor that knows no other encoding would write it. */
function inUtf16(content: string, bigEndian: boolean, mark: boolean): Buffer {
  const bytes = Buffer.from(`${mark ? '\ufeff' : ''}${content}`, 'utf16le');
  return bigEndian ? bytes.swap16() : bytes;
}

test('UTF-8 comes back as it was written, and a byte order mark is no part of it', () => {
  fc.assert(
    fc.property(text, fc.boolean(), (content, marked) => {
      fc.pre(!content.includes('\0') && !content.startsWith('\ufeff'));
      writeFresh(path, Buffer.from(marked ? `\ufeff${content}` : content));
      assert.is(readText(path), content);
    }),
  );
});

test('UTF-16 is refused by its name: with a mark any text, without one a text of this alphabet', () => {
  const plain = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(text, plain, fc.boolean(), (content, western, bigEndian) => {
      const name = `UTF-16, ${bigEndian ? 'big' : 'little'}-endian`;
      // A mark before two zeros is that of UTF-32.
      fc.pre(!content.startsWith('\0'));
      assert.match(problemOf(inUtf16(content, bigEndian, true)), `${name} (by its byte order mark)`);
      assert.match(problemOf(inUtf16(western, bigEndian, false)), `${name} (by the zeros in it)`);
    }),
  );
  assert.match(problemOf(Uint8Array.of(0xff, 0xfe, 0, 0, 65, 0, 0, 0)), 'UTF-32, little-endian');
  assert.match(problemOf(Uint8Array.of(0, 0, 0xfe, 0xff, 0, 0, 0, 65)), 'UTF-32, big-endian');
});

test('Latin-1 is refused at its first letter that ASCII lacks', () => {
  for (const content of ['Käse', 'ça va', 'naïve café', 'Ærø', `${'x'.repeat(2 ** 20 - 1)}é!`]) {
    const bytes = Buffer.from(content, 'latin1');
    const at = bytes.findIndex((byte) => byte > 127);
    assert.match(problemOf(bytes), new RegExp(`got byte 0x${bytes[at].toString(16)} at ${at}, as in Latin-1`));
  }
});

test('any bytes: accepted if they are UTF-8, else refused at the first that belongs to no character', () => {
  const byte = fc.oneof(
    fc.integer({ min: 1, max: 255 }),
    fc.constantFrom(0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0x80, 0x9f, 0xa0, 0xbf),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ min: 1, maxLength: 12 }),
    fc.array(byte, { maxLength: 8 }).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, (drawn) => {
      fc.pre(!['ff,fe', 'fe,ff'].includes(Buffer.from(drawn.subarray(0, 2)).toString('hex').replace(/../, '$&,')));
      const problem = problemOf(drawn);
      assert.is(problem === '', isUtf8(drawn));
      if (problem === '') return;
      const at = Number(/ at (\d+),/.exec(problem)?.[1]);
      assert.ok(isUtf8(drawn.subarray(0, at)), problem);
      for (let end = at + 1; end <= Math.min(at + 4, drawn.length); end++) {
        assert.not.ok(isUtf8(drawn.subarray(at, end)), problem);
      }
    }),
    effort(1000),
  );
  assert.match(problemOf(Buffer.from('aé').subarray(0, 2)), 'the file ends in the middle of a character');
});

test('for a model of bytes: text has to be UTF-8, and what is no text is taken as it is', () => {
  const content = 'Zwölf Boxkämpfer\r\njagen Viktor quer über den großen Sylter Deich.\n';
  const utf8 = Uint8Array.from(Buffer.from(content));
  assert.equal([...expectTextOrBinary(utf8, complain)], [...utf8]);
  assert.equal([...expectTextOrBinary(Buffer.from(`\ufeff${content}`), complain)], [...utf8]);
  for (const other of [Buffer.from(content, 'latin1'), inUtf16(content, true, true), inUtf16(content, false, false)]) {
    assert.throws(() => expectTextOrBinary(other, complain), /expected UTF-8 text, got/);
  }
  const binary = Uint8Array.from({ length: 4096 }, (_, n) => (n * 167 + 13) % 256);
  assert.equal(expectTextOrBinary(binary, complain), binary);
});

test('a text that somebody gave: half a character and what stands for a lost one are refused', () => {
  fc.assert(
    fc.property(text, (content) => {
      fc.pre(!content.includes('\ufffd'));
      assert.equal(encodeText('text', content), Uint8Array.from(Buffer.from(content)));
    }),
  );
  for (const lost of ['a\ud800', '\udc00b', '\ufffd', 'x\udbff\udbff']) {
    assert.throws(
      () => encodeText('text', lost),
      (error: Error) => error instanceof ArgumentError,
    );
  }
});

test('JSON within the limits is what JSON.parse makes of it, strings with brackets and commas too', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.string(), (json, key) => {
      const whole = `{${JSON.stringify(key)}:${json},"[[{,\\\\":"\\"[,{"}`;
      assert.equal(parseJson(Buffer.from(whole), complain), JSON.parse(whole));
      writeFresh(path, Buffer.from(`\ufeff${whole}`));
      assert.equal(readJsonObject(path), JSON.parse(whole));
    }),
  );
});

test('JSON beyond a limit is refused, by levels, by values and by size; just within it is read', () => {
  const nested = (levels: number) => Buffer.from(`${'[{"":'.repeat(levels / 2)}0${'}]'.repeat(levels / 2)}`);
  const refused = (message: RegExp, body: () => unknown) =>
    assert.throws(body, (error: Error) => error instanceof FileFormatError && message.test(error.message));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), (half) => {
      const depth = 2 * half;
      parseJson(nested(depth), complain, { depth });
      refused(/at most \d+ levels, got more at byte \d+$/, () => parseJson(nested(depth + 2), complain, { depth }));
      const list = (count: number) => Buffer.from(`[${Array.from({ length: count }, () => '{}').join()}]`);
      parseJson(list(half), complain, { values: 2 * half });
      refused(/at most \d+ values/, () => parseJson(list(half + 1), complain, { values: 2 * half }));
      parseJson(list(half), complain, { size: 3 * half + 1 });
      refused(/at most \d+ bytes/, () => parseJson(list(half), complain, { size: 3 * half }));
    }),
  );
  // Also where it never closes, or is inside of a text that never ends.
  refused(/levels/, () => parseJson(Buffer.alloc(2 ** 24, '['), complain));
  refused(/expected JSON/, () => parseJson(Buffer.from('"\\'), complain));
  writeFresh(path, Buffer.from('[]'));
  refused(/expected a JSON object/, () => readJsonObject(path));
  assert.is(decodeText(Buffer.from('{}'), complain), '{}');
});

test('the beginning of a text has no half characters, and nothing behind it is looked at', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((each) => !each.startsWith('\ufeff'));
  fc.assert(
    fc.property(text, fc.nat(60), (whole, most) => {
      const bytes = Buffer.from(whole);
      // Zeros make a text look like one of two-byte characters.
      fc.pre(!bytes.includes(0) && !bytes.includes(0xff));
      writeFresh(path, bytes);
      const { text, bytes: read, of } = readTextBeginning(path, most);
      assert.ok(whole.startsWith(text));
      assert.equal([read, of], [Buffer.byteLength(text), bytes.length]);
      assert.ok(read <= most && (read === of || most - read < 4));
      if (most >= of) assert.is(text, whole);
    }),
    effort(100),
  );
  writeFresh(path, Buffer.concat([Buffer.from('ab😀c'), Buffer.alloc(100, 0xff)]));
  assert.is(readTextBeginning(path, 7).text, 'ab😀c');
  assert.is(readTextBeginning(path, 6).text, 'ab😀');
  assert.is(readTextBeginning(path, 5).text, 'ab');
  assert.throws(() => readTextBeginning(path, 20), /expected UTF-8 text, got byte 0xff at 7/);
  writeFresh(path, Buffer.of(0x80, 0x80, 0x80, 0x80, 0x41));
  assert.throws(() => readTextBeginning(path, 4), /got byte 0x80 at 0/);
});

test('a text that is looked at in parts is refused, or begins, as one that is held', () => {
  const long = 2 ** 20 + 20;
  const piece = fc.constantFrom('a', 'é', '注', '😀', '\ufeff');
  const fault = fc.option(fc.tuple(fc.nat(long + 40), fc.constantFrom(0xff, 0x80, 0xc3, 0xf0, 0x41)));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.nat(12), fault, fc.boolean(), (pieces, shift, spoilt, marked) => {
      // Characters that lie across where a part ends.
      const around = `${'x'.repeat(2 ** 20 - shift)}${pieces.join('')}${'y'.repeat(8)}${pieces.join('')}`;
      const bytes = Buffer.from(marked ? `\ufeff${around}` : around);
      if (spoilt !== null) bytes[Math.min(spoilt[0], bytes.length - 1)] = spoilt[1];
      writeFresh(path, bytes);
      const file = new InputFile(path);
      const verdict = (look: () => number) => {
        try {
          return look();
        } catch (error) {
          assert.instance(error, FileFormatError);
          return (error as Error).message;
        }
      };
      const held = verdict(() => bytes.length - expectTextOrBinary(bytes, (problem) => file.error(problem)).length);
      assert.is(
        verdict(() => beginOfTextOrBinary(file)),
        held,
      );
    }),
    effort(60),
  );
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('text', 'utf16le'),
    Buffer.alloc(9, 7),
    Buffer.from('\ufefftext'),
  ]) {
    writeFresh(path, bytes);
    const file = new InputFile(path);
    const complain = (problem: string) => file.error(problem);
    try {
      assert.is(beginOfTextOrBinary(file), bytes.length - expectTextOrBinary(bytes, complain).length);
    } catch (error) {
      assert.throws(() => expectTextOrBinary(bytes, complain), (error as Error).message);
    }
  }
});

test.run();
