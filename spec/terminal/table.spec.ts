import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { MARKED, supportsColour } from '../../src/terminal/colour.ts';
import { formatTable } from '../../src/terminal/table.ts';
import { displayWidth } from '../../src/terminal/width.ts';

test('text to the left, numbers to the right, groups apart', () => {
  const columns = [{ title: 'variant' }, { title: 'error' }, { title: 'note', align: 'right' as const }];
  const rows = [['longformer', '0.5', 'a'], null, ['full', '12.25', 'bcdef']];
  assert.is(
    formatTable(columns, rows),
    [
      'variant     error   note',
      '──────────  ─────  ─────',
      'longformer    0.5      a',
      '──────────  ─────  ─────',
      'full        12.25  bcdef',
    ].join('\n'),
  );
});

test('a heading is a line of its own, which widens no column', () => {
  const rows = [['a', '1'], { heading: 'what comes\nbelow it' }, ['b', '2']];
  assert.is(
    formatTable([{ title: 'name' }, { title: 'one' }], rows),
    ['name  one', '────  ───', 'a       1', '─ what comes\\nbelow it', 'b       2'].join('\n'),
  );
});

test('columns that may go do, from the right, until the table fits', () => {
  const columns = [{ title: 'name' }, { title: 'one', droppable: true }, { title: 'two', droppable: true }];
  const rows = [['long name', '1', '2']];
  const titles = (width: number): string => formatTable(columns, rows, { width }).split('\n')[0];
  assert.is(titles(19), 'name       one  two');
  assert.is(titles(18), 'name       one');
  assert.is(titles(5), 'name');
});

test('every line of a table is as wide as its rule or less, and colour changes nothing but escape codes', () => {
  const cell = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.float().map(String));
  const tables = fc.integer({ min: 1, max: 4 }).chain((count) =>
    fc.record({
      titles: fc.array(fc.string(), { minLength: count, maxLength: count }),
      rows: fc.array(fc.option(fc.array(cell, { minLength: count, maxLength: count }), { nil: null })),
    }),
  );
  fc.assert(
    fc.property(tables, ({ titles, rows }) => {
      const columns = titles.map((title) => ({ title }));
      const plain = formatTable(columns, rows);
      const lines = plain.split('\n');
      assert.is(lines.length, rows.length + 2);
      assert.ok(lines.every((line) => displayWidth(line) <= displayWidth(lines[1])));
      const styled = rows.map((row) => row?.map((text) => ({ text, style: 'good' as const })) ?? null);
      const coloured = formatTable(columns, styled, { colour: true });
      assert.is(trimLines(coloured.replace(MARKED, '')), trimLines(plain));
      assert.is(formatTable(columns, styled), plain);
    }),
  );
});

function trimLines(text: string): string {
  return text.replace(/ +$/gm, '');
}

test('a row with a cell too few is refused by its number', () => {
  const make = () => formatTable([{ title: 'a' }, { title: 'b' }], [['1', '2'], ['3']]);
  assert.throws(
    make,
    (error: Error) => error instanceof ArgumentError && /rows\[1\].*2 cells.*got 1/.test(error.message),
  );
});

test('colour needs a terminal, and NO_COLOR or a dumb terminal turns it off', () => {
  assert.is(supportsColour({ isTTY: true }, {}), true);
  assert.is(supportsColour({ isTTY: true }, { NO_COLOR: '' }), true);
  assert.is(supportsColour({ isTTY: true }, { NO_COLOR: '1' }), false);
  assert.is(supportsColour({ isTTY: true }, { TERM: 'dumb' }), false);
  assert.is(supportsColour({}, {}), false);
});

test('widths on screen, and no control character of a cell reaches the terminal', () => {
  assert.is(displayWidth('naïve'), 5);
  assert.is(displayWidth('nai\u0308ve'), 5);
  assert.is(displayWidth('注意力'), 6);
  assert.is(displayWidth('√d × ‖x‖'), 8);
  assert.is(formatTable([{ title: 'file' }], [['a\x1b[2Jb\nc']]).split('\n')[2], 'a\\x1b[2Jb\\nc');
});

test.run();
