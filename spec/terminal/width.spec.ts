import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPairs, proseWidth, widthOf, wrap } from '../../src/terminal/width.ts';

test('a table has the width of the terminal, 80 where it does not say, all it needs in a pipe; COLUMNS goes first', () => {
  assert.is(widthOf({ isTTY: true, columns: 120 }, {}), 120);
  assert.is(widthOf({ isTTY: true, columns: 0 }, {}), 80);
  assert.is(widthOf({ isTTY: true }, {}), 80);
  assert.is(widthOf({ columns: 120 }, {}), undefined);
  assert.is(widthOf({ isTTY: true, columns: 120 }, { COLUMNS: '60' }), 60);
  assert.is(widthOf({}, { COLUMNS: '60' }), 60);
  for (const COLUMNS of ['', '0', '-1', 'x', '1.5', 'Infinity']) assert.is(widthOf({}, { COLUMNS }), undefined);
});

test('prose is never wider than is good to read', () => {
  assert.equal([40, 80, 200, undefined].map(proseWidth), [40, 80, 100, 80]);
});

test('lines break between words, keep what fits as it is, and leave a long word whole', () => {
  assert.equal(wrap('one two three', 7), ['one two', 'three']);
  assert.equal(wrap('  one  two ', 11), ['  one  two ']);
  assert.equal(wrap('a longest b', 4), ['a', 'longest', 'b']);
  assert.equal(wrap('', 4), ['']);
  assert.equal(wrap('注意力 注意力', 7), ['注意力', '注意力']);
});

test('of pairs, the right side is wrapped beside the left', () => {
  const pairs = [
    ['a', 'one two three'],
    ['name', ''],
  ] as const;
  assert.is(formatPairs(pairs, 13), 'a     one two\n      three\nname');
});

test.run();
