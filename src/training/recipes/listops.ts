import { allVariants } from '../../variants/registry.ts';
import { type Recipe, recipeSettings } from './recipe.ts';

/**
 * ListOps with every variant, at a sixteenth of the Arena's length and with a small model, so that all of them are through
 * in a quarter of an hour. As in the Arena, where accuracies are from 16 to 38 %, what is learned soon is to look at the
 * outermost operators; the question here is whether each variant trains.
 */
export const listopsRecipe: Recipe = {
  name: 'listops',
  summary: 'ListOps at 128 tokens, every variant',
  attention: Object.fromEntries(allVariants().map(({ name }) => [name, { variant: name }])),
  settings: recipeSettings({
    task: { name: 'listops', length: 128 },
    model: { layers: 2, modelDim: 64, heads: 4 },
    steps: 400,
    batch: 32,
    schedule: { kind: 'cosine', peak: 2e-3, warmup: 50, total: 400 },
    evaluationExamples: 1024,
  }),
  goal: { aboveMajority: 0.1 },
  minutes: 20,
};
