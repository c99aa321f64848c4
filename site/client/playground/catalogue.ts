/** What the page is told of the recipes when it is built, as JSON in the page itself. */
import type { Goal } from '../../../src/training/recipes/recipe.ts';
import type { Baseline } from '../../../src/training/tasks/baseline.ts';

export interface CatalogueRun {
  name: string;
  /** The variant and the options that differ from its defaults. */
  attention: string;
  /** Layers, width, parameters, examples of a step. */
  model: string;
  goal: string;
  /** What the committed runs took and came to. */
  evidence: string;
}

export interface CatalogueRecipe {
  name: string;
  summary: string;
  task: string;
  steps: number;
  goal: Goal;
  /** Of seed 1; another seed's differs a little. */
  baseline: Baseline;
  runs: readonly CatalogueRun[];
}

/** A run of a recipe with a seed: what two curves of the plot never share. */
export interface Choice {
  recipe: string;
  run: string;
  seed: number;
}

export function isSame(one: Choice, other: Choice): boolean {
  return one.recipe === other.recipe && one.run === other.run && one.seed === other.seed;
}

/** Choices that are not in the catalogue, or are no choices, become the first. */
export function choiceFrom(
  catalogue: readonly CatalogueRecipe[],
  wanted: Partial<Record<keyof Choice, unknown>>,
): Choice {
  const recipe = catalogue.find(({ name }) => name === wanted.recipe) ?? catalogue[0];
  const run = recipe.runs.find(({ name }) => name === wanted.run) ?? recipe.runs[0];
  const seed = Number(wanted.seed ?? FIRST_SEED);
  return { recipe: recipe.name, run: run.name, seed: Number.isSafeInteger(seed) && seed >= 0 ? seed : FIRST_SEED };
}

/** That of the committed runs. */
export const FIRST_SEED = 1;
