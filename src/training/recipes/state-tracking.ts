import { type Recipe, type RecipeRun, recipeSettings } from './recipe.ts';

/** Without convolutions around it, which would mix a token with those before it, and are no part of the question. */
function negative(variant: string): RecipeRun {
  return { attention: { variant, options: { negativeEigenvalues: true }, layerParts: false } };
}

/**
 * Parity (Grazzi et al. 2024): one layer of the delta rule keeps it where its transitions may have negative eigenvalues, and
 * learns that within a hundred steps; with positive ones alone, and with attention, it is right for
 * little more than short prefixes (58% and 54% at 32 tokens, seed 0).
 */
export const stateTrackingRecipe: Recipe = {
  name: 'state-tracking',
  summary: 'Track parity: delta rules with and without negative eigenvalues, linear attention and full attention',
  runs: {
    full: { attention: { variant: 'full' } },
    'linear-transformer': { attention: { variant: 'linear-transformer' } },
    deltanet: { attention: { variant: 'deltanet', layerParts: false } },
    'deltanet-negative': negative('deltanet'),
    'gated-deltanet-negative': negative('gated-deltanet'),
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
