/** Every recipe, by name. Adding one is one file and one line here. */
import { byteLmRecipe } from './byte-lm.ts';
import { copyRecipe } from './copy.ts';
import { duplicationRecipe } from './duplication.ts';
import { hashesRecipe } from './hashes.ts';
import { listopsRecipe } from './listops.ts';
import type { Recipe } from './recipe.ts';
import { windowsRecipe } from './windows.ts';

/** Every recipe, in the order in which the command line lists them. */
export const recipes: readonly Recipe[] = [
  duplicationRecipe,
  hashesRecipe,
  copyRecipe,
  listopsRecipe,
  byteLmRecipe,
  windowsRecipe,
];

/** The default of `train`. */
export const defaultRecipe: Recipe = duplicationRecipe;
