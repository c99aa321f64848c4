/** Bytes that come one at a time: the text that they are, whenever a character or the end of a line is complete. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ByteText } from '../../src/terminal/byte-text.ts';

function shown(bytes: Iterable<number>): string {
  const text = new ByteText();
  return Array.from(bytes, (byte) => text.add(byte)).join('');
}

const lines = fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('\n', '\r\n', '\t', 'é', '🙂')));

test('text of any characters and ends of lines is shown as it is', () => {
  fc.assert(
    fc.property(lines, (parts) => {
      const content = parts.join('');
      fc.pre(!/[^\P{Cc}\r\n\t]|\r(?!\n)/u.test(content));
      assert.is(shown(Buffer.from(content)), content);
    }),
  );
});

test('an end in the middle of a character or of the end of a line shows what is whole', () => {
  fc.assert(
    fc.property(lines, fc.nat(), (parts, draw) => {
      const content = parts.join('');
      fc.pre(!/[^\P{Cc}\r\n\t]|\r(?!\n)|\ufffd/u.test(content));
      const bytes = Buffer.from(content);
      const text = shown(bytes.subarray(0, draw % (bytes.length + 1)));
      assert.ok(content.startsWith(text) && !text.includes('\ufffd'), JSON.stringify(text));
    }),
  );
});

test('control characters, a return without a new line and bytes of no character are not', () => {
  assert.is(shown(Buffer.from('a\rb\u001b[0m\u009b\r\r\n')), 'a\ufffdb\ufffd[0m\ufffd\ufffd\r\n');
  assert.is(shown([0xff, 0x41, 0xc3, 0x41]), '\ufffdA\ufffdA');
});

test.run();
