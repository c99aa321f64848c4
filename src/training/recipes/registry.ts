/** Every recipe, by name. Adding one is one file and one line here. */
import { isDeepStrictEqual } from 'node:util';
import type { RunSettings } from '../run.ts';
import { openTask } from '../tasks/registry.ts';
import { byteLmRecipe } from './byte-lm.ts';
import { copyRecipe } from './copy.ts';
import { duplicationRecipe } from './duplication.ts';
import { hashesRecipe } from './hashes.ts';
import { listopsRecipe } from './listops.ts';
import { type Recipe, runsOf } from './recipe.ts';
import { windowsRecipe } from './windows.ts';

export const recipes: readonly Recipe[] = [
  duplicationRecipe,
  hashesRecipe,
  copyRecipe,
  listopsRecipe,
  byteLmRecipe,
  windowsRecipe,
];

/** What `train` does where nothing is said. */
export const defaultRecipe: Recipe = duplicationRecipe;

/** The recipe, and its run, of a training that goes on from a checkpoint: the one that has these settings, from whatever seed. */
export function recipeOf(settings: RunSettings): { recipe: Recipe; name: string } | undefined {
  for (const recipe of recipes.filter((each) => each.settings.task.name === settings.task.name)) {
    const { name: task, ...own } = recipe.settings.task;
    // A checkpoint has the task's defaults written out.
    const known = { seed: settings.seed, task: { name: task, ...openTask(task, own).settings } };
    const found = runsOf(recipe).find((run) => isSame({ ...run.settings, ...known }, settings));
    if (found !== undefined) return { recipe, name: found.name };
  }
  return undefined;
}

/** As JSON, in which what is undefined is not there. */
function isSame(one: RunSettings, other: RunSettings): boolean {
  const [a, b] = [one, other].map((each) => JSON.parse(JSON.stringify(each)));
  return isDeepStrictEqual(a, b);
}
