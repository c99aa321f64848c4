/** The verdict follows from the numbers, and notices a wrong one. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FileFormatError } from '../../src/core/errors.ts';
import {
  atAnyScale,
  type Check,
  type Claim,
  exponentOf,
  judge as judgeAt,
  worstOf,
} from '../../src/reproduce/claims.ts';
import type { Scale } from '../../src/reproduce/experiment.ts';
import { Results } from '../../src/reproduce/results.ts';

const resultsOf = (numbers: Record<string, number | number[]>) => new Results(new Map([['unit', numbers]]));
const claimOf = (holds: Check, direction?: Check): Claim => ({
  says: 'A claim',
  paper: '1',
  holds,
  ...(direction === undefined ? {} : { direction }),
  because: { small: { 'holds in direction': 'a reason' } },
});
const judge = (claim: Claim, results: Results, scale: Scale = 'small') => judgeAt(claim, results, scale);
const value = (results: Results) => results.number('unit', 'value');
const listed = (list: number[]) => ({ list, of: list.length });
const list = (results: Results) =>
  results.list('unit', 'list', results.number('unit', 'of')).map((each, at) => ({ name: `n ${at}`, value: each }));
const verdictOf = (claim: Claim, numbers: Record<string, number | number[]>) =>
  judge(claim, resultsOf(numbers)).verdict;

test('a number within its distance holds, one beyond it does not', () => {
  const factor = fc.double({ min: 0.01, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 1e6, noNaN: true }), factor, (expected, within) => {
      const claim = claimOf({ kind: 'number', read: value, expected, within });
      for (const sign of [-1, 1]) {
        assert.is(verdictOf(claim, { value: expected * (1 + 0.99 * sign * within) }), 'holds');
        assert.is(verdictOf(claim, { value: expected * (1 + 1.01 * sign * within) }), 'does not hold here');
      }
      assert.is(verdictOf(claim, { value: Number.NaN }), 'does not hold here');
    }),
  );
});

test('bounds include their ends; without one, any finite number beyond the other holds', () => {
  const claim = claimOf({ kind: 'bounds', read: value, least: 1, most: 2 });
  const verdicts = [0.999, 1, 2, 2.001].map((each) => verdictOf(claim, { value: each }));
  assert.equal(verdicts, ['does not hold here', 'holds', 'holds', 'does not hold here']);
  const atLeast = claimOf({ kind: 'bounds', read: value, least: 1 });
  assert.is(verdictOf(atLeast, { value: 1e300 }), 'holds');
  assert.is(verdictOf(atLeast, { value: Number.POSITIVE_INFINITY }), 'does not hold here');
});

test('an order holds for a list that rises, and for no other order of it', () => {
  const claim = claimOf({ kind: 'rising', read: list });
  const different = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 8 });
  fc.assert(
    fc.property(different, fc.nat(), (values, place) => {
      const sorted = [...values].sort((a, b) => a - b);
      assert.is(verdictOf(claim, listed(sorted)), 'holds');
      const at = place % (sorted.length - 1);
      [sorted[at], sorted[at + 1]] = [sorted[at + 1], sorted[at]];
      const { verdict, ours } = judge(claim, resultsOf(listed(sorted)));
      assert.is(verdict, 'does not hold here');
      // It shows what is out of order.
      assert.ok(ours.includes(`n ${at + 1} ${sorted[at + 1]}`), ours);
    }),
  );
  assert.is(verdictOf(claim, listed([1, 1])), 'does not hold here');
  assert.is(verdictOf(claim, listed([1])), 'does not hold here');
});

test('with a margin, neighbours within it are equal, on both sides: that meets the weaker check only', () => {
  const factors = fc.array(fc.double({ min: 1.01, max: 3, noNaN: true }), { minLength: 1, maxLength: 6 });
  const first = fc.double({ min: 1e-3, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      factors,
      first,
      fc.nat(),
      fc.double({ min: 0.01, max: 0.5, noNaN: true }),
      (steps, least, at, margin) => {
        const claim = claimOf(
          { kind: 'rising', read: list, margin },
          { kind: 'rising', read: list, margin, orEqual: true },
        );
        /** Every step is beyond the margin, but for one. */
        const valuesOf = (step: number) => {
          const values = [least];
          for (const [n, factor] of steps.entries()) {
            values.push(values[n] * (n === at % steps.length ? step : factor * (1 + margin)));
          }
          return values;
        };
        const verdicts: [number, string][] = [
          [1 + 1.01 * margin, 'holds'],
          [1 + 0.99 * margin, 'holds in direction'],
          [1, 'holds in direction'],
          [1 / (1 + 0.99 * margin), 'holds in direction'],
          [1 / (1 + 1.01 * margin), 'does not hold here'],
        ];
        for (const [step, verdict] of verdicts)
          assert.is(verdictOf(claim, listed(valuesOf(step))), verdict, `× ${step}`);
        assert.is(verdictOf(claim, listed([...valuesOf(2), Number.NaN])), 'does not hold here');
      },
    ),
  );
});

