import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Copying at the paper's length, 128, by softmax and by linear attention (Katharopoulos et al. 2020, §4.1, where both
 * learn it, Reformer with more difficulty). Half as deep as there, and with fewer steps on a smaller batch.
 */
export const copyRecipe: Recipe = {
  name: 'copy',
  summary: 'copying at 128 tokens, full attention and the linear transformer',
  attention: [{ variant: 'full' }, { variant: 'linear-transformer' }],
  settings: recipeSettings({
    task: { name: 'copy', length: 128 },
    model: { layers: 2, modelDim: 128, heads: 8 },
    steps: 4000,
    batch: 16,
    schedule: { kind: 'cosine', peak: 2e-3, warmup: 200, total: 4000 },
    evaluateEvery: 200,
  }),
  goal: { loss: 0.1 },
  minutes: 30,
};
