import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  chosenVariants,
  nameOfCell,
  type PlanSettings,
  planCells,
  referenceCell,
  type Skip,
} from '../../src/compare/plan.ts';
import { ArgumentError, EfficientTransformersError, UnsupportedError } from '../../src/core/errors.ts';
import { checkOptions } from '../../src/variants/attend.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import type { AttentionShape } from '../../src/variants/variant.ts';
import { registerTestVariants } from './test-variants.ts';

registerTestVariants();

function square(length: number): AttentionShape {
  return { batch: 1, heads: 2, queryLength: length, keyLength: length, headDim: 8, dtype: 'float32' };
}

function plan(length: number, settings: PlanSettings = {}, shortest = length) {
  const skips: Skip[] = [];
  const cells = planCells(square(length), settings, (skip) => skips.push(skip), shortest);
  const of = (name: string) => cells.filter(({ variant }) => variant.name === name);
  return { cells, skips, of, budgetsOf: (name: string) => of(name).map(({ budget }) => budget?.value ?? null) };
}

const lengths = fc.integer({ min: 1, max: 300 });

test('without names every variant is there or its absence is explained; causal only those that can be', () => {
  fc.assert(
    fc.property(lengths, fc.boolean(), (length, causal) => {
      const { cells, skips, of } = plan(length, { causal });
      for (const { name, supports } of allVariants()) {
        const own = skips.filter(({ variant }) => variant === name);
        assert.ok(of(name).length + own.length > 0, `${name} is missing`);
        if (causal && !supports.causal) {
          assert.is(of(name).length, 0);
          assert.match(own[0].reason, /^causal: /);
        }
      }
      assert.is(of('full').length, 1);
      for (const { variant, options, budget } of cells) {
        assert.is(options.causal, causal);
        // Complete, and accepted as they are.
        assert.equal(checkOptions(variant, options, square(length)), options);
        assert.is(budget === null, variant.budget === null);
        if (budget !== null) assert.is((options as unknown as Record<string, unknown>)[budget.option], budget.value);
      }
    }),
  );
});

/** A variant's own budgets that cost fewer operations than full attention; its least if none does. */
function cheaperThanFull({ budget, cost, defaults }: AnyVariant, length: number): number[] {
  const shape = square(length);
  const { variant: full, options } = referenceCell(shape, false);
  const flops = (value: number) => {
    const asked = { [String(budget?.option)]: value };
    return cost(shape, { ...defaults(length, asked), ...asked }).flops;
  };
  const own = budget?.values(length) ?? [];
  const cheaper = own.filter((value) => flops(value) < full.cost(shape, options).flops);
  return cheaper.length === 0 ? own.slice(0, 1) : cheaper;
}

