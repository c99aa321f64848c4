import { type Recipe, recipeSettings } from './recipe.ts';

const task = { name: 'sentence-mlm', length: 136, sentences: 8 };
const attention = { variant: 'etc' };

/**
 * ETC's two losses, hidden bytes and hidden sentences, beside hidden bytes alone (Ainslie et al. 2020, contrastive predictive
 * coding). Each batch hides 32 sentences of 16 bytes, whose summaries are to be told apart: by chance that loss is ln 32, or 0.87
 * with its weight.
 *
 * There are no positions but ETC's own, which are relative: others could tell where a summary stands, and with that which of the
 * eight sentences it is of, without a byte of it.
 *
 * From seeds 1 and 2 the loss of summaries falls from ln 32 = 3.47 to 2.85 and 2.83: they learn something of what is hidden. Bytes
 * do not gain by it in so few steps: 39.7% and 44.1% of the hidden ones are right, and 45.5% and 49.4% without that loss
 * (bench/results/training/sentences; the machine was busy, so the times there say nothing). The goal is only that both learn.
 */
export const sentencesRecipe: Recipe = {
  name: 'sentences',
  summary: 'Predict hidden bytes at 136 tokens, with and without the loss of the summaries of hidden sentences',
  runs: {
    'with-summaries': { attention, training: { task: { ...task, summaryWeight: 0.25 } } },
    'without-summaries': { attention, training: { task: { ...task, summaryWeight: 0 } } },
  },
  settings: recipeSettings({
    task,
    model: { layers: 2, modelDim: 64, heads: 4, positions: 'none' },
    steps: 300,
    batch: 16,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 30, total: 300 },
    evaluateEvery: 100,
    evaluationExamples: 128,
  }),
  goal: { loss: 2.5 },
  minutes: 3,
};
