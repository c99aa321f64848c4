/** What is read out of the raw numbers, whoever prints it. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  fasterFrom,
  middlePoints,
  needComparison,
  needSuite,
  needTraining,
  slopesOf,
} from '../../bench/report/results.ts';
import { pointsOf, seriesOf } from '../../src/compare/series.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { taskBaseline } from '../../src/training/tasks/baseline.ts';
import { openTask } from '../../src/training/tasks/registry.ts';

test('fasterFrom is the first length with nothing slower at it and after it', () => {
  const rows = fc
    .array(fc.double({ min: 0.25, max: 4, noNaN: true }), { minLength: 1, maxLength: 8 })
    .map((speedUps) => speedUps.map((speedUp, n) => ({ length: 512 * 2 ** n, speedUp })));
  fc.assert(
    fc.property(rows, (all) => {
      const lengths = all.map(({ length }) => length);
      const fitting = lengths.filter((from) => all.every(({ length, speedUp }) => length < from || speedUp > 1));
      assert.is(fasterFrom(all), fitting[0] ?? null);
    }),
  );
});

test('the middle point of a variant has as many budgets below it as above, or one fewer', () => {
  const { results } = needComparison();
  const middle = middlePoints({ results });
  for (const series of seriesOf(results)) {
    const values = pointsOf(series).map(({ budget }) => budget?.value ?? 0);
    const value = middle.get(series.variant)?.budget?.value ?? 0;
    const above = values.filter((each) => each > value).length - values.filter((each) => each < value).length;
    assert.ok(above === 0 || above === 1, series.label);
  }
});

test('slopes are those of the forward pass; a variant that is not there has none', () => {
  const rows = [false, true].map((training) => {
    const slope = training ? 2 : 1;
    return { variant: 'full', training, milliseconds: 0, peakBytes: 0, timeSlope: slope, memorySlope: slope };
  });
  assert.equal(slopesOf(rows, 'full'), { time: 1, memory: 1 });
  assert.equal(slopesOf(needSuite('scaling').rows, 'nobody'), { time: null, memory: null });
});

test('a recipe has one baseline, which is that of its task, in the rows of all its runs', () => {
  const { rows } = needTraining();
  for (const { name, settings } of recipes) {
    const own = rows.filter(({ recipe }) => recipe === name).map(({ baseline }) => baseline);
    for (const baseline of own) assert.equal(baseline, own[0], name);
    const { name: taskName, ...rest } = settings.task;
    const task = openTask(taskName, rest);
    // The text of a task of bytes may be another one since.
    if (task.alphabet === 'numbers' && own.length > 0) assert.equal(own[0], taskBaseline(task), name);
  }
});

test('a gated convolution of this width recalls least, as Arora et al. 2023 say (fig. 2), and yet more than nothing', () => {
  const all = needTraining().rows.filter(({ recipe }) => recipe === 'mqar-heirs');
  const accuracies = (isMeant: (name: string) => boolean) =>
    all.filter(({ name }) => isMeant(name)).map(({ accuracy }) => Number(accuracy));
  const hyena = accuracies((name) => name === 'hyena');
  const others = accuracies((name) => name !== 'hyena');
  assert.ok(hyena.length > 0 && others.length > 10);
  assert.ok(Math.max(...hyena) < Math.min(...others), `${hyena} below ${others}`);
  assert.ok(Math.min(...hyena) > 10 * all[0].baseline.accuracy, String(hyena));
});

test.run();