test('one budget each unless told: that of the default options, of the shortest length where there are several', () => {
  const several = fc.uniqueArray(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(several, (all) => {
      const shortest = Math.min(...all);
      for (const length of all) {
        const { of, skips } = plan(length, {}, shortest);
        for (const { name, budget, defaults } of allVariants()) {
          if (budget === null || skips.some(({ variant }) => variant === name)) continue;
          const at = (tokens: number) => (defaults(tokens) as unknown as Record<string, number>)[String(budget.option)];
          const [cell, ...others] = of(name);
          assert.is(others.length, 0);
          const value = cell.budget?.value as number;
          if (value === at(shortest)) continue;
          // What is right at the shortest does not do here.
          assert.is(value, at(length));
          throws(
            () => plan(length, { variants: [name], budgets: [at(shortest)] }),
            EfficientTransformersError,
            new RegExp(String(budget.option)),
          );
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('a sweep takes a few of the budgets cheaper than full attention, ascending, the ends among them', () => {
  fc.assert(
    fc.property(lengths, (length) => {
      const { skips, budgetsOf } = plan(length, { allBudgets: true });
      for (const variant of allVariants()) {
        const { name } = variant;
        const own = cheaperThanFull(variant, length);
        if (own.length === 0 || skips.some((skip) => skip.variant === name)) continue;
        const swept = budgetsOf(name) as number[];
        assert.ok(swept.every((value) => own.includes(value)));
        assert.equal(
          swept,
          [...new Set(swept)].sort((a, b) => a - b),
        );
        assert.is(swept.length, Math.min(4, own.length));
        assert.equal([swept[0], swept[swept.length - 1]], [Math.min(...own), Math.max(...own)]);
      }
    }),
  );
});

test('over several lengths, the middle budget of the shortest is in the sweeps of all that have it', () => {
  const several = fc.uniqueArray(fc.integer({ min: 64, max: 2000 }), { minLength: 2, maxLength: 4 });
  fc.assert(
    fc.property(several, (all) => {
      const shortest = Math.min(...all);
      const plans = all.map((length) => ({ length, ...plan(length, { allBudgets: true }, shortest) }));
      for (const each of allVariants()) {
        const { name, budget } = each;
        if (budget === null || plans.some(({ skips }) => skips.some(({ variant }) => variant === name))) continue;
        const sweep = plan(shortest, { allBudgets: true }).budgetsOf(name) as number[];
        const middle = sweep[Math.floor((sweep.length - 1) / 2)];
        for (const { length, budgetsOf } of plans) {
          assert.ok(
            budgetsOf(name).includes(middle) || !cheaperThanFull(each, length).includes(middle),
            `${name} at ${length}`,
          );
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('every variant accepts its own budgets and its defaults, at any length', () => {
  fc.assert(
    fc.property(lengths, (length) => {
      for (const variant of allVariants().filter(({ name }) => name !== 'picky' && name !== 'greedy')) {
        checkOptions(variant, {}, square(length));
        for (const value of variant.budget?.values(length) ?? []) {
          checkOptions(variant, { [String(variant.budget?.option)]: value }, square(length));
        }
      }
    }),
  );
});

test('a budget of its own that does not go with an option that was asked for is not swept, and not told of', () => {
  const asked = (options: Record<string, unknown>) =>
    plan(50, { variants: ['sparse-transformer'], allBudgets: true, options: { 'sparse-transformer': options } });
  // Of 16, the only budget at this length, there are no 20 columns.
  const { cells, skips } = asked({ pattern: 'fixed', summaryColumns: 20 });
  assert.equal(skips, []);
  assert.equal(
    cells.map(({ options, budget }) => [options, budget]),
    [[{ causal: false, pattern: 'fixed', stride: 20, summaryColumns: 20, heads: 'merged' }, null]],
  );
  for (const stride of [1, 4, 50]) assert.is(asked({ stride }).cells.length, 1);
});

test('given budgets take the place of the own ones, each once', () => {
  const { budgetsOf } = plan(64, { budgets: [9, 4, 9] });
  assert.equal(budgetsOf('dummy'), [9, 4]);
  assert.equal(budgetsOf('full'), [null]);
});

test('what does not fit is left out with a reason, or thrown if the variant was named', () => {
  const { budgetsOf, skips } = plan(10, { budgets: [4, 6, 11] });
  assert.equal(budgetsOf('dummy'), [4, 6]);
  assert.equal(budgetsOf('picky'), [4]);
  assert.equal(
    skips.filter(({ variant }) => variant === 'picky').map(({ reason }) => reason),
    ['reach: expected at most 5, got 6', 'reach: expected an integer from 0 to 10, got 11'],
  );
  throws(() => plan(10, { variants: ['picky'], budgets: [4, 6] }), UnsupportedError, /^reach: expected at most 5/);
  // Of its own budgets, what does not fit is left out even if the variant was named, unless nothing is left.
  assert.equal(plan(24, { variants: ['picky'], allBudgets: true }).budgetsOf('picky'), [1, 3, 8]);
  throws(() => plan(1, { variants: ['picky'] }), UnsupportedError, /^reach: /);
  throws(() => plan(10, { variants: ['full', 'picky'], causal: true }), UnsupportedError, /^causal: picky cannot/);
});

test('an option that is the budget fixes it; others go to all cells', () => {
  const { budgetsOf, of } = plan(64, { options: { dummy: { reach: 7 } }, budgets: [1, 2] });
  assert.equal(budgetsOf('dummy'), [7]);
  assert.equal(of('dummy')[0].budget, { symbol: 'r', option: 'reach', value: 7 });
  assert.equal(budgetsOf('picky'), [1, 2]);
});

test('names are taken once and in the order given', () => {
  const { cells } = plan(64, { variants: ['dummy', 'full', 'dummy'], budgets: [1] });
  assert.equal(
    cells.map(({ variant }) => variant.name),
    ['dummy', 'full'],
  );
  assert.equal(chosenVariants(undefined), allVariants());
});

test('a written option that is wrong is an error, whether or not its variant was named', () => {
  for (const variants of [undefined, ['dummy']]) {
    const asked = (options: PlanSettings['options']) => () => plan(10, { variants, options });
    throws(asked({ dumy: {} }), ArgumentError, /^options: unknown variant 'dumy': did you mean 'dummy'/);
    throws(
      asked({ dummy: { rech: 1 } }),
      ArgumentError,
      /^options: unknown option of dummy 'rech': did you mean 'reach'/,
    );
    throws(asked({ dummy: { reach: -1 } }), ArgumentError, /^reach: /);
    throws(asked({ dummy: { reach: '3' } }), ArgumentError, /^reach: /);
  }
});

test('unknown names and empty lists are errors', () => {
  throws(() => plan(8, { variants: ['ful'] }), ArgumentError, /^variants: unknown variant 'ful': did you mean 'full'/);
  throws(() => plan(8, { variants: [] }), ArgumentError, /^variants: /);
  throws(() => plan(8, { budgets: [] }), ArgumentError, /^budgets: /);
});

test('the reference is full attention, causal as asked, and cells are named by their budget', () => {
  for (const causal of [false, true]) {
    const { variant, options, budget } = referenceCell(square(8), causal);
    assert.equal([variant.name, options, budget], ['full', { causal }, null]);
  }
  const [cell] = plan(8, { variants: ['dummy'], budgets: [3] }).cells;
  assert.is(nameOfCell(cell), 'dummy, r = 3');
  assert.is(nameOfCell(referenceCell(square(8), false)), 'full');
});

function throws(body: () => unknown, type: new (message: string) => EfficientTransformersError, message: RegExp): void {
  try {
    body();
  } catch (error) {
    assert.instance(error, type);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`nothing was thrown, expected ${message}`);
}

test.run();
