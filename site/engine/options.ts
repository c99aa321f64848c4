/** What the options of a variant can be at a length, for sliders. */
import { chosenVariants } from '../../src/compare/plan.ts';
import type { IntegerOption, OptionSchema } from '../../src/variants/options.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { OptionFacts, Questions } from './protocol.ts';

export function options({ variant: name, length }: Questions['options']['ask']): OptionFacts {
  return optionFacts(chosenVariants([name])[0], length);
}

/** Also for the build, which renders the controls of every variant. */
export function optionFacts(variant: AnyVariant, length: number): OptionFacts {
  const { causal: _, ...defaults } = { ...variant.defaults(length) } as Record<string, unknown>;
  const start = { ...defaults, ...startOfPositions(variant), ...startOfBudget(variant, length) };
  const limits: OptionFacts['limits'] = {};
  for (const [option, schema] of Object.entries<OptionSchema>(variant.options)) {
    if (schema.kind === 'integer') limits[option] = limitsOf(option, schema, variant, length, start[option]);
  }
  return { defaults, start, limits };
}

/** The middle one of those values that the variant says are worth measuring. */
function startOfBudget({ budget }: AnyVariant, length: number): Record<string, unknown> {
  const values = budget?.values(length) ?? [];
  if (budget === null || values.length === 0) return {};
  return { [budget.option]: values[Math.floor((values.length - 1) / 2)] };
}

/** Chosen positions: the first, so that what it is to be chosen can be seen; by default there is none. */
function startOfPositions({ options: schemas }: AnyVariant): Record<string, unknown> {
  const lists = Object.entries<OptionSchema>(schemas).filter(([, schema]) => {
    return schema.kind === 'integers' && schema.per === 'position';
  });
  return Object.fromEntries(lists.map(([name]) => [name, [0]]));
}

function limitsOf(
  option: string,
  { maximum, minimum }: IntegerOption,
  { budget }: AnyVariant,
  length: number,
  start: unknown,
): { maximum: number | null; slider: number } {
  const most = maximum?.(length) ?? null;
  const worth = budget?.option === option ? budget.values(length) : [];
  // Without a limit of its own a slider still needs an end, some way beyond what anybody would begin with.
  const far = Math.max(...worth, 4 * Number(start), minimum + 8);
  return { maximum: most, slider: most ?? far };
}
