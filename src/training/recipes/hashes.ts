import { duplicationRecipe, reformerOptions } from './duplication.ts';
import type { Recipe, RecipeRun } from './recipe.ts';

/**
 * Table 2 of Kitaev et al. 2020: how well models trained with 4, 2 or 1 hashes do with more hashes and with fewer; and a
 * model trained without hashing, where a token meets all tokens before it. `npm run hash-table` prints it.
 */
export const hashesRecipe: Recipe = {
  name: 'hashes',
  summary: 'Duplicate sequences: Reformer with 4, 2 and 1 hashes, and its attention without hashing',
  runs: {
    'no-hashing': withHashes('all'),
    '4-hashes': withHashes(4),
    '2-hashes': withHashes(2),
    '1-hash': withHashes(1),
  },
  settings: duplicationRecipe.settings,
  goal: { accuracy: { '4-hashes': 0.95 } },
  minutes: 2,
};

/**
 * Options of Reformer that override all earlier ones: a number of rounds; or `all`, one bucket and one chunk, which is
 * softmax attention with k_j = q_j/‖q_j‖. `length`: of the sequences, by default that of the recipe.
 */
export function hashing(
  hashes: number | 'all',
  length = Number(duplicationRecipe.settings.task.length),
): Record<string, unknown> {
  if (hashes === 'all') return { ...reformerOptions, numHashes: 1, chunkLength: length, numBuckets: 1 };
  return { ...reformerOptions, numHashes: hashes, numBuckets: 0 };
}

function withHashes(hashes: number | 'all'): RecipeRun {
  return { ...duplicationRecipe.runs.reformer, attention: { variant: 'reformer', options: hashing(hashes) } };
}
