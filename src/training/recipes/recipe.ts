/**
 * A training that is known to work: model, task, settings and expected result. Recipes choose variants by name; the names are
 * data here.
 */
import { expectPlain, expectRecord, expectText, numberOf } from '../../core/expect.ts';
import type { ModelSettings } from '../learner.ts';
import { type MetricsLine, smoothedLosses } from '../metrics.ts';
import type { AttentionSettings } from '../mixing.ts';
import { type RunSettings, runDefaults } from '../run.ts';
import type { Baseline } from '../tasks/baseline.ts';

/** A training that is known to work: runs that differ in their attention, and the goal that each should reach. */
export interface Recipe {
  readonly name: string;
  readonly summary: string;
  /**
   * The runs by name; they differ only in these settings. A run is named after its variant, unless two runs would share the
   * name.
   */
  readonly runs: Readonly<Record<string, RecipeRun>>;
  readonly settings: Omit<RunSettings, 'model'> & { model: Omit<ModelSettings, 'attention'> };
  /** The goal of every run at its end, on held-out examples. */
  readonly goal: Goal;
  /** Approximate minutes for all runs together on two cores. */
  readonly minutes: number;
}

/** The settings in which a run differs from the others of its recipe: those of its model, and of how it is trained. */
export type RecipeRun = {
  attention: AttentionSettings | readonly AttentionSettings[];
  /** In place of the recipe's own, where a variant wants another learning rate or more steps, or losses are compared. */
  training?: Partial<Pick<RunSettings, 'steps' | 'schedule' | 'task'>>;
} & Omit<ModelSettings, 'attention'>;

/** The goal of a run. */
export type Goal =
  /** For each run by name, or for all; a run that is not listed has no goal. */
  | { accuracy: number | Readonly<Record<string, number>> }
  /** An accuracy this far above that of the most frequent answer. */
  | { aboveMajority: number }
  /** At most this loss, in nats for each target that counts. */
  | { loss: number }
  /**
   * A loss this many bits per target below the entropy of the target frequencies, and a smoothed training loss that never
   * rises.
   */
  | { bitsBelowUnigram: number };

/** The settings of a recipe; those left out have their defaults. */
export type RecipeSettings = Partial<Recipe['settings']> & Pick<RunSettings, 'task' | 'steps' | 'schedule'>;

export function recipeSettings(settings: RecipeSettings): Recipe['settings'] {
  return { ...runDefaults, ...settings, model: { ...runDefaults.model, ...settings.model } };
}

/** A run of a recipe, as `runsOf` returns it. */
export interface NamedRun {
  name: string;
  settings: RunSettings;
}

/** The runs of a recipe, each with all its settings. */
export function runsOf(recipe: Recipe): NamedRun[] {
  expectRecord('recipe', recipe, {
    name: expectText,
    summary: expectText,
    goal: expectPlain,
    minutes: numberOf(0),
    runs: (name, runs) => {
      expectRecord(name, runs);
      for (const [run, model] of Object.entries(runs)) expectPlain(`${name}.${run}`, model);
    },
    settings: (name, settings) => expectRecord(name, settings, { model: expectPlain }),
  });
  const { runs, settings } = recipe;
  return Object.entries(runs).map(([name, { training, ...model }]) => {
    return { name, settings: { ...settings, ...training, model: { ...settings.model, ...model } } };
  });
}

/** A run for each variant, named after it and without options. */
export function runsWith(variants: readonly string[]): Recipe['runs'] {
  return Object.fromEntries(variants.map((variant) => [variant, { attention: { variant } }]));
}

/** The result of a finished run. */
export interface Outcome {
  loss: number;
  accuracy: number;
  lines: readonly MetricsLine[];
}

/** Whether the run with this name reached its goal; null if it has none. */
export function isReached(goal: Goal, name: string, outcome: Outcome, baseline: Baseline): boolean | null {
  const { loss, accuracy, lines } = outcome;
  if ('loss' in goal) return loss <= goal.loss;
  if ('aboveMajority' in goal) return accuracy >= baseline.accuracy + goal.aboveMajority;
  if ('bitsBelowUnigram' in goal) {
    return loss <= baseline.loss - goal.bitsBelowUnigram * Math.LN2 && onlyFalls(smoothedLosses(lines));
  }
  const least = typeof goal.accuracy === 'number' ? goal.accuracy : goal.accuracy[name];
  return least === undefined ? null : accuracy >= least;
}

function onlyFalls(losses: readonly number[]): boolean {
  return losses.every((loss, n) => n === 0 || loss < losses[n - 1]);
}
