import { mqarRecipe } from './mqar.ts';
import { runsAbove } from './recall-runs.ts';
import type { Recipe, RecipeRun } from './recipe.ts';

/** In other steps, or at another learning rate, than those of `mqar`. */
const trained = (steps: number, peak: number): RecipeRun['training'] => ({
  steps,
  schedule: { kind: 'cosine', peak, warmup: 50, total: steps },
});

/**
 * The recipe `mqar` for the other heirs of linear attention and the other sparse selections. At the end, from seed 1, NSA recalls
 * 99.8%, attention with sinks and forgetting attention 99.7%, Based 99.3%, RWKV-7 98.9%, lightning attention 98.7%, log-linear
 * attention 98.5%, GLA 97.4%, MoBA 96.0%, Mamba-2 95.7%, DSA 83.8%, HGRN2 63.3%, RetNet 53.2%, Mamba 23.9% and Hyena 1.3%.
 *
 * Learning rates rise to 0.005, as in `mqar`, and Mamba-2's to 0.01. With 0.005, and steps Δ that all started at 0.01, Mamba-2
 * had 22.8% after 750 steps and 91.6% after all 2000; now it has 55.9% and 95.7%.
 *
 * The papers train much longer: Arora et al. 2023 take 100,000 examples 64 times, where 64,000 are met once here, and the best
 * of four learning rates for each model; they have a vocabulary of 8192, and between the questions one token that means nothing,
 * where tokens are random here. So, with 4 pairs among 64 tokens and a width of 64, Hyena recalls about 52%, RWKV-4 76% and
 * attention all (fig. 2), and RWKV-7 at least 99% (Peng et al. 2025).
 *
 * A variant that recalls a quarter knows the four values and not yet which to choose. It leaves this plateau early (GLA before
 * step 250) or late (RetNet after 1000), or not within these steps (Mamba). DSA recalls what 16 of 64 keys let it, since nothing
 * here trains its indexer.
 */
export const mqarHeirsRecipe: Recipe = {
  ...mqarRecipe,
  name: 'mqar-heirs',
  summary: 'Recall 4 pairs among 64 tokens, as mqar: the other recurrences, and attention to selected keys',
  runs: runsAbove(
    {
      retnet: {},
      lightning: {},
      gla: {},
      mamba2: {},
      hgrn2: {},
      rwkv7: {},
      based: {},
      mamba: {},
      hyena: {},
      'log-linear': {},
      fox: {},
      'attention-sinks': {},
      moba: {},
      nsa: {},
      dsa: {},
    },
    { mamba2: trained(2000, 1e-2) },
  ),
  goal: {
    accuracy: {
      based: 0.99,
      fox: 0.99,
      'attention-sinks': 0.99,
      nsa: 0.99,
      rwkv7: 0.98,
      lightning: 0.98,
      mamba2: 0.95,
    },
  },
  minutes: 16,
};
