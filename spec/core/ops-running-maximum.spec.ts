/** The running maximum against a loop. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/core/errors.ts';
import { LOWEST, runningMaximum } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, zeros } from '../../src/core/tensor.ts';

test('is the largest of what came so far and is not masked, and tells by how much it rises', () => {
  const cases = fc.record({
    batch: fc.integer({ min: 1, max: 2 }),
    heads: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 20 }),
    masked: fc.boolean(),
    continued: fc.boolean(),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(cases, ({ batch, heads, length, masked, continued, seed }) => {
      scope(() => {
        const random = new Random(seed);
        const flags = Array.from({ length: batch * length }, () => (masked ? random.integer(2) : 1));
        const mask = masked ? fromArray(flags, [batch, length], 'uint8') : undefined;
        const before = continued ? randomNormal([batch, heads], random.split('before'), 'float64') : undefined;
        const drawn = randomNormal([batch, heads, length], random.split('x'), 'float64').toArray();
        // What is masked does not count, whatever it holds.
        const isReal = (at: number) => flags[Math.floor(at / (heads * length)) * length + (at % length)] === 1;
        // Neither does what is no number, or none that a scale could bring near.
        const strange = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        const x = drawn.map((value, at) => (isReal(at) && random.integer(8) > 0 ? value : strange[random.integer(3)]));
        const { largest, logDecay } = runningMaximum(fromArray(x, [batch, heads, length], 'float64'), mask, before);
        const start = before?.toArray();
        const [maxima, steps] = [largest.toArray(), logDecay.toArray()];
        let highest = 0;
        x.forEach((value, at) => {
          if (at % length === 0) highest = start?.[at / length] ?? LOWEST;
          const last = highest;
          if (isReal(at) && Number.isFinite(value)) highest = Math.max(highest, value);
          assert.is(maxima[at], highest);
          assert.is(steps[at], last - highest);
        });
      });
    }),
  );
});

test('what does not fit is refused by name', () => {
  const x = zeros([2, 3, 4]);
  assert.throws(
    () => runningMaximum(x, zeros([2, 5], 'uint8')),
    (error: Error) => error instanceof ShapeError,
  );
  assert.throws(() => runningMaximum(x, undefined, zeros([2, 4])), /^before: /);
});

test.run();
