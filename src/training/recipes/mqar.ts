import { runsAbove } from './recall-runs.ts';
import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * MQAR in the smallest setting of Arora et al. 2023: 4 pairs, 64 tokens, a vocabulary of 256; and with the weight decay of
 * their code, 0.1. At the end Gated DeltaNet recalls 99.6%, 99.6% and 99.7% (seeds 1, 2 and 3), KDA 99.9%, 99.8% and 99.6%,
 * full attention 99.6%, 99.1% and 99.2%, DeltaNet 99.5%, 99.9% and 99.8%, and the linear transformer 96.2% (seed 1). With a
 * weight decay of 0.01 and 1500 steps Gated DeltaNet recalled 98.7%, 99.4% and 98.6%, and KDA 99.8%, 93.5% and 98.9%. The
 * sweep draws recall against the bytes of the states.
 */
export const mqarRecipe: Recipe = {
  name: 'mqar',
  summary:
    'Recall 4 pairs among 64 tokens: full attention and recurrences, and recall against the bytes of their states',
  runs: runsAbove({ full: {}, 'linear-transformer': {}, deltanet: {}, 'gated-deltanet': {}, kda: {} }),
  settings: recipeSettings({
    task: { name: 'mqar', length: 64 },
    model: { layers: 2, modelDim: 64, heads: 2, feedForwardDim: 64, positions: 'none' },
    optimizer: { kind: 'adamw', weightDecay: 0.1 },
    steps: 2000,
    batch: 32,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 50, total: 2000 },
    evaluateEvery: 250,
    evaluationExamples: 256,
  }),
  goal: { accuracy: { full: 0.99, deltanet: 0.99, 'gated-deltanet': 0.99, kda: 0.99 } },
  minutes: 13,
};
