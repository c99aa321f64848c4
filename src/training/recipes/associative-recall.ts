import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Recall of 31 pairs, by attention that can look at each of them, and by kernels, which have to keep all in one matrix.
 */
export const associativeRecallRecipe: Recipe = {
  name: 'associative-recall',
  summary: 'recall of 15 pairs of key and value, full attention and three kernels',
  attention: [{ variant: 'full' }, { variant: 'linear-transformer' }, { variant: 'performer' }],
  settings: recipeSettings({
    task: { name: 'associative-recall', length: 64 },
    model: { layers: 2, modelDim: 64, heads: 4 },
    steps: 2000,
    batch: 32,
    schedule: { kind: 'cosine', peak: 2e-3, warmup: 100, total: 2000 },
  }),
  goal: { variants: ['full'], accuracy: 0.99 },
  minutes: 15,
};
