/** Learning rates over time. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../../src/core/errors.ts';
import { adafactorRate, learningRate, type Schedule } from '../../../src/training/optimizers/schedules.ts';
import { expectThrows } from '../../laws/laws/expect-throws.ts';

const rates = fc.double({ min: 1e-6, max: 10, noNaN: true });
const near = (actual: number, expected: number, what: string) =>
  assert.ok(
    Math.abs(actual - expected) <= 1e-12 * Math.max(actual, expected),
    `${what}: ${actual}, expected ${expected}`,
  );

/** Schedules that climb to a peak at the end of their warm-up and come down to an end. */
const climbing = fc
  .record({
    kind: fc.constantFrom('cosine', 'linear'),
    peak: rates,
    warmup: fc.nat(50),
    after: fc.integer({ min: 1, max: 200 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(
    ({ kind, peak, warmup, after, share }) =>
      ({ kind, peak, warmup, total: warmup + after, final: share * peak }) as const,
  );

test('cosine and linear: up in equal steps to the peak, down without a rise to the end, and then no more', () => {
  fc.assert(
    fc.property(climbing, (schedule) => {
      const { peak, warmup, total, final } = schedule;
      for (let step = 1; step <= warmup; step++)
        near(learningRate(schedule, step), (peak * step) / warmup, `step ${step}`);
      for (let step = warmup + 1; step <= total; step++) {
        const before = step === 1 ? peak : learningRate(schedule, step - 1);
        const rate = learningRate(schedule, step);
        // A rounding, where peak and end are the same.
        assert.ok(rate <= before * (1 + 1e-12) && rate >= final * (1 - 1e-12), `step ${step}: ${rate} after ${before}`);
      }
      near(learningRate(schedule, total), final, 'end');
      assert.is(learningRate(schedule, total + 1000), learningRate(schedule, total));
      const half = (total - warmup) / 2;
      if (Number.isInteger(half)) near(learningRate(schedule, warmup + half), (peak + final) / 2, 'half way');
    }),
  );
});

test('a quarter of the way down, a cosine has lost (1 − √½) / 2 and a line ¼', () => {
  const schedule = { peak: 1, warmup: 0, total: 4 };
  near(learningRate({ kind: 'cosine', ...schedule }, 1), (1 + Math.SQRT1_2) / 2, 'cosine');
  near(learningRate({ kind: 'linear', ...schedule }, 1), 0.75, 'linear');
});

test('inverse square root: the numbers of the paper, highest at the end of the warm-up', () => {
  // d_model = 512 and 4000 steps, as in Vaswani et al. 2017, §5.3: 512^−½ · 4000^−½.
  const schedule: Schedule = { kind: 'inverse-square-root', modelDim: 512, warmup: 4000 };
  near(learningRate(schedule, 4000), 1 / Math.sqrt(512 * 4000), 'peak');
  near(learningRate(schedule, 1000), learningRate(schedule, 4000) / 4, 'a quarter of the warm-up');
  near(learningRate(schedule, 16000), learningRate(schedule, 4000) / 2, 'four times the warm-up');
  near(learningRate({ ...schedule, scale: 3 }, 7), 3 * learningRate(schedule, 7), 'scale');
});

test('a constant is one; Adafactor has min(10⁻², 1/√t)', () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 1e9 }), (rate, step) => {
      assert.is(learningRate({ kind: 'constant', rate }, step), rate);
    }),
  );
  near(adafactorRate(1), 0.01, 'first');
  near(adafactorRate(10_000), 0.01, 'last at the peak');
  near(adafactorRate(40_000), 0.005, 'after it');
});

test('what cannot be right is refused by name', () => {
  const cosine = { kind: 'cosine', peak: 1, warmup: 5, total: 10 } as const;
  for (const step of [0, -1, 1.5]) expectThrows(ArgumentError, 'step', () => learningRate(cosine, step));
  expectThrows(ArgumentError, 'step', () => adafactorRate(0));
  expectThrows(ArgumentError, 'rate', () => learningRate({ kind: 'constant', rate: -1 }, 1));
  expectThrows(ArgumentError, 'rate', () => learningRate({ kind: 'constant' } as never, 1));
  expectThrows(ArgumentError, 'peak', () => learningRate({ ...cosine, peak: Number.NaN }, 1));
  expectThrows(ArgumentError, 'total', () => learningRate({ ...cosine, total: 4 }, 1));
  expectThrows(ArgumentError, 'warmup', () => learningRate({ ...cosine, warmup: -1 }, 1));
  expectThrows(ArgumentError, 'modelDim', () => {
    learningRate({ kind: 'inverse-square-root', modelDim: 0, warmup: 1 }, 1);
  });
  expectThrows(ArgumentError, 'warmup', () => {
    learningRate({ kind: 'inverse-square-root', modelDim: 8, warmup: 0 }, 1);
  });
  expectThrows(ArgumentError, 'kind', () => learningRate({ kind: 'steps' } as never, 1));
});

test.run();
