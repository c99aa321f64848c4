import { allVariants } from '../../variants/registry.ts';
import { type Recipe, recipeSettings, runsWith } from './recipe.ts';

/** A classifier reads in both directions. */
const bidirectional = allVariants().filter(({ supports }) => supports.bidirectional !== false);

/**
 * ListOps with every variant that reads in both directions, at a thirtieth of the Arena's length and with one layer, so that
 * all runs take a few minutes. As in the Arena, where accuracies are from 16% to 38%, a model soon learns to read the
 * outermost operators. This recipe only asks whether each variant trains.
 */
export const listopsRecipe: Recipe = {
  name: 'listops',
  summary: 'Evaluate ListOps at 64 tokens: every variant that reads in both directions',
  runs: runsWith(bidirectional.map(({ name }) => name)),
  settings: recipeSettings({
    task: { name: 'listops', length: 64 },
    model: { layers: 1, modelDim: 64, heads: 4, feedForwardDim: 128 },
    steps: 300,
    batch: 32,
    schedule: { kind: 'cosine', peak: 3e-3, warmup: 50, total: 300 },
    evaluateEvery: 100,
    evaluationExamples: 1024,
  }),
  goal: { aboveMajority: 0.1 },
  minutes: 6,
};
