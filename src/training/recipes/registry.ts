/** Every recipe, by name. Adding one is one file and one line here. */
import { backcopyRecipe } from './backcopy.ts';
import { byteLmRecipe } from './byte-lm.ts';
import { copyRecipe } from './copy.ts';
import { digitsRecipe } from './digits.ts';
import { duplicationRecipe } from './duplication.ts';
import { hashesRecipe } from './hashes.ts';
import { listopsRecipe } from './listops.ts';
import { mqarRecipe } from './mqar.ts';
import { mqarHeirsRecipe } from './mqar-heirs.ts';
import { needleRecipe } from './needle.ts';
import { palindromeRecipe } from './palindrome.ts';
import type { Recipe } from './recipe.ts';
import { s5Recipe } from './s5.ts';
import { selectiveCopyRecipe } from './selective-copy.ts';
import { sentencesRecipe } from './sentences.ts';
import { stackRecipe } from './stack.ts';
import { stateTrackingRecipe } from './state-tracking.ts';
import { windowsRecipe } from './windows.ts';

/** Every recipe, in the order in which the command line lists them. */
export const recipes: readonly Recipe[] = [
  duplicationRecipe,
  hashesRecipe,
  copyRecipe,
  listopsRecipe,
  byteLmRecipe,
  windowsRecipe,
  mqarRecipe,
  mqarHeirsRecipe,
  selectiveCopyRecipe,
  palindromeRecipe,
  stackRecipe,
  needleRecipe,
  stateTrackingRecipe,
  s5Recipe,
  backcopyRecipe,
  digitsRecipe,
  sentencesRecipe,
];

/** The default of `train`. */
export const defaultRecipe: Recipe = duplicationRecipe;
