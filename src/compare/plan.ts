/** Which variants run with which options: from the request to a list of cells, checked before any work. */
import { ArgumentError, EfficientTransformersError } from '../core/errors.ts';
import { type Check, expectBoolean, expectList, expectRecord, listOf, numberOf } from '../core/expect.ts';
import { unknownName } from '../terminal/suggest.ts';
import { checkOptions } from '../variants/attend.ts';
import { checkOption, type OptionSchema } from '../variants/options.ts';
import { type AnyVariant, allVariants, findVariant } from '../variants/registry.ts';
import type { AttentionShape, CommonOptions } from '../variants/variant.ts';
import { budgetsOfShares, checkShares } from './equal-cost.ts';
import type { ComparisonResult } from './result.ts';
import { REFERENCE_VARIANT } from './series.ts';

/** One variant at one budget. */
export interface Cell {
  variant: AnyVariant;
  options: CommonOptions;
  budget: ComparisonResult['budget'];
}

/** The cell that was left out, and why. */
export type Skip = { variant: string; reason: string };

export interface PlanSettings {
  /** Names; all registered variants by default. A named variant that does not support the request is an error. */
  variants?: readonly string[];
  causal?: boolean;
  /** Budgets for every variant that has one, instead of its default. */
  budgets?: readonly number[];
  /** Instead: a few of each variant's own budgets that cost less than full attention (default false). */
  allBudgets?: boolean;
  /** Instead: for every variant with a budget, the largest that costs at most these shares of full attention's FLOPs. */
  shares?: readonly number[];
  /** Other options, by the name of the variant; one that is a variant's budget fixes it. */
  options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** The check of each setting by itself. */
export const planChecks: { readonly [Setting in keyof PlanSettings]-?: Check } = {
  variants: expectList,
  causal: expectBoolean,
  budgets: listOf(numberOf()),
  allBudgets: expectBoolean,
  shares: listOf(numberOf()),
  options: (name, value) => {
    expectRecord(name, value);
    for (const [variant, options] of Object.entries(value)) expectRecord(`${name}.${variant}`, options);
  },
};

/** Budgets of one variant in a sweep; and one more where several lengths are compared. */
const MAX_BUDGETS = 4;

/**
 * The cells for one shape; `shortest` is the shortest of all lengths compared. Cells that cannot run as requested are left
 * out and reported to `onSkip`. But an error of `checkOptions` is thrown if both the variant and the budget were named, or if
 * the variant was named and no cell is left. Throws ArgumentError for an unknown name of a variant or an option.
 */
export function planCells(
  shape: AttentionShape,
  settings: PlanSettings,
  onSkip: (skip: Skip) => void = () => {},
  shortest = shape.keyLength,
): Cell[] {
  const variants = chosenVariants(settings.variants);
  if (variants.length === 0) throw new ArgumentError('variants: expected at least one, got none');
  if (settings.budgets?.length === 0) throw new ArgumentError('budgets: expected at least one, got none');
  if (settings.shares !== undefined) checkShares(settings.shares);
  // A misspelt name must not silently leave the defaults unchanged.
  chosenVariants(Object.keys(settings.options ?? {}), 'options');
  for (const variant of variants) checkWritten(variant, settings.options?.[variant.name] ?? {}, shape.keyLength);
  const cells: Cell[] = [];
  for (const variant of variants) {
    const failures: EfficientTransformersError[] = [];
    const own: Cell[] = [];
    const budgets = budgetsOf(variant, shape, shortest, settings);
    if (budgets.length === 0) {
      const reason = `even its cheapest ${variant.budget?.symbol} costs more than the requested share`;
      onSkip({ variant: variant.name, reason });
    }
    for (const value of budgets) {
      try {
        own.push(cellOf(variant, value, shape, settings));
      } catch (error) {
        if (!(error instanceof EfficientTransformersError)) throw error;
        failures.push(error);
      }
    }
    const wasNamed = settings.variants !== undefined && (settings.budgets !== undefined || own.length === 0);
    if (wasNamed && failures.length > 0) throw failures[0];
    for (const { message } of failures) onSkip({ variant: variant.name, reason: message });
    cells.push(...own);
  }
  return cells;
}

/** Full attention, which everything is measured against. */
export function referenceCell(shape: AttentionShape, causal: boolean): Cell {
  const [variant] = chosenVariants([REFERENCE_VARIANT]);
  return { variant, options: checkOptions(variant, { causal }, shape), budget: null };
}

/** `longformer, w = 64` */
export function nameOfCell({ variant, budget }: Cell): string {
  return budget === null ? variant.name : `${variant.name}, ${budget.symbol} = ${budget.value}`;
}

/**
 * Variants by name, in the order given; all of them without names. Throws ArgumentError that suggests the nearest;
 * `argument` is the name of the list in the message.
 */
export function chosenVariants(names: readonly string[] | undefined, argument = 'variants'): AnyVariant[] {
  if (names === undefined) return allVariants();
  expectList(argument, names);
  const known = allVariants().map(({ name }) => name);
  return [...new Set(names)].map((name) => {
    const variant = typeof name === 'string' ? findVariant(name) : undefined;
    if (variant === undefined) throw new ArgumentError(`${argument}: ${unknownName('variant', name, known)}`);
    return variant;
  });
}

/** A wrong value that the user wrote is an error, not a reason to leave the variant out. */
function checkWritten(variant: AnyVariant, written: Readonly<Record<string, unknown>>, length: number): void {
  const schemas: Record<string, OptionSchema> = variant.options;
  for (const [name, value] of Object.entries(written)) {
    if (!Object.hasOwn(schemas, name)) {
      throw new ArgumentError(`options: ${unknownName(`option of ${variant.name}`, name, Object.keys(schemas))}`);
    }
    checkOption(name, value, schemas[name], length);
  }
}

function cellOf(
  variant: AnyVariant,
  value: number | null,
  shape: AttentionShape,
  { causal = false, options = {} }: PlanSettings,
): Cell {
  if (variant.budget === null || value === null) {
    return { variant, options: checkOptions(variant, { ...options[variant.name], causal }, shape), budget: null };
  }
  const { symbol } = variant.budget;
  const option: string = variant.budget.option;
  const complete = checkOptions(variant, { ...options[variant.name], [option]: value, causal }, shape);
  return { variant, options: complete, budget: { symbol, option, value } };
}

/**
 * The values to measure; `[null]` for a variant without a budget. A sweep takes some of a variant's own values, from the
 * lowest to the highest, and one that every length has, so that growth with length can be drawn.
 */
function budgetsOf(
  variant: AnyVariant,
  shape: AttentionShape,
  shortest: number,
  settings: PlanSettings,
): (number | null)[] {
  const { budget } = variant;
  const { budgets, options = {} } = settings;
  if (budget === null) return [null];
  const fixed = options[variant.name]?.[budget.option];
  if (fixed !== undefined) return [fixed as number];
  if (budgets !== undefined) return [...new Set(budgets)];
  if (settings.shares !== undefined) return budgetsAtShares(variant, shape, settings, settings.shares);
  if (!settings.allBudgets) return [defaultBudget(variant, budget.option, shape, shortest, settings)];
  const all = worthMeasuring(variant, shape, settings);
  if (all.length === 0) return [null];
  const short = { ...shape, queryLength: shortest, keyLength: shortest };
  const common = spread(shortest === shape.keyLength ? all : worthMeasuring(variant, short, settings), MAX_BUDGETS);
  const middle = common[Math.floor((common.length - 1) / 2)];
  const chosen = new Set(spread(all, MAX_BUDGETS));
  return all.filter((value) => chosen.has(value) || value === middle);
}

/**
 * The default for the shortest of the lengths, so that growth with length is measured at one budget; the default for this
 * length if that one does not fit.
 */
function defaultBudget(
  variant: AnyVariant,
  option: string,
  shape: AttentionShape,
  shortest: number,
  { causal = false, options = {} }: PlanSettings,
): number {
  const asked = { ...options[variant.name], causal };
  const at = (length: number) => (variant.defaults(length, asked) as unknown as Record<string, number>)[option];
  const common = at(shortest);
  return accepts(variant, { ...asked, [option]: common }, shape) ? common : at(shape.keyLength);
}

function budgetsAtShares(
  variant: AnyVariant,
  shape: AttentionShape,
  { causal = false, options = {} }: PlanSettings,
  shares: readonly number[],
): number[] {
  const { variant: full, options: fullOptions } = referenceCell(shape, causal);
  return budgetsOfShares(
    variant,
    shape,
    { ...options[variant.name], causal },
    full.cost(shape, fullOptions).flops,
    shares,
  );
}

/**
 * A variant's own budgets that cost less than full attention; the lowest if none do. Budgets that conflict with the given
 * options are left out, because the user did not request them.
 */
function worthMeasuring(
  variant: AnyVariant,
  shape: AttentionShape,
  { causal = false, options = {} }: PlanSettings,
): number[] {
  const asked = options[variant.name] ?? {};
  const at = (value: number, others: object) => ({ ...others, [String(variant.budget?.option)]: value, causal });
  const values = (variant.budget?.values(shape.keyLength) ?? []).filter((value) => {
    return accepts(variant, at(value, asked), shape) || !accepts(variant, at(value, {}), shape);
  });
  const { variant: full, options: fullOptions } = referenceCell(shape, causal);
  const most = full.cost(shape, fullOptions).flops;
  const cheaper = values.filter((value) => {
    const complete = { ...variant.defaults(shape.keyLength, at(value, asked)), ...at(value, asked) };
    return variant.cost(shape, complete).flops < most;
  });
  return cheaper.length > 0 ? cheaper : values.slice(0, 1);
}

function accepts(variant: AnyVariant, options: CommonOptions, shape: AttentionShape): boolean {
  try {
    checkOptions(variant, options, shape);
    return true;
  } catch (error) {
    if (error instanceof EfficientTransformersError) return false;
    throw error;
  }
}

/** At most `count` of the values, evenly spaced, both ends among them. */
function spread(values: readonly number[], count: number): number[] {
  if (values.length <= count) return [...values];
  return Array.from({ length: count }, (_, n) => values[Math.round((n * (values.length - 1)) / (count - 1))]);
}
