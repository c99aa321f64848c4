import { type Recipe, recipeSettings, runsWith } from './recipe.ts';

/**
 * One head that copies, and rests on the first byte where there is nothing to copy: an attention sink. Drawn bytes have 3.77 bits
 * each, and 28% of all are copies, which have none. `npm run sink-table` reads longer texts with the model of seed 1.
 */
export const backcopyRecipe: Recipe = {
  name: 'backcopy',
  summary: 'Model bytes of which some are copies, with one head, in which an attention sink arises',
  runs: runsWith(['full']),
  settings: recipeSettings({
    task: { name: 'backcopy', length: 64 },
    model: { layers: 1, modelDim: 32, heads: 1, feedForwardDim: 32, positions: 'rotary' },
    steps: 800,
    batch: 16,
    schedule: { kind: 'cosine', peak: 1e-2, warmup: 50, total: 800 },
    evaluateEvery: 100,
    evaluationExamples: 256,
  }),
  // The entropy of the task is 1.90 nats.
  goal: { loss: 2 },
  minutes: 1,
};
