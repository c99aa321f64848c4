import { type Recipe, recipeSettings, runsWith } from './recipe.ts';

/**
 * A language model of bytes on TypeScript's declarations, with the same number of steps for each variant: small, but enough
 * to generate text that looks like declarations. After 600 steps full attention is at 1.6 bits per byte with rotary
 * positions, and at 2.8 with learned ones. Its layers are a good test for comparing variants: `compare --checkpoint
 * out/recipe-byte-lm/full`.
 */
export const byteLmRecipe: Recipe = {
  name: 'byte-lm',
  summary: 'Model bytes at 128 tokens: full attention and three variants whose cost is linear in the length',
  runs: runsWith(['full', 'longformer', 'performer', 'linear-transformer']),
  settings: recipeSettings({
    task: { name: 'byte-lm', length: 128 },
    model: { layers: 2, modelDim: 64, heads: 4, positions: 'rotary' },
    steps: 600,
    batch: 16,
    schedule: { kind: 'linear', peak: 5e-3, warmup: 50, total: 600 },
    evaluateEvery: 100,
    evaluationExamples: 128,
  }),
  goal: { bitsBelowUnigram: 1.5 },
  minutes: 4,
};
