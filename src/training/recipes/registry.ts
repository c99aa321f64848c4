/** Every recipe, by name. Adding one is one file and one line here. */
import { duplicationRecipe } from './duplication.ts';
import type { Recipe } from './recipe.ts';

export const recipes: readonly Recipe[] = [duplicationRecipe];
