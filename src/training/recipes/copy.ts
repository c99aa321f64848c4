import { type Recipe, recipeSettings, runsWith } from './recipe.ts';

/**
 * Copying by softmax and by linear attention (Katharopoulos et al. 2020, §4.1, where both learn it at a length of 128 with
 * four layers). With half the length and half the layers it takes two thousand steps.
 */
export const copyRecipe: Recipe = {
  name: 'copy',
  summary: 'Copy at 64 tokens: full attention and the linear transformer',
  runs: runsWith(['full', 'linear-transformer']),
  settings: recipeSettings({
    task: { name: 'copy', length: 64 },
    model: { layers: 2, modelDim: 64, heads: 4, feedForwardDim: 128 },
    steps: 2500,
    batch: 32,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 100, total: 2500 },
    evaluateEvery: 250,
  }),
  goal: { loss: 0.1 },
  minutes: 5,
};
