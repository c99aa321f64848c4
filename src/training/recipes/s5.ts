import { type Recipe, type RecipeRun, recipeSettings } from './recipe.ts';

/** Without what its layer has around it: a convolution would mix a token with those before it, and is no part of the question. */
const bare = (variant: string, options: Record<string, unknown> = {}): RecipeRun => ({
  attention: { variant, options, layerParts: false },
});

/**
 * The products of swaps of five things, one of 120 at every token (Grazzi et al. 2024, §5.2; tokens are swaps alone in one of the
 * tasks of their code). A swap is a reflection, I − 2 k kᵀ: a delta rule with β up to 2 makes it in one step, and one layer of it
 * learns S₅: at least 99.4% of all products are right at the end, from seeds 1, 2 and 3. With β up to 1, with decays of single
 * channels (Mamba), with RWKV-7, whose rates a stay below 1, and with attention, 7% to 9% are, those of the first tokens. On 128
 * tokens the first have 99.4% to 100% and the others 2% to 3%, on 512 tokens 91% to 98% and 1% (`npm run s5-lengths`).
 *
 * For products of all 120 permutations one step is not enough. Two layers of DeltaNet with β up to 2 were at 9% after 600 steps on
 * 12 tokens, which is the first of them.
 */
export const s5Recipe: Recipe = {
  name: 's5',
  summary:
    'Track swaps of five things (S5): delta rules with and without negative eigenvalues, RWKV-7, Mamba, attention',
  runs: {
    full: { attention: { variant: 'full' }, positions: 'rotary' },
    mamba: { attention: { variant: 'mamba' } },
    rwkv7: { attention: { variant: 'rwkv7' } },
    deltanet: bare('deltanet'),
    'deltanet-negative': bare('deltanet', { negativeEigenvalues: true }),
    'gated-deltanet-negative': bare('gated-deltanet', { negativeEigenvalues: true }),
  },
  settings: recipeSettings({
    task: { name: 'state-tracking', length: 32, group: 's5-swaps' },
    model: { layers: 1, modelDim: 64, heads: 2, feedForwardDim: 128, positions: 'none' },
    steps: 300,
    batch: 64,
    schedule: { kind: 'cosine', peak: 5e-3, warmup: 50, total: 300 },
    evaluateEvery: 100,
    evaluationExamples: 256,
  }),
  goal: { accuracy: { 'deltanet-negative': 0.99, 'gated-deltanet-negative': 0.99 } },
  minutes: 2,
};
