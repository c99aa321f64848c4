import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * A language model of bytes on the declarations of TypeScript: small, but enough to generate declarations that look like
 * some. Its layers are something to compare variants on: `compare --checkpoint out/byte-lm`.
 */
export const byteLmRecipe: Recipe = {
  name: 'byte-lm',
  summary: 'a language model of bytes at 256 tokens, full attention',
  attention: {
    full: { variant: 'full' },
    longformer: { variant: 'longformer' },
    performer: { variant: 'performer' },
    'linear-transformer': { variant: 'linear-transformer' },
  },
  settings: recipeSettings({
    task: { name: 'byte-lm', length: 256 },
    model: { layers: 4, modelDim: 128, heads: 4 },
    steps: 3000,
    batch: 8,
    schedule: { kind: 'cosine', peak: 2e-3, warmup: 100, total: 3000 },
    evaluateEvery: 200,
    evaluationExamples: 128,
  }),
  goal: { bitsBelowUnigram: 1.5 },
  minutes: 20,
};
