/** Runs that separate mechanisms of recall: a short convolution below, and one layer of the variant above it. */
import type { Recipe, RecipeRun } from './recipe.ts';

/** A causal convolution over a token and the two before it. */
const CONVOLUTION = { variant: 'light-conv', options: { kernelWidth: 3 } };

/**
 * A run for each variant, named after it. The convolution puts each token next to the one before it, as the short convolutions
 * in the models of these papers do, and as the first layer of Arora et al. 2023 does: without it a pair of a key and a value
 * is no pair to a single layer, and a second layer takes many thousands of steps to find it out. `training`: of the variants
 * that are trained otherwise than the recipe says.
 */
export function runsAbove(
  variants: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  training: Readonly<Record<string, RecipeRun['training']>> = {},
): Recipe['runs'] {
  return Object.fromEntries(
    Object.entries(variants).map(([variant, options]) => {
      const own = training[variant];
      return [variant, { attention: [CONVOLUTION, { variant, options }], ...(own && { training: own }) }];
    }),
  );
}
