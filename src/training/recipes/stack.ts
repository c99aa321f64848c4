import { runsAbove } from './recall-runs.ts';
import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * Two stacks (Kimi Team 2025, §5.1, has 64). A model that answers with the last symbol pushed onto the stack is right most of the
 * time; to do better it has to count the pops since. Full attention and the linear transformer come to 69% to 71%, and
 * were at 70% at most after 600 steps; DeltaNet, whose state forgets what is popped, is at 98% and Gated DeltaNet at 99% (seeds 1, 2
 * and 3).
 */
export const stackRecipe: Recipe = {
  name: 'stack',
  summary: 'Predict what is popped from 2 stacks in traces of 16 operations: full attention and recurrences',
  runs: runsAbove({ full: {}, 'linear-transformer': {}, deltanet: {}, 'gated-deltanet': {} }),
  settings: recipeSettings({
    task: { name: 'stack', length: 48, stacks: 2 },
    model: { layers: 2, modelDim: 64, heads: 2, feedForwardDim: 64, positions: 'none' },
    steps: 300,
    batch: 32,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 50, total: 300 },
    evaluateEvery: 100,
    evaluationExamples: 256,
  }),
  goal: { accuracy: { full: 0.6, deltanet: 0.9 } },
  minutes: 4,
};
