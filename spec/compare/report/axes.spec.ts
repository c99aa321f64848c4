import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decades, errorAxis, powersOfTwo } from '../../../src/compare/report/axes.ts';
import type { Axis } from '../../../src/compare/report/chart.ts';

const positive = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
const anything = fc.oneof({ arbitrary: positive, weight: 4 }, fc.constantFrom(0, -1, Number.NaN, Infinity, -Infinity));
const settings = { label: 'what', format: String };

/** What every axis keeps to, whatever was measured. */
function expectUsable({ domain: [low, high], ticks, scale }: Axis, values: readonly number[]): void {
  assert.ok(Number.isFinite(low) && Number.isFinite(high) && low < high, `from ${low} to ${high}`);
  assert.ok(scale === 'linear' || low > 0, 'a logarithm starts above zero');
  for (const value of values) assert.ok(value >= low && value <= high, `${value} is off ${low} to ${high}`);
  assert.ok(ticks.length >= 2 && ticks.length <= 12, `${ticks.length} ticks`);
  ticks.forEach((tick, n) => {
    assert.ok(tick >= low && tick <= high, `tick ${tick} is off ${low} to ${high}`);
    assert.ok(n === 0 || tick > ticks[n - 1], 'ascending');
  });
}

test('logarithmic axes hold every positive value and have a few ticks', () => {
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 12 }), (values) => {
      const shown = values.filter((value) => value > 0 && Number.isFinite(value));
      for (const axis of [decades(values, settings), powersOfTwo(values, settings)]) {
        assert.is(axis.scale, 'log');
        expectUsable(axis, shown);
      }
    }),
    { numRuns: 1000 },
  );
});

test('an error axis holds every finite error above its floor', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.double({ min: 0, max: 5, noNaN: true }), anything)), (errors) => {
      const axis = errorAxis(errors, 'error');
      expectUsable(
        axis,
        errors.filter((error) => Number.isFinite(error)).map((error) => Math.max(error, 1e-4)),
      );
    }),
    { numRuns: 1000 },
  );
});

test('lengths have ticks at powers of two, shares too', () => {
  assert.equal(powersOfTwo([256, 512, 1024, 2048], settings).ticks, [256, 512, 1024, 2048]);
  assert.equal(powersOfTwo([0.01, 1], settings).ticks, [1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1]);
  assert.equal(powersOfTwo([2, 2 ** 16], settings).ticks, [16, 256, 4096, 65536]);
});

test.run();
