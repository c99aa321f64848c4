/** A training that is known to work, all of it written down: what is trained on what, how, and what comes of it. */
import type { ModelSettings } from '../learner.ts';
import type { AttentionSettings } from '../mixing.ts';
import { type RunSettings, runDefaults } from '../run.ts';
import type { Baseline } from '../tasks/baseline.ts';

export interface Recipe {
  readonly name: string;
  readonly summary: string;
  /** Each variant is a run of its own, with all else the same. */
  readonly attention: readonly AttentionSettings[];
  readonly settings: Omit<RunSettings, 'model'> & { model: Omit<ModelSettings, 'attention'> };
  /** What every run, or those of the variants named, should come to at its end, on held-out examples. */
  readonly goal: Goal;
  /** All runs together on two cores, about. */
  readonly minutes: number;
}

export type Goal = { variants?: readonly string[] } & (
  | { accuracy: number }
  /** That much above the accuracy of the most frequent answer. */
  | { aboveMajority: number }
  /** Nats for each target that counts, at most. */
  | { loss: number }
);

/** The settings of a recipe, of which only what is out of the ordinary is said. */
export type RecipeSettings = Partial<Recipe['settings']> & Pick<RunSettings, 'task' | 'steps' | 'schedule'>;

export function recipeSettings(settings: RecipeSettings): Recipe['settings'] {
  return { ...runDefaults, ...settings, model: { ...runDefaults.model, ...settings.model } };
}

/** One run for each variant. */
export function runsOf({ attention, settings }: Recipe): RunSettings[] {
  return attention.map((each) => ({ ...settings, model: { ...settings.model, attention: each } }));
}

/** Whether a run came to what its recipe says; null for a variant that it says nothing of. */
export function isReached(
  goal: Goal,
  variant: string,
  result: { loss: number; accuracy: number },
  baseline: Baseline,
): boolean | null {
  if (goal.variants !== undefined && !goal.variants.includes(variant)) return null;
  if ('loss' in goal) return result.loss <= goal.loss;
  if ('accuracy' in goal) return result.accuracy >= goal.accuracy;
  return result.accuracy >= baseline.accuracy + goal.aboveMajority;
}
