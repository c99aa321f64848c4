/** Units that are the runs of a recipe, one from each seed: their logs are read where they lie. */
import type { Recipe } from '../training/recipes/recipe.ts';
import { runsOf } from '../training/recipes/recipe.ts';
import type { Unit } from './experiment.ts';
import { unitName } from './over-seeds.ts';
import type { Results } from './results.ts';
import { trainingUnit } from './training-unit.ts';

/** Throws Error for a run that the recipe lacks. */
export function recipeUnits(recipe: Recipe, runs: readonly string[], seeds: readonly number[], steps?: number): Unit[] {
  const all = runsOf(recipe);
  return runs.flatMap((run) => {
    const found = all.find(({ name }) => name === run);
    if (found === undefined) throw new Error(`the recipe ${recipe.name} has no run '${run}'`);
    const { schedule } = found.settings;
    const longer =
      steps === undefined ? {} : { steps, schedule: 'total' in schedule ? { ...schedule, total: steps } : schedule };
    return seeds.map((seed) =>
      trainingUnit({ name: unitName(run, seed), settings: { ...found.settings, ...longer, seed } }),
    );
  });
}

/** A number of a run for each seed. */
export function valuesOf(results: Results, run: string, seeds: readonly number[], name: string): number[] {
  return seeds.map((seed) => results.number(unitName(run, seed), name));
}

/** The accuracies of a run at its end, for each seed. */
export function accuraciesOf(results: Results, run: string, seeds: readonly number[]): number[] {
  return valuesOf(results, run, seeds, 'accuracy');
}

/** The bytes of the states of a run's layers, which do not depend on the seed. */
export function stateBytesOf(results: Results, run: string, [seed]: readonly number[]): number {
  return results.number(unitName(run, seed), 'state bytes');
}
