/**
 * Options for a picture of few tokens. The papers' windows and blocks cover a whole short text, and a picture in which every
 * pair is allowed shows no pattern. So they are made smaller until the pattern shows, unless the user set them.
 */
import { EfficientTransformersError } from '../../core/errors.ts';
import { checkOptions } from '../../variants/attend.ts';
import type { OptionSchema } from '../../variants/options.ts';
import type { AnyVariant } from '../../variants/registry.ts';
import type { AttentionShape, CommonOptions } from '../../variants/variant.ts';
import { hasPattern, patternGrid, shareOfPairs } from './grid.ts';

/** From here on all defaults leave most pairs out. */
const LONGEST = 1024;
/** Cells of the grid that the pairs are counted on. */
const CELLS = 16;
/** A share of full attention's pairs: a pattern with no more pairs than this is visible. */
const SPARSE = 0.5;

type Numbers = Record<string, unknown>;

/**
 * All options of a variant for a shape, as `checkOptions` returns them. If the pattern would allow most pairs of a text of at
 * most 1024 tokens, sizes that the user did not set are reduced: the candidates are the defaults for texts of half the
 * length, a quarter and so on, and half the budget, a quarter and so on. The largest that leave out half of the pairs are
 * taken, or if none do, those that leave out most. Throws as `checkOptions` does.
 */
export function optionsForPicture(
  variant: AnyVariant,
  asked: Readonly<Record<string, unknown>>,
  shape: AttentionShape,
): CommonOptions {
  const usual = checkOptions(variant, asked, shape);
  if (!hasPattern(variant) || shape.keyLength > LONGEST) return usual;
  const most = SPARSE * (usual.causal ? (shape.keyLength + 1) / (2 * shape.keyLength) : 1);
  let best = { options: usual, share: shareOf(variant, usual, shape) };
  for (let divisor = 2; divisor <= shape.keyLength && best.share > most; divisor *= 2) {
    const options = smaller(variant, asked, usual, shape, divisor);
    if (options === null) continue;
    const share = shareOf(variant, options, shape);
    if (share < best.share) best = { options, share };
  }
  return best.options;
}

function shareOf(variant: AnyVariant, options: CommonOptions, { keyLength, heads }: AttentionShape): number {
  return shareOfPairs(patternGrid(variant, keyLength, options, CELLS, heads), keyLength);
}

/** The options with sizes for a text that is shorter by the divisor; null if no such sizes fit together. */
function smaller(
  variant: AnyVariant,
  asked: Readonly<Record<string, unknown>>,
  usual: CommonOptions,
  shape: AttentionShape,
  divisor: number,
): CommonOptions | null {
  const now = usual as unknown as Numbers;
  const schemas = Object.entries(variant.options as Record<string, OptionSchema>);
  const length = Math.ceil(shape.keyLength / divisor);
  const byLength = variant.defaults(length, asked) as unknown as Numbers;
  const budget: Numbers = {};
  for (const [name, schema] of schemas) {
    if (schema.kind !== 'integer' || asked[name] !== undefined || name !== variant.budget?.option) continue;
    const size = Math.min(byLength[name] as number, Math.floor((now[name] as number) / divisor));
    budget[name] = Math.max(size, schema.minimum);
  }
  // As if the budget had been given, which other sizes follow: the first of two windows stays smaller than the second.
  const shorter = variant.defaults(length, { ...asked, ...budget }) as unknown as Numbers;
  const sizes: Numbers = {};
  for (const [name, schema] of schemas) {
    if (schema.kind !== 'integer' || asked[name] !== undefined) continue;
    const size = shorter[name] as number;
    if (size < (now[name] as number)) sizes[name] = Math.max(size, schema.minimum);
  }
  if (Object.keys(sizes).length === 0) return null;
  try {
    return checkOptions(variant, { ...asked, ...sizes }, shape);
  } catch (error) {
    // For example an odd window where only even ones are allowed.
    if (error instanceof EfficientTransformersError) return null;
    throw error;
  }
}
