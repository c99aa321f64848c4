/** Recipes: each can begin and take a step, and says what counts as reached. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type MetricsLine, smoothedLosses } from '../../src/training/metrics.ts';
import { type Goal, isReached, runsOf } from '../../src/training/recipes/recipe.ts';
import { recipeOf } from '../../src/training/recipes/recipe-of.ts';
import { defaultRecipe, recipes } from '../../src/training/recipes/registry.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { allVariants } from '../../src/variants/registry.ts';

test('every recipe takes a step with every variant, on a batch of two', async () => {
  for (const recipe of recipes) {
    for (const { name, settings } of runsOf(recipe)) {
      const run = startRun({ ...settings, batch: 2, steps: 1, evaluationExamples: 2, evaluateEvery: 1 });
      const losses: number[] = [];
      await train(run, { onStep: ({ loss }) => losses.push(loss), onEvaluation: ({ loss }) => losses.push(loss) });
      assert.ok(
        losses.length === 2 && losses.every((loss) => loss > 0 && loss < 10),
        `${recipe.name}, ${name}: ${losses}`,
      );
      endRun(run);
    }
  }
});

test('a checkpoint tells which recipe it is of, from whatever seed; other settings are of none', () => {
  for (const recipe of recipes) {
    for (const { name, settings } of runsOf(recipe)) {
      const run = startRun({ ...settings, seed: 7 });
      const stored = JSON.parse(JSON.stringify(run.settings));
      endRun(run);
      assert.equal(recipeOf(stored), { recipe, name });
      assert.is(recipeOf({ ...stored, batch: stored.batch + 1 }), undefined);
      assert.is(recipeOf({ ...stored, task: { ...stored.task, length: stored.task.length - 1 } }), undefined);
    }
  }
});

test('names are distinct, schedules end with the steps, goals are about runs that there are', () => {
  const names = recipes.map(({ name }) => name);
  assert.equal([...new Set(names)], names);
  assert.ok(recipes.includes(defaultRecipe));
  for (const recipe of recipes) {
    const { name, goal, runs: all, minutes } = recipe;
    for (const { settings } of runsOf(recipe)) {
      if ('total' in settings.schedule) assert.is(settings.schedule.total, settings.steps, name);
    }
    const runs = Object.keys(all);
    assert.ok(runs.length > 0 && minutes > 0, name);
    if (!('accuracy' in goal) || typeof goal.accuracy === 'number') continue;
    for (const run of Object.keys(goal.accuracy)) assert.ok(runs.includes(run), `${name}: ${run}`);
  }
  const listops = recipes.find(({ name }) => name === 'listops');
  assert.equal(
    Object.keys(listops?.runs ?? {}),
    // A classifier reads in both directions.
    allVariants().flatMap(({ name, supports }) => (supports.bidirectional === false ? [] : [name])),
  );
});

const line = (step: number, loss: number): MetricsLine => {
  return { kind: 'steps', step, loss, gradientNorm: 1, learningRate: 1, tokensPerSecond: 1, seconds: step };
};
/** Of 20 steps, four of which are a fifth. */
const linesOf = (lossAt: (step: number) => number) => {
  return Array.from({ length: 20 }, (_, n) => line(n + 1, lossAt(n + 1)));
};
const falling = linesOf((step) => 5 - step / 10);

test('what is reached', () => {
  const baseline = { accuracy: 0.2, loss: 2 };
  const cases: [goal: Goal, loss: number, accuracy: number, reached: boolean | null][] = [
    [{ accuracy: 0.5 }, 9, 0.5, true],
    [{ accuracy: 0.5 }, 0, 0.49, false],
    [{ loss: 0.1 }, 0.1, 0, true],
    [{ loss: 0.1 }, 0.11, 1, false],
    [{ loss: 0.1 }, Number.NaN, 1, false],
    [{ aboveMajority: 0.25 }, 9, 0.45, true],
    [{ aboveMajority: 0.25 }, 0, 0.44, false],
    [{ accuracy: { full: 0.5 } }, 0, 1, true],
    [{ accuracy: { full: 0.5, reformer: 0.1 } }, 0, 0.4, false],
    [{ accuracy: { reformer: 0.5 } }, 0, 1, null],
    [{ bitsBelowUnigram: 1.5 }, 2 - 1.51 * Math.LN2, 0, true],
    [{ bitsBelowUnigram: 1.5 }, 2 - 1.49 * Math.LN2, 1, false],
  ];
  for (const [goal, loss, accuracy, reached] of cases) {
    assert.is(isReached(goal, 'full', { loss, accuracy, lines: falling }, baseline), reached, JSON.stringify(goal));
  }
});

test('a loss that rises from one fifth of the run to the next is no fall, one that rises within a fifth is', () => {
  const judged = (lines: MetricsLine[]) =>
    isReached({ bitsBelowUnigram: 1 }, 'full', { loss: 0, accuracy: 0, lines }, { accuracy: 0, loss: 2 });
  assert.is(judged(linesOf((step) => 5 - step / 10 + (step % 2 === 0 ? 0.15 : 0))), true);
  assert.is(judged(linesOf((step) => (step === 20 ? 5 : 5 - step / 10))), false);
});

test('the smoothed loss is a mean over steps, not over lines', () => {
  assert.equal(smoothedLosses([]), []);
  // Both of the first lines end in the first fifth of a hundred steps.
  const lines = [line(11, 1), line(20, 2), line(100, 3)];
  const [first, second] = smoothedLosses(lines);
  assert.equal([first, second], [(11 * 1 + 9 * 2) / 20, 3]);
});

test.run();
