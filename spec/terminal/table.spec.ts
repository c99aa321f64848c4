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
  assert.not.match(formatTable(columns, rows, { width: 19 }), /Left out/);
  const note = formatTable(columns, rows, { width: 18 }).split('\n').slice(3).join(' ');
  assert.is(note, 'Left out to fit 18 columns: two. All of them need 19.');
});

test('words are wrapped where dropping is not enough, numbers are not, and the last columns go at last', () => {
  const columns = [{ title: 'variant' }, { title: 'result of it' }, { title: 'memory', align: 'right' as const }];
  const rows = [
    ['full', 'exact on its pattern', '1.50 MiB'],
    ['reformer', 'approximate', '12.0 MiB'],
  ];
  assert.is(
    formatTable(columns, rows, { width: 32 }),
    [
      'variant   result of it    memory',
      '────────  ────────────  ────────',
      'full      exact on its  1.50 MiB',
      '          pattern',
      'reformer  approximate   12.0 MiB',
    ].join('\n'),
  );
  assert.is(
    formatTable(columns, rows, { width: 24 }),
    [
      'variant   result of it',
      '────────  ──────────────',
      'full      exact on its',
      '          pattern',
      'reformer  approximate',
      'Left out to fit 24',
      'columns: memory. All of',
      'them need 40.',
    ].join('\n'),
  );
});

test('at any width, no line is wider but for a single word, and what is shown is whole', () => {
  const cell = fc.array(fc.stringMatching(/^[a-z0-9]{1,7}$/), { maxLength: 4 }).map((words) => words.join(' '));
  const tables = fc.integer({ min: 1, max: 5 }).chain((count) => {
    const row = fc.array(cell, { minLength: count, maxLength: count });
    const droppable = fc.array(fc.boolean(), { minLength: count, maxLength: count });
    return fc.record({ row, droppable, rows: fc.array(row, { minLength: 1, maxLength: 4 }) });
  });
  fc.assert(
    fc.property(tables, fc.integer({ min: 10, max: 60 }), ({ row: titles, droppable, rows }, width) => {
      const columns = titles.map((title, n) => ({
        title: `t${n}${title}`,
        droppable: droppable[n],
        align: 'left' as const,
      }));
      const text = formatTable(columns, rows, { width });
      assert.ok(
        text.split('\n').every((line) => displayWidth(line) <= width),
        text,
      );
      const isLost = (title: string) => new RegExp(`(: |, )${title}[.,]`).test(text.replaceAll('\n', ' '));
      const words = text.split(/\s+/);
      for (const [n, { title }] of columns.entries()) {
        if (isLost(title)) continue;
        for (const word of rows.flatMap((cells) => cells[n].split(' ')).filter(Boolean))
          assert.ok(words.includes(word), `${word}\n${text}`);
      }
    }),
  );
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
