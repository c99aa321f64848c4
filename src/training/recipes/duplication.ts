import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Duplication at a length of 128, by one layer, as in §5 of Kitaev et al. 2020 (there at 1024 and four times as wide). Full
 * attention has to find the token 63 places back; Reformer, whose keys are its queries, has to give both places queries
 * alike, of which nothing can come until they have met by chance. Sinusoidal positions help: what turns in step with a
 * distance at one place does so at all of them, whereas learned ones have to be brought together pair by pair, and stay
 * apart where they did not meet. Even so, nothing seems to happen for the first third of the steps.
 */
export const duplicationRecipe: Recipe = {
  name: 'duplication',
  summary: 'sequence duplication at 128 tokens, full attention and Reformer with 4 hashes',
  attention: {
    full: { variant: 'full' },
    reformer: { variant: 'reformer', options: { numHashes: 4, chunkLength: 32 } },
  },
  settings: recipeSettings({
    task: { name: 'duplication', length: 128 },
    model: { layers: 1, modelDim: 64, heads: 1, feedForwardDim: 32, positions: 'sinusoidal' },
    steps: 1500,
    batch: 8,
    schedule: { kind: 'cosine', peak: 1e-2, warmup: 50, total: 1500 },
    evaluateEvery: 250,
  }),
  goal: { accuracy: { full: 0.99, reformer: 0.95 } },
  minutes: 3,
};
