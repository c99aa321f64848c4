import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Parity (Grazzi et al. 2024): one layer of the delta rule keeps it where its transitions may have negative eigenvalues, and
 * learns that within a hundred steps; with positive ones alone, and with attention, it can only guess from short prefixes.
 */
export const stateTrackingRecipe: Recipe = {
  name: 'state-tracking',
  summary: 'Track parity: delta rules with and without negative eigenvalues, linear attention and full attention',
  runs: {
    full: { attention: { variant: 'full' } },
    'linear-transformer': { attention: { variant: 'linear-transformer' } },
    deltanet: { attention: { variant: 'deltanet' } },
    'deltanet-negative': { attention: { variant: 'deltanet', options: { negativeEigenvalues: true } } },
    'gated-deltanet-negative': { attention: { variant: 'gated-deltanet', options: { negativeEigenvalues: true } } },
  },
  settings: recipeSettings({
    task: { name: 'state-tracking', length: 32 },
    model: { layers: 1, modelDim: 32, heads: 2, positions: 'rotary' },
    steps: 300,
    batch: 32,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 30, total: 300 },
    evaluateEvery: 100,
    evaluationExamples: 256,
  }),
  goal: { accuracy: { 'deltanet-negative': 0.99, 'gated-deltanet-negative': 0.99 } },
  minutes: 2,
};
