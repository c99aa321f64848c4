import { type Recipe, recipeSettings } from './recipe.ts';

/** Options of Reformer in this recipe. */
export const reformerOptions = { numHashes: 4, chunkLength: 32, acrossBuckets: true } as const;

/**
 * Duplication at a length of 128, by one layer, as in §5 of Kitaev et al. 2020 (there at 1024 and four times as wide).
 *
 * Full attention has to look 63 places back; with rotary positions that is one angle for all tokens. Reformer's keys are its
 * queries, so rotation does not help it to look back: it has to give similar queries to two places 63 apart, and can learn
 * this only from places that met by chance. With sinusoids it can pick those with a period of 63 places, again one choice for
 * all tokens, while learned positions would have to be matched pair by pair. For the first third of the steps nothing seems
 * to happen.
 */
export const duplicationRecipe: Recipe = {
  name: 'duplication',
  summary: 'Duplicate sequences at 128 tokens: full attention and Reformer with 4 hashes',
  runs: {
    full: { attention: { variant: 'full' }, positions: 'rotary' },
    reformer: {
      attention: { variant: 'reformer', options: reformerOptions },
      positions: 'sinusoidal',
    },
  },
  settings: recipeSettings({
    task: { name: 'duplication', length: 128 },
    model: { layers: 1, modelDim: 64, heads: 1, feedForwardDim: 32 },
    steps: 1500,
    batch: 8,
    schedule: { kind: 'cosine', peak: 1e-2, warmup: 50, total: 1500 },
    evaluateEvery: 250,
  }),
  goal: { accuracy: { full: 0.99, reformer: 0.95 } },
  minutes: 1,
};
