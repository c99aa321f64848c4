import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatCurve, showsBraille } from '../../src/terminal/curve.ts';
import { displayWidth } from '../../src/terminal/width.ts';

const NAMES = { line: 'loss', marks: 'held out' };
const settings = {
  width: 30,
  rows: 4,
  formatX: (x: number) => `step ${x}`,
  formatY: (y: number) => y.toFixed(1),
  names: NAMES,
};
const falling = Array.from({ length: 5 }, (_, n) => ({ x: n, y: 4 - n }));

test('a line that falls, from its highest label to its lowest', () => {
  const lines = formatCurve(falling, [], { ...settings, plain: true }).split('\n');
  // 24 columns beside labels of four and a space: one stays free.
  assert.equal(lines, [
    ' 4.0 ******',
    '           ******',
    '                 *****',
    ' 0.0                  *******',
    '     step 0            step 4',
    '',
  ]);
});

test('in braille a point is one dot, and a steep line has no holes', () => {
  const step = [
    { x: 0, y: 1 },
    { x: 9, y: 1 },
    { x: 10, y: 0 },
    { x: 19, y: 0 },
  ];
  const lines = formatCurve(step, [], settings).split('\n');
  assert.match(lines[0], /^ 1\.0 ⠉+/);
  assert.match(lines[3], /^ 0\.0 +\S*⣀+$/);
  // The fall takes a character in each row between.
  for (const line of lines.slice(1, 3)) assert.match(line.trim(), /^[\u2801-\u28ff]{1,2}$/);
});

test('marks are where their points are', () => {
  const marks = [
    { x: 0, y: 4 },
    { x: 4, y: 0 },
  ];
  const lines = formatCurve(falling, marks, { ...settings, plain: true }).split('\n');
  assert.is(lines[0].indexOf('o'), 5);
  assert.ok(lines[3].endsWith('o'));
  assert.is(lines[5], '     * loss  o held out');
});

test('no line is wider than asked for, whatever the points; nothing without room or points', () => {
  const point = fc.record({ x: fc.integer({ min: 0, max: 1000 }), y: fc.double() });
  const points = fc.array(point, { maxLength: 200 }).map((all) => all.sort((a, b) => a.x - b.x));
  const format = { ...settings, formatY: (y: number) => y.toExponential(1) };
  fc.assert(
    fc.property(points, points, fc.integer({ min: 0, max: 200 }), fc.boolean(), (line, marks, width, plain) => {
      for (const each of formatCurve(line, marks, { ...format, width, plain })
        .split('\n')
        .slice(0, 4)) {
        assert.ok(displayWidth(each) < Math.max(1, width), `${width}: '${each}'`);
      }
    }),
  );
  assert.is(formatCurve(falling.slice(0, 1), [], settings), '');
  assert.is(formatCurve(falling, [], { ...settings, width: 10 }), '');
  assert.is(
    formatCurve(
      [
        { x: 0, y: Number.NaN },
        { x: 1, y: 1 },
      ],
      [],
      settings,
    ),
    '',
  );
});

test('a constant line is in the middle', () => {
  const level = falling.map(({ x }) => ({ x, y: 2 }));
  const lines = formatCurve(level, [], { ...settings, plain: true }).split('\n');
  assert.match(lines[2], /^ +\*+$/);
});

test('braille on terminals that say UTF-8 or nothing, and nowhere else', () => {
  const terminal = { isTTY: true };
  const cases: [
    shows: boolean,
    stream: { isTTY?: boolean },
    environment: NodeJS.ProcessEnv,
    platform: NodeJS.Platform,
  ][] = [
    [true, terminal, { LANG: 'de_DE.UTF-8' }, 'linux'],
    [true, terminal, {}, 'linux'],
    [true, terminal, { LC_ALL: '', LANG: 'C.utf8' }, 'darwin'],
    [false, {}, { LANG: 'de_DE.UTF-8' }, 'linux'],
    [false, terminal, { LC_ALL: 'C', LANG: 'de_DE.UTF-8' }, 'linux'],
    [false, terminal, { LANG: 'en_GB.ISO-8859-1' }, 'linux'],
    [false, terminal, { TERM: 'dumb' }, 'linux'],
    [false, terminal, {}, 'win32'],
    [true, terminal, { WT_SESSION: 'x' }, 'win32'],
  ];
  for (const [shows, stream, environment, platform] of cases) {
    assert.is(showsBraille(stream, environment, platform), shows, JSON.stringify([environment, platform]));
  }
});

test.run();
