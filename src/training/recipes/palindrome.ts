import { runsAbove } from './recall-runs.ts';
import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Palindromes (Kimi Team 2025, §5.1) of 15 symbols. Full attention finds each symbol by its place and is at 92% after 100 steps.
 * At this length the states of the recurrences hold all symbols too: all runs come to 100% (seeds 1, 2 and 3).
 */
export const palindromeRecipe: Recipe = {
  name: 'palindrome',
  summary: 'Repeat 15 symbols backwards: full attention and recurrences',
  runs: runsAbove({ full: {}, 'linear-transformer': {}, deltanet: {}, 'gated-deltanet': {} }),
  settings: recipeSettings({
    task: { name: 'palindrome', length: 32 },
    model: { layers: 2, modelDim: 64, heads: 2, feedForwardDim: 64, positions: 'learned' },
    steps: 400,
    batch: 32,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 50, total: 400 },
    evaluateEvery: 100,
    evaluationExamples: 256,
  }),
  goal: { accuracy: 0.99 },
  minutes: 3,
};
