/** Runs that are trained longer than they were begun with. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../../src/core/errors.ts';
import { longerRun } from '../../src/training/longer.ts';
import type { Schedule } from '../../src/training/optimizers/schedules.ts';
import { runsOf } from '../../src/training/recipes/recipe.ts';
import { recipeOf } from '../../src/training/recipes/recipe-of.ts';
import { recipes } from '../../src/training/recipes/registry.ts';
import { endRun, startRun } from '../../src/training/run.ts';

const peak = 0.1;
const schedules: [schedule: Schedule, isAsFromTheStart: boolean][] = [
  [{ kind: 'constant', rate: peak }, true],
  [{ kind: 'linear', peak, warmup: 3, total: 10, final: peak }, true],
  [{ kind: 'inverse-square-root', modelDim: 64, warmup: 3 }, true],
  [{ kind: 'linear', peak, warmup: 3, total: 10 }, false],
  [{ kind: 'cosine', peak, warmup: 3, total: 10 }, false],
];

test('the rates so far decide whether it is as if it had been as long from the start', () => {
  for (const [schedule, isAsFromTheStart] of schedules) {
    const run = begun(schedule);
    const longer = longerRun({ ...run, step: 10 }, 25);
    assert.is(longer.isAsFromTheStart, isAsFromTheStart, schedule.kind);
    assert.is(longer.run.settings.steps, 25);
    if ('total' in longer.run.settings.schedule) assert.is(longer.run.settings.schedule.total, 25);
    // While the rate still rises, every schedule is the same.
    assert.ok(longerRun({ ...run, step: 3 }, 25).isAsFromTheStart, schedule.kind);
    endRun(run);
  }
});

test('fewer steps than it has are refused', () => {
  const run = begun({ kind: 'constant', rate: peak });
  for (const [step, steps, message] of [
    [10, 10, /^steps: expected steps of the whole run, more than the 10 it has taken, got 10$/],
    [4, 9, /^steps: expected steps of the whole run, at least its own 10, got 9$/],
    [4, 10.5, /^steps: expected an integer of at least 1, got 10\.5$/],
  ] as const) {
    assert.throws(
      () => longerRun({ ...run, step }, steps),
      (error: Error) => error instanceof ArgumentError && message.test(error.message),
    );
  }
  assert.is(longerRun({ ...run, step: 4 }, 10).run.settings.steps, 10);
  endRun(run);
});

test('a recipe that is trained longer is still of that recipe', () => {
  for (const recipe of recipes) {
    const [{ name, settings }] = runsOf(recipe);
    const run = startRun(settings);
    const longer = longerRun({ ...run, step: settings.steps }, settings.steps + 7).run;
    assert.equal(recipeOf(JSON.parse(JSON.stringify(longer.settings))), { recipe, name });
    endRun(run);
  }
});

function begun(schedule: Schedule) {
  const [{ settings }] = runsOf(recipes[0]);
  return startRun({ ...settings, steps: 10, schedule });
}

test.run();