test('what is expected says the margin, and what came out shows the equal ones', () => {
  const read = list;
  const numbers = listed([1, 2, 4, 4.2, 8]);
  const strict = judge(claimOf({ kind: 'rising', read, margin: 0.1 }), resultsOf(numbers));
  assert.is(strict.expected, 'in rising order, each by more than 10%');
  assert.is(strict.ours, 'n 0 1 … n 4 8, but n 2 4, n 3 4.2');
  const weak = judge(claimOf({ kind: 'rising', read, margin: 0.1, orEqual: true }), resultsOf(numbers));
  assert.equal([weak.verdict, weak.expected], ['holds', 'in rising order, or equal within 10%']);
});

test('the exponent of a power is that power, and a bound on it notices another', () => {
  const exponent = fc.double({ min: -3, max: 3, noNaN: true });
  fc.assert(
    fc.property(exponent, fc.double({ min: 0.01, max: 100, noNaN: true }), (power, factor) => {
      const points = [1, 2, 4, 8].map((x) => ({ x, y: factor * x ** power }));
      assert.ok(Math.abs(exponentOf(points) - power) < 1e-9);
      const claim = claimOf({ kind: 'growth', read: () => points, least: power - 0.1, most: power + 0.1 });
      assert.is(verdictOf(claim, {}), 'holds');
      points[3].y *= 2;
      assert.is(verdictOf(claim, {}), 'does not hold here');
    }),
  );
  assert.ok(Number.isNaN(exponentOf([{ x: 1, y: 1 }])));
});

test('the weaker check decides between direction and nothing; the reason of another verdict is not shown', () => {
  const claim = claimOf(
    { kind: 'number', read: value, expected: 10, within: 0.1 },
    { kind: 'bounds', read: value, least: 5 },
  );
  const judged = [10, 6, 4].map((each) => judge(claim, resultsOf({ value: each })));
  assert.equal(
    judged.map(({ verdict, why }) => [verdict, why]),
    [
      ['holds', ''],
      ['holds in direction', 'a reason'],
      ['does not hold here', ''],
    ],
  );
  assert.is(judged[0].expected, '10 within 10%');
  assert.is(worstOf(['holds', 'does not hold here', 'holds in direction']), 'does not hold here');
  assert.is(worstOf(['holds', 'holds in direction']), 'holds in direction');
});

test('a reason is shown at its own scale, and at both only if it is for any', () => {
  const found = claimOf({ kind: 'bounds', read: value, least: 5 }, { kind: 'bounds', read: value, least: 1 });
  const general = { ...found, because: atAnyScale({ 'holds in direction': 'of any run' }) };
  const whyOf = (claim: Claim, scale: Scale) => judge(claim, resultsOf({ value: 2 }), scale).why;
  assert.equal([whyOf(found, 'small'), whyOf(found, 'paper')], ['a reason', '']);
  assert.equal([whyOf(general, 'small'), whyOf(general, 'paper')], ['of any run', 'of any run']);
});

test('values at each step are those of all trainings; other steps and lengths are refused by unit and list', () => {
  const trained = (steps: number[], losses: number[]) => ({ steps, losses });
  const read = (...all: ReturnType<typeof trained>[]) => {
    const results = new Results(new Map(all.map((numbers, at) => [`seed ${at}`, numbers])));
    return results.curve(
      all.map((_, at) => `seed ${at}`),
      'losses',
      results.steps('seed 0'),
    );
  };
  const right = trained([10, 20], [3, 1]);
  assert.equal(read(right, trained([10, 20], [4, 2])), [
    [3, 4],
    [1, 2],
  ]);
  for (const [wrong, message] of [
    [trained([10, 20], [4]), /'seed 1': expected a list 'losses' of 2 numbers, got 1/],
    [trained([10], [4, 2]), /'seed 1': expected a list 'steps' of 2 numbers, got 1/],
    [trained([10, 25], [4, 2]), /'seed 1': expected 20 as number 2 of the list 'steps', got 25/],
  ] as const) {
    assert.throws(() => read(right, wrong), message);
  }
  assert.throws(() => read(trained([], [])), /'seed 0': expected a list 'steps' of rising numbers above 0, got none/);
  assert.throws(() => read(trained([20, 10], [1, 2])), /'steps' of rising numbers above 0, got 20, 10/);
});

test('results that lack what a claim reads are refused', () => {
  const claim = claimOf({ kind: 'bounds', read: value, least: 0 });
  for (const numbers of [{}, { value: [1] }] as Record<string, number[]>[]) {
    assert.throws(
      () => judge(claim, resultsOf(numbers)),
      (error: unknown) => error instanceof FileFormatError && /'unit': expected a number 'value'/.test(error.message),
    );
  }
  assert.throws(() => resultsOf({ value: 1 }).list('unit', 'value', 1), /expected a list 'value'/);
});

test.run();
