/**
 * Finds the recipe that a run belongs to by its settings, so that a resumed run also shows the goal. It has its own file so
 * that a page can load the recipes alone.
 */
import { isDeepStrictEqual } from 'node:util';
import { until } from '../longer.ts';
import type { RunSettings } from '../run.ts';
import { openTask } from '../tasks/registry.ts';
import { type Recipe, runsOf } from './recipe.ts';
import { recipes } from './registry.ts';

/**
 * The recipe, and its run, with these settings; the seed may differ, and the settings may have more steps than the recipe.
 */
export function recipeOf(settings: RunSettings): { recipe: Recipe; name: string } | undefined {
  for (const recipe of recipes.filter((each) => each.settings.task.name === settings.task.name)) {
    const { steps, seed } = settings;
    const found = runsOf(recipe).find((run) => {
      const { name: task, ...own } = run.settings.task;
      // A checkpoint stores the task's defaults explicitly.
      const known = { seed, task: { name: task, ...openTask(task, own).settings } };
      const longer = { steps, schedule: until(run.settings.schedule, steps) };
      return steps >= run.settings.steps && isSame({ ...run.settings, ...known, ...longer }, settings);
    });
    if (found !== undefined) return { recipe, name: found.name };
  }
  return undefined;
}

/** As JSON, which leaves out undefined values. */
function isSame(one: RunSettings, other: RunSettings): boolean {
  const [a, b] = [one, other].map((each) => JSON.parse(JSON.stringify(each)));
  return isDeepStrictEqual(a, b);
}
