import { type Recipe, recipeSettings } from './recipe.ts';

const windows = (attentionWindow: readonly number[]) => ({
  attention: { variant: 'longformer', perLayer: { attentionWindow } },
});

/**
 * The schedule of windows that Beltagy et al. 2020 compare in their table 4: growing with the layer, the same in all layers,
 * and shrinking, with about the same number of pairs. The paper has 1.21, 1.23 and 1.24 bits per character on text8. Here the
 * mean of three seeds is 1.64, 1.69 and 1.71 bits per byte, in the same order for each seed (bench/results/training/windows).
 * The goal is only that each of them learns.
 */
export const windowsRecipe: Recipe = {
  name: 'windows',
  summary: 'Model bytes at 256 tokens: windows that grow, stay the same or shrink from layer to layer',
  runs: {
    growing: windows([16, 32, 64, 128]),
    constant: windows([60, 60, 60, 60]),
    shrinking: windows([128, 64, 32, 16]),
  },
  settings: recipeSettings({
    task: { name: 'byte-lm', length: 256 },
    model: { layers: 4, modelDim: 64, heads: 4, positions: 'rotary' },
    steps: 400,
    batch: 8,
    schedule: { kind: 'linear', peak: 5e-3, warmup: 50, total: 400 },
    evaluateEvery: 100,
    evaluationExamples: 64,
  }),
  goal: { bitsBelowUnigram: 1 },
  minutes: 5,
};
