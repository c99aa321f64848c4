/**
 * A training that is known to work: model, task, settings and expected result. Recipes choose variants by their names, which
 * are data here.
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
   * The runs by name, which differ only in these settings. A run has the name of its variant, unless two runs would share it.
   */
  readonly runs: Readonly<Record<string, RecipeRun>>;
  readonly settings: Omit<RunSettings, 'model'> & { model: Omit<ModelSettings, 'attention'> };
  /** The goal of every run at its end, on held-out examples. */
  readonly goal: Goal;
  /** About how many minutes all runs together take on two cores. */
  readonly minutes: number;
}

/** What sets one run of a recipe apart from the others. */
export type RecipeRun = { attention: AttentionSettings } & Omit<ModelSettings, 'attention'>;

/** The goal of a run. */
export type Goal =
  /** For each run by its name, or for all; a run that is not named has no goal. */
  | { accuracy: number | Readonly<Record<string, number>> }
  /** That much above the accuracy of the most frequent answer. */
  | { aboveMajority: number }
  /** Nats for each target that counts, at most. */
  | { loss: number }
  /** Bits for each target, below the entropy of their frequencies; and the training loss, smoothed, only ever falls. */
  | { bitsBelowUnigram: number };

/** The settings of a recipe, of which only unusual ones are given. */
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
  return Object.entries(runs).map(([name, model]) => {
    return { name, settings: { ...settings, model: { ...settings.model, ...model } } };
  });
}

/** A run for each variant, without options and by its name. */
export function runsWith(variants: readonly string[]): Recipe['runs'] {
  return Object.fromEntries(variants.map((variant) => [variant, { attention: { variant } }]));
}

/** A run at its end. */
export interface Outcome {
  loss: number;
  accuracy: number;
  lines: readonly MetricsLine[];
}

/** Whether the run of that name reached its goal; null if it has none. */
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
