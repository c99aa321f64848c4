import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatScatter } from '../../src/terminal/scatter.ts';
import { displayWidth } from '../../src/terminal/width.ts';

const settings = {
  width: 32,
  rows: 3,
  y: { low: 0, high: 1 },
  formatX: (x: number) => `${Math.round(x)} B`,
  formatY: (y: number) => y.toFixed(1),
};

test('points over a logarithmic axis, each with a letter, and what the letters are', () => {
  const points = [
    { x: 10, y: 1, name: 'full' },
    { x: 100, y: 0.5, name: 'b' },
    { x: 1000, y: 0, name: 'c' },
  ];
  // 24 columns: the hundred is in the middle.
  assert.equal(formatScatter(points, settings).split('\n'), [
    ' 1.0 │ A',
    '     │             B',
    ' 0.0 │                        C',
    '     └─────────────────────────',
    '       10 B              1000 B',
    '       A full  B b  C c',
    '',
  ]);
});

test('points in one place are a star, and keep their letters below', () => {
  const points = ['one', 'two'].map((name) => ({ x: 4, y: 0.5, name }));
  const lines = formatScatter(points, settings).split('\n');
  assert.match(lines[1], /^ {5}│ +\*$/);
  assert.is(lines[4].trim(), '4 B');
  assert.is(lines[5].trim(), 'A one  B two');
});

test('what has no place is left out, and without a point or room there is no plot', () => {
  const wrong = [0, -1, Number.NaN, Number.POSITIVE_INFINITY].map((x) => ({ x, y: 0, name: 'wrong' }));
  assert.is(formatScatter([...wrong, { x: 1, y: Number.NaN, name: 'nan' }], settings), '');
  assert.match(formatScatter([...wrong, { x: 1, y: 1, name: 'right' }], settings), /^ +A right\n$/m);
  assert.is(formatScatter([{ x: 1, y: 1, name: 'right' }], { ...settings, width: 12 }), '');
});

test('no line is wider than the terminal, and every name is there', () => {
  const point = fc.record({
    x: fc.double({ min: 1, max: 1e12, noNaN: true }),
    y: fc.double({ min: -1, max: 2, noNaN: true }),
    name: fc.stringMatching(/^[a-z]{1,12}$/),
  });
  fc.assert(
    fc.property(
      fc.array(point, { minLength: 1, maxLength: 70 }),
      fc.integer({ min: 30, max: 120 }),
      (points, width) => {
        const text = formatScatter(points, { ...settings, width, formatX: (x) => x.toExponential(0) });
        for (const line of text.split('\n')) assert.ok(displayWidth(line) < width + 1, line);
        for (const { name } of points) assert.ok(text.includes(name), name);
      },
    ),
  );
});

test.run();
