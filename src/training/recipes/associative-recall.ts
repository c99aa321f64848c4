import { type Recipe, recipeSettings, runsWith } from './recipe.ts';

/**
 * Recall of 15 pairs by attention that can look at each of them, and by a kernel, which keeps all in one matrix. It takes
 * two layers: the first looks at the token before, the second for a key like its own. Rotary positions make the first
 * easy; with learned ones the same model is still at a quarter of the answers after 1500 steps.
 */
export const associativeRecallRecipe: Recipe = {
  name: 'associative-recall',
  summary: 'recall of 15 pairs of key and value, full attention and the linear transformer',
  runs: runsWith(['full', 'linear-transformer']),
  settings: recipeSettings({
    task: { name: 'associative-recall', length: 64 },
    model: { layers: 2, modelDim: 64, heads: 4, positions: 'rotary' },
    steps: 1500,
    batch: 32,
    schedule: { kind: 'cosine', peak: 3e-3, warmup: 100, total: 1500 },
    evaluateEvery: 250,
  }),
  goal: { accuracy: { full: 0.99 } },
  minutes: 3,
};
