/** Budgets by cost: for each variant, the largest that costs at most a share of full attention's FLOPs. */
import { ArgumentError, EfficientTransformersError } from '../core/errors.ts';
import { checkOptions } from '../variants/attend.ts';
import { largestOf, type OptionSchema } from '../variants/options.ts';
import type { AnyVariant } from '../variants/registry.ts';
import type { AttentionShape, CommonOptions } from '../variants/variant.ts';

/** The default shares of `--all`. */
export const DEFAULT_SHARES: readonly number[] = [1 / 16, 1 / 8, 1 / 4, 1 / 2];

/** Throws ArgumentError unless every share is above 0 and at most 1. */
export function checkShares(shares: readonly number[]): void {
  if (shares.length === 0) throw new ArgumentError('shares: expected at least one, got none');
  for (const share of shares) {
    if (!(share > 0 && share <= 1))
      throw new ArgumentError(`shares: expected numbers above 0, at most 1, got ${share}`);
  }
}

/**
 * The largest value of the variant's budget for each share, without repetition, ascending; none where even the cheapest
 * budget costs more. `others` are the other options; options left out have defaults that fit each budget.
 */
export function budgetsOfShares(
  variant: AnyVariant,
  shape: AttentionShape,
  others: CommonOptions,
  fullFlops: number,
  shares: readonly number[],
): number[] {
  const costs = costsOf(variant, shape, others);
  if (costs === null) return [];
  const { flopsOf, lowest, highest, step } = costs;
  const found = shares.flatMap((share) => {
    const most = share * fullFlops;
    if (!(flopsOf(lowest) <= most)) return [];
    let [fits, exceeds] = [lowest, highest + 1];
    while (exceeds - fits > 1) {
      const middle = Math.floor((fits + exceeds) / 2);
      if (flopsOf(middle) <= most) fits = middle;
      else exceeds = middle;
    }
    return [fits * step];
  });
  return [...new Set(found)].sort((a, b) => a - b);
}

/** The value of the variant's budget from which on cost grows with it; null for a variant without a budget. */
export function cheapestBudget(variant: AnyVariant, shape: AttentionShape, others: CommonOptions): number | null {
  const costs = costsOf(variant, shape, others);
  return costs === null ? null : costs.lowest * costs.step;
}

/** The cost of budgets, which are multiples of a step. */
interface BudgetCosts {
  step: number;
  /** The range of multiples in which budgets are searched. */
  lowest: number;
  highest: number;
  flopsOf(multiple: number): number;
}

function costsOf(variant: AnyVariant, shape: AttentionShape, others: CommonOptions): BudgetCosts | null {
  if (variant.budget === null) return null;
  const option: string = variant.budget.option;
  const schema = (variant.options as Record<string, OptionSchema>)[option];
  if (schema.kind !== 'integer') return null;
  const step = schema.multipleOf ?? 1;
  const highest = Math.floor(
    Math.min(largestOf(schema, shape.keyLength) ?? Number.POSITIVE_INFINITY, 16 * shape.keyLength) / step,
  );
  const known = new Map<number, number>();
  const costOf = (multiple: number): number => {
    const flops = known.get(multiple) ?? flopsOf(variant, shape, { ...others, [option]: multiple * step });
    known.set(multiple, flops);
    return flops;
  };
  // Cost grows with the budget from the cheapest on, which need not be the smallest: a stride of 1 is full attention.
  const candidates = [schema.minimum, ...variant.budget.values(shape.keyLength)].map((value) =>
    Math.ceil(value / step),
  );
  const lowest = candidates.reduce((best, each) => (costOf(each) < costOf(best) ? each : best));
  return { step, lowest, highest, flopsOf: costOf };
}

/** Infinity for options that the variant refuses. */
function flopsOf(variant: AnyVariant, shape: AttentionShape, options: CommonOptions): number {
  try {
    return variant.cost(shape, checkOptions(variant, options, shape)).flops;
  } catch (error) {
    if (error instanceof EfficientTransformersError) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
