/** Budgets at equal cost, and the ranking by error and cost. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { budgetsOfShares, cheapestBudget } from '../../src/compare/equal-cost.ts';
import { formatFront, paretoFront, rankedPoints } from '../../src/compare/front.ts';
import { planCells, referenceCell } from '../../src/compare/plan.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { checkOptions } from '../../src/variants/attend.ts';
import { allVariants, findVariant } from '../../src/variants/registry.ts';
import { resultOf } from './results.ts';

const shapeOf = (length: number, heads: number) => ({
  batch: 1,
  heads,
  queryLength: length,
  keyLength: length,
  headDim: 16,
  dtype: 'float32' as const,
});

for (const variant of allVariants().filter(({ budget }) => budget !== null)) {
  test(`${variant.name}: the budget of a share costs no more than it, and one more would`, () => {
    const lengths = fc.integer({ min: 16, max: 300 });
    const shares = fc.integer({ min: 1, max: 64 }).map((sixteenths) => sixteenths / 16);
    let found = 0;
    fc.assert(
      fc.property(lengths, shares, (length, share) => {
        const shape = shapeOf(length, 2);
        const causal = variant.supports.bidirectional === false;
        const full = referenceCell(shape, causal);
        const most = full.variant.cost(shape, full.options).flops;
        const others = { ...variant.defaults(length), causal };
        const [value] = budgetsOfShares(variant, shape, others, most, [share]);
        if (value === undefined) return;
        found++;
        const option = String(variant.budget?.option);
        const costOf = (budget: number) =>
          variant.cost(shape, checkOptions(variant, { ...others, [option]: budget }, shape));
        assert.ok(costOf(value).flops <= share * most, `${value} costs ${costOf(value).flops} of ${share * most}`);
        // Nothing larger is looked at, and more blocks than a sequence has cost nothing.
        if (value >= 16 * length) return;
        let next: { flops: number };
        try {
          next = costOf(value + 1);
        } catch {
          // Beyond the option's range.
          return;
        }
        assert.ok(next.flops > share * most, `${value + 1} costs ${next.flops}, not more than ${share * most}`);
      }),
      { numRuns: 40 },
    );
    assert.ok(found > 0, 'no share was large enough');
  });
}

for (const variant of allVariants()) {
  test(`${variant.name}: nothing fits a share below the cheapest budget, which fits its own`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 16, max: 300 }), (length) => {
        const shape = shapeOf(length, 2);
        const causal = variant.supports.bidirectional === false;
        const full = referenceCell(shape, causal);
        const most = full.variant.cost(shape, full.options).flops;
        const others = { ...variant.defaults(length), causal };
        const cheapest = cheapestBudget(variant, shape, others);
        if (variant.budget === null) {
          assert.is(cheapest, null);
          return;
        }
        const complete = checkOptions(variant, { ...others, [String(variant.budget.option)]: cheapest }, shape);
        const share = variant.cost(shape, complete).flops / most;
        // Beside the rounding of the share itself.
        assert.equal(budgetsOfShares(variant, shape, others, most, [share * 0.999]), []);
        const [fits] = budgetsOfShares(variant, shape, others, most, [share * 1.001]);
        assert.ok(fits >= Number(cheapest), `${fits} instead of ${cheapest}`);
      }),
      { numRuns: 20 },
    );
  });
}

const points = fc.array(fc.record({ share: fc.integer({ min: 1, max: 9 }), error: fc.integer({ min: 0, max: 9 }) }), {
  minLength: 1,
  maxLength: 20,
});

test('no point of the front is beaten, and every other point is beaten by one of the front', () => {
  fc.assert(
    fc.property(points, (all) => {
      const front = paretoFront(all);
      assert.ok(front.size > 0);
      for (const point of all) {
        const better = [...front].some(
          (other) =>
            other.share <= point.share &&
            other.error <= point.error &&
            (other.share < point.share || other.error < point.error),
        );
        assert.is(better, !front.has(point));
      }
    }),
  );
});

test('a variant that ran into NaN is not on the front', () => {
  const broken = { share: 0.1, error: Number.NaN };
  const fine = { share: 0.2, error: 1 };
  assert.equal([...paretoFront([broken, fine])], [fine]);
});

test('the ranking goes by cost, marks the front, and leaves full attention out', () => {
  const results = [
    resultOf({ variant: 'full', flops: 100, fullFlops: 100, relativeError: 0 }),
    resultOf({ variant: 'dear', flops: 50, fullFlops: 100, relativeError: 0.3 }),
    resultOf({ variant: 'beaten', flops: 50, fullFlops: 100, relativeError: 0.4 }),
    resultOf({ variant: 'cheap', flops: 10, fullFlops: 100, relativeError: 0.5 }),
  ];
  const ranked = rankedPoints({ results });
  assert.equal(
    ranked.map(({ name, onFront }) => [name.split(',')[0], onFront]),
    [
      ['cheap', true],
      ['dear', true],
      ['beaten', false],
    ],
  );
  const text = formatFront({ results });
  assert.is(text.split('\n').filter((line) => line.startsWith('★ ')).length, 3, 'two rows and the explanation');
});

test('shares out of range are refused, and a variant that cannot spend so little is left out with the reason', () => {
  const refused = (shares: number[]) =>
    assert.throws(
      () => planCells(shapeOf(64, 1), { shares }),
      (error: Error) => error instanceof ArgumentError && error.message.startsWith('shares: expected'),
    );
  refused([]);
  refused([0]);
  refused([1.5]);
  refused([Number.NaN]);
  const skips: string[] = [];
  planCells(shapeOf(64, 1), { shares: [1e-6] }, ({ variant, reason }) => {
    // One without a budget costs what it costs, and is left out for another reason, if at all.
    if (findVariant(variant)?.budget === null) return;
    skips.push(variant);
    assert.match(reason, 'costs more than the requested share');
  });
  assert.ok(skips.length > 0);
});

test.run();
