import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Duplication at a length of 128. Full attention finds the token half a sequence ago, and is then right in everything;
 * Reformer has to find it by hashing (Kitaev et al. 2020, §5, where one layer does so at a length of 1024).
 */
export const duplicationRecipe: Recipe = {
  name: 'duplication',
  summary: 'sequence duplication at 128 tokens, full attention and Reformer',
  attention: [{ variant: 'full' }, { variant: 'reformer', options: { chunkLength: 16 } }],
  settings: recipeSettings({
    task: { name: 'duplication', length: 128 },
    model: { layers: 2, modelDim: 128, heads: 4 },
    steps: 1500,
    batch: 16,
    schedule: { kind: 'cosine', peak: 2e-3, warmup: 100, total: 1500 },
  }),
  goal: { variants: ['full'], accuracy: 0.99 },
  minutes: 15,
};
