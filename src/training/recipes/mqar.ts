import { runsAbove } from './recall-runs.ts';
import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * MQAR in the smallest setting of Arora et al. 2023: 4 pairs, 64 tokens, a vocabulary of 256. At the end full attention recalls
 * 99.6%, DeltaNet 99.9% and KDA 99.8%, Gated DeltaNet 88.8% and the linear transformer 95.0% (seed 1). The sweep draws recall
 * against the bytes of the states.
 */
export const mqarRecipe: Recipe = {
  name: 'mqar',
  summary:
    'Recall 4 pairs among 64 tokens: full attention and recurrences, and recall against the bytes of their states',
  runs: runsAbove({ full: {}, 'linear-transformer': {}, deltanet: {}, 'gated-deltanet': {}, kda: {} }),
  settings: recipeSettings({
    task: { name: 'mqar', length: 64 },
    model: { layers: 2, modelDim: 64, heads: 2, feedForwardDim: 64, positions: 'none' },
    steps: 1500,
    batch: 32,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 50, total: 1500 },
    evaluateEvery: 250,
    evaluationExamples: 256,
  }),
  goal: { accuracy: { full: 0.99, deltanet: 0.99, kda: 0.99 } },
  minutes: 10,
};
