/** Recipes: each can begin and take a step, and says what counts as reached. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Goal, isReached, runsOf } from '../../src/training/recipes/recipe.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { endRun, startRun } from '../../src/training/run.ts';
import { train } from '../../src/training/trainer.ts';
import { allVariants } from '../../src/variants/registry.ts';

test('every recipe takes a step with every variant, on a batch of two', async () => {
  for (const recipe of recipes) {
    for (const settings of runsOf(recipe)) {
      const run = startRun({ ...settings, batch: 2, steps: 1, evaluationExamples: 2, evaluateEvery: 1 });
      const losses: number[] = [];
      await train(run, { onStep: ({ loss }) => losses.push(loss), onEvaluation: ({ loss }) => losses.push(loss) });
      assert.ok(losses.length === 2 && losses.every((loss) => loss > 0 && loss < 10), `${recipe.name}: ${losses}`);
      endRun(run);
    }
  }
});

test('names are distinct, schedules end with the steps, goals are about variants that run', () => {
  const names = recipes.map(({ name }) => name);
  assert.equal([...new Set(names)], names);
  for (const { name, settings, goal, attention, minutes } of recipes) {
    if ('total' in settings.schedule) assert.is(settings.schedule.total, settings.steps, name);
    const variants = attention.map(({ variant }) => variant);
    assert.ok(variants.length > 0 && minutes > 0, name);
    for (const variant of goal.variants ?? []) assert.ok(variants.includes(variant), `${name}: ${variant}`);
  }
  const listops = recipes.find(({ name }) => name === 'listops');
  assert.equal(
    listops?.attention.map(({ variant }) => variant),
    allVariants().map(({ name }) => name),
  );
});

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
    [{ variants: ['full'], accuracy: 0.5 }, 0, 1, true],
    [{ variants: ['reformer'], accuracy: 0.5 }, 0, 1, null],
  ];
  for (const [goal, loss, accuracy, reached] of cases) {
    assert.is(isReached(goal, 'full', { loss, accuracy }, baseline), reached, JSON.stringify(goal));
  }
});

test.run();
