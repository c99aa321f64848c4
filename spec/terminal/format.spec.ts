import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  counted,
  formatAbout,
  formatBytes,
  formatCount,
  formatError,
  formatEstimate,
  formatMilliseconds,
  formatPercent,
  formatRatio,
  formatWhole,
} from '../../src/terminal/format.ts';

function assertEach(format: (value: number) => string, cases: [value: number, expected: string][]): void {
  for (const [value, expected] of cases) assert.is(format(value), expected, `of ${value}`);
}

test('one of something is not many', () => {
  assertEach(
    (count) => counted(count, 'token'),
    [
      [0, '0 tokens'],
      [1, '1 token'],
      [2048, '2,048 tokens'],
    ],
  );
});

test('a time that is only known about, in plain units', () => {
  assertEach(formatAbout, [
    [0.3, '0.3 minutes'],
    [0.1 + 0.2, '0.3 minutes'],
    [1, '1 minute'],
    [45.2, '45 minutes'],
    [90, '2 hours'],
    [1500, '25 hours'],
    [30_000, '21 days'],
    [800 * 1440, '2 years'],
    [2_500_000, '5 years'],
    [Number.NaN, '–'],
  ]);
});

test('bytes', () => {
  assertEach(formatBytes, [
    [0, '0 B'],
    [1023, '1,023 B'],
    [1024, '1.00 KiB'],
    [1536, '1.50 KiB'],
    [10.5 * 1024 ** 2, '10.5 MiB'],
    [1024 ** 2 - 1, '1.00 MiB'],
    [4 * 1024 ** 3, '4.00 GiB'],
    [5000 * 1024 ** 4, '5,000 TiB'],
    [Number.NaN, '–'],
  ]);
});

test('whole numbers keep every digit, in groups of three', () => {
  assertEach(formatWhole, [
    [0, '0'],
    [999, '999'],
    [1024, '1,024'],
    [4_294_967_296, '4,294,967,296'],
    [-65_536, '-65,536'],
    [Number.NaN, '–'],
    [Number.POSITIVE_INFINITY, '∞'],
  ]);
  fc.assert(fc.property(fc.integer(), (count) => assert.is(formatWhole(count), count.toLocaleString('en'))));
});

test('counts', () => {
  assertEach(formatCount, [
    [0, '0'],
    [999, '999'],
    [1234, '1.23k'],
    [999_499, '999k'],
    [999_999, '1.00M'],
    [45_600_000, '45.6M'],
    [7.89e9, '7.89G'],
    [-1500, '-1.50k'],
    [Number.POSITIVE_INFINITY, '∞'],
  ]);
});

test('milliseconds, from microseconds to hours', () => {
  assertEach(formatMilliseconds, [
    [0, '0 ms'],
    [0.083, '83.0 µs'],
    [0.9999, '1.00 ms'],
    [12.34, '12.3 ms'],
    [999.7, '1.00 s'],
    [1234, '1.23 s'],
    [59_940, '59.9 s'],
    [59_990, '1 min 00 s'],
    [125_000, '2 min 05 s'],
    [3_599_600, '1 h 00 min'],
    [11_220_000, '3 h 07 min'],
    [-12.34, '-12.3 ms'],
    [Number.NEGATIVE_INFINITY, '-∞'],
  ]);
});

test('shares, ratios and errors', () => {
  assertEach(formatPercent, [
    [0, '0.00%'],
    [0.123, '12.3%'],
    [1, '100%'],
    [0.00001, '<0.01%'],
    [-0.00001, '>-0.01%'],
    [12.5, '1,250%'],
  ]);
  assertEach(formatRatio, [
    [3.2, '3.20×'],
    [1234, '1,234×'],
    [0.5, '0.50×'],
    [0.00123, '0.00123×'],
    [0.0000123, '1.23e-5×'],
  ]);
  assertEach(formatError, [
    [0, '0'],
    [0.5, '0.500'],
    [0.01234, '0.0123'],
    [0.00099, '9.90e-4'],
    [1.23e-7, '1.23e-7'],
    [12.34, '12.3'],
    [9999, '9,999'],
    [9999.6, '1.00e4'],
    [-0.01234, '-0.0123'],
    [Number.NaN, '–'],
  ]);
});

test('what is written reads back as the value, to half a unit of the third digit', () => {
  const units = new Map([...'BkMGTP'].map((letter, power) => [letter, power]));
  const positive = fc.double({ min: 1e-2, max: 1e15, noNaN: true });
  const near = (read: number, value: number): void => assert.ok(Math.abs(read / value - 1) <= 0.5001e-2, `${read}`);
  const plain = (text: string): string => text.replaceAll(',', '');
  fc.assert(
    fc.property(positive, (value) => {
      const [, digits, letter] = /^([\d.]+)([kMGTP]?)$/.exec(plain(formatCount(value))) ?? [];
      if (value >= 1) near(Number(digits) * 1000 ** (units.get(letter) ?? 0), value);
      near(Number(plain(formatError(value))), value);
      const [, size, prefix] = /^([\d.]+) ([KMGT]?)i?B$/.exec(plain(formatBytes(value))) ?? [];
      if (value >= 1) near(Number(size) * 1024 ** (units.get(prefix.replace('K', 'k')) ?? 0), value);
    }),
  );
});

test('an estimate has twice its standard error beside it, rounded up to one digit, and no digits beyond', () => {
  const cases: [Parameters<typeof formatEstimate>, string][] = [
    [[0.312, 0.0134], '0.31 ±0.03'],
    [[0.312, 0.0021], '0.312 ±0.005'],
    [[0.312, 0.05], '0.3 ±0.1'],
    [[0.312, 0.0499], '0.3 ±0.1'],
    [[0.3, 0.02], '0.30 ±0.04'],
    [[0.999, 0.3], '1.0 ±0.6'],
    // What three digits show anyway, or all rows.
    [[0.312, 1e-5], '0.312'],
    [[0.312, 0], '0.312'],
    [[0, 0], '0'],
    [[Number.NaN, 0.1], '–'],
    [[0.496, 0.011, '%'], '50 ±3%'],
    [[0.0889, 0.0004, '%'], '8.89 ±0.08%'],
    [[1, 0, '%'], '100%'],
  ];
  for (const [given, expected] of cases) assert.is(formatEstimate(...given), expected);
});

test.run();
