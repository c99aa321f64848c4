/** What the options of a variant can be at a length, for sliders. */
import { chosenVariants } from '../../src/compare/plan.ts';
import { EfficientTransformersError } from '../../src/core/errors.ts';
import { checkOptions, completeOptions } from '../../src/variants/check-options.ts';
import { checkOption, type IntegerOption, type OptionSchema } from '../../src/variants/options.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { OptionFacts, Questions } from './protocol.ts';

export function options({ variant: name, length, asked }: Questions['options']['ask']): OptionFacts {
  return optionFacts(chosenVariants([name])[0], length, asked);
}

/** Also for the build, which renders the controls of every variant. What was asked for wrongly is left out. */
export function optionFacts(
  variant: AnyVariant,
  length: number,
  asked: Readonly<Record<string, unknown>> = {},
): OptionFacts {
  const schemas: Record<string, OptionSchema> = variant.options;
  const right = Object.fromEntries(
    Object.entries(asked).filter(([name, value]) => succeeds(() => checkOption(name, value, schemas[name], length))),
  );
  const begun = { ...startOfBudget(variant, length, right), ...right };
  const { causal: _, ...defaults } = { ...completeOptions(variant, begun, length) } as Record<string, unknown>;
  const start = { ...defaults, ...startOfPositions(variant), ...right };
  const limits: OptionFacts['limits'] = {};
  for (const [option, schema] of Object.entries(schemas)) {
    if (schema.kind === 'integer') limits[option] = limitsOf(option, schema, variant, length, start[option]);
  }
  // Of the budget its own default, whatever a page begins with: the command line always has it.
  const { budget } = variant;
  const own = budget === null ? {} : { [budget.option]: ownBudget(variant, length, right) };
  return { defaults: { ...defaults, ...own }, start, limits };
}

function ownBudget(variant: AnyVariant, length: number, asked: Readonly<Record<string, unknown>>): unknown {
  const complete = completeOptions(variant, asked, length) as unknown as Record<string, unknown>;
  return complete[variant.budget?.option ?? ''];
}

/** The middle one of those values that the variant says are worth measuring, and that go with what was asked for. */
function startOfBudget(variant: AnyVariant, length: number, asked: object): Record<string, unknown> {
  const { budget } = variant;
  if (budget === null) return {};
  const shape = { batch: 1, heads: 1, queryLength: length, keyLength: length, headDim: 64, dtype: 'float32' } as const;
  const fits = (value: number) => {
    const own: object = { ...asked, [budget.option]: value };
    return succeeds(() => checkOptions(variant, own, shape));
  };
  const values = budget.values(length).filter(fits);
  return values.length === 0 ? {} : { [budget.option]: values[Math.floor((values.length - 1) / 2)] };
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof EfficientTransformersError) return false;
    throw error;
  }
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
  { maximum, minimum, limit }: IntegerOption,
  { budget }: AnyVariant,
  length: number,
  start: unknown,
): { maximum: number | null; slider: number } {
  const most = maximum?.(length) ?? limit ?? null;
  const worth = budget?.option === option ? budget.values(length) : [];
  // Without a limit that follows from the length a slider still needs an end, some way beyond what anybody would begin with.
  const far = Math.max(...worth, 4 * Number(start), minimum + 8);
  return { maximum: most, slider: maximum?.(length) ?? Math.min(far, limit ?? far) };
}
