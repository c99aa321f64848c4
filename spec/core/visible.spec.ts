/** What comes from outside is seen on a terminal, and does nothing there. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, EfficientTransformersError, FileFormatError } from '../../src/core/errors.ts';
import { visible, visibleJson } from '../../src/core/visible.ts';
import { effort } from '../laws/effort.ts';

/** Code points that act on a terminal, or make a text read as another. */
const ACTING = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  ...[0x061c, 0x200e, 0x200f, 0x2028, 0x2029],
  ...range(0x202a, 0x202e),
  ...range(0x2066, 0x2069),
  ...[0xfeff, 0xfff9, 0xfffa, 0xfffb, 0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1ffff, 0x10ffff],
];

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

const acting = new Set(ACTING.map((code) => String.fromCodePoint(code)));
const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...acting),
    fc.constantFrom('a', 'é', '注', '🙂', ' ', '\\', '"'),
    fc.string({ unit: 'binary', maxLength: 1 }),
  ),
});

test('no character that acts is left, and every other one stays', () => {
  assert.is(visible('a\x1b[31mred\x07'), 'a\\x1b[31mred\\x07');
  assert.is(
    visible('\x9b2J \u202etxt.exe\u2069 \ud800 \u{1ffff} \r\n\t'),
    '\\x9b2J \\u202etxt.exe\\u2069 \\ud800 \\u{1ffff} \\r\\n\\t',
  );
  assert.is(visible('a\n\tb\r', '\n\t'), 'a\n\tb\\r');
  for (const character of acting)
    assert.match(visible(character), /^\\([nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|u\{[0-9a-f]+\})$/);
  fc.assert(
    fc.property(texts, (text) => {
      const shown = visible(text);
      assert.ok([...shown].every((character) => !acting.has(character)));
      assert.is(visible(shown), shown);
      const plain = [...text].every((character) => !acting.has(character) && !/\p{Cs}/u.test(character));
      if (plain && !/\p{Noncharacter_Code_Point}/u.test(text)) assert.is(shown, text);
    }),
    effort(500),
  );
});

test('JSON keeps its value, and no such character', () => {
  fc.assert(
    fc.property(texts, texts, (key, text) => {
      const value = { [key]: [text, { text }] };
      const json = visibleJson(JSON.stringify(value, null, 2));
      assert.equal(JSON.parse(json), value);
      assert.ok([...json].every((character) => character === '\n' || !acting.has(character)));
    }),
    effort(300),
  );
});

test('a message of ours holds none, whatever it tells of', () => {
  for (const error of [
    new EfficientTransformersError('a\x1b[2Jb'),
    new FileFormatError('\u202e.npy: cannot be read', { cause: new Error('x') }),
    new ArgumentError('b\x9b'),
  ]) {
    assert.ok(
      [...error.message].every((character) => !acting.has(character)),
      error.name,
    );
    assert.ok(
      [...(error.stack as string)].every((character) => character === '\n' || !acting.has(character)),
      error.name,
    );
  }
  assert.is(new FileFormatError('x', { cause: 5 }).cause, 5);
  assert.is(new ArgumentError().message, '');
});

test.run();
