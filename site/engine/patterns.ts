/** Which tokens attend to which, variant beside variant: budgets of equal cost, and the picture of each. */
import { budgetsOfShares, cheapestBudget } from '../../src/compare/equal-cost.ts';
import { patternGrid, shareOfPairs } from '../../src/compare/patterns/grid.ts';
import { drawnWeights } from '../../src/compare/patterns/weights.ts';
import { chosenVariants } from '../../src/compare/plan.ts';
import { REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { slice } from '../../src/core/ops/index.ts';
import { scope } from '../../src/core/scope.ts';
import { checkOptions } from '../../src/variants/attend.ts';
import { type AnyVariant, allVariants } from '../../src/variants/registry.ts';
import type { AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';
import { inputOf } from './inputs.ts';
import type { AttentionSize, Budgeted, Grid, Questions } from './protocol.ts';

/** Rows of the weight matrix that make one row of cells. */
const QUERIES_PER_CELL = 2;

/** The option of BigBird that is no parameter but a part of the pattern. */
const PATTERN_SEED = 'patternSeed';

export function budgets(ask: Questions['budgets']['ask']): Budgeted[] {
  const shape = shapeOf(ask);
  return allVariants().map((variant) => {
    const causal = causalFor(variant, ask.causal);
    const fullFlops = flopsOfFull(shape, causal);
    const own = PATTERN_SEED in variant.options ? { [PATTERN_SEED]: ask.seed } : {};
    const others = { ...own, causal };
    const [fitting] = budgetsOfShares(variant, shape, others, fullFlops, [ask.share]);
    const value = fitting ?? cheapestBudget(variant, shape, others);
    const budget = variant.budget === null || value === null ? null : { ...variant.budget, value };
    const options = budget === null ? own : { ...own, [budget.option]: budget.value };
    const { flops } = variant.cost(shape, checkOptions(variant, { ...options, causal }, shape));
    const share = flops / fullFlops;
    return { variant: variant.name, options, budget: budget && { symbol: budget.symbol, value: budget.value }, share };
  });
}

/** As was asked, where the variant can be that: what reads in one direction always is. */
const causalFor = ({ supports: { causal, bidirectional } }: AnyVariant, asked: boolean): boolean =>
  bidirectional === false || (asked && causal);

/** Throws UnsupportedError for the pattern of a variant that has none. */
export function pattern(ask: Questions['pattern']['ask']): Grid {
  const { options, seed, length, heads, cells, weights } = ask;
  const [variant] = chosenVariants([ask.variant]);
  const causal = causalFor(variant, ask.causal);
  const shape = shapeOf(ask);
  const complete = checkOptions(variant, { ...options, causal }, shape);
  const costs = { flops: variant.cost(shape, complete).flops, fullFlops: flopsOfFull(shape, causal) };
  if (weights === null) {
    const grid = patternGrid(variant, length, complete, cells, heads);
    return { kind: 'pattern', ...grid, pairs: shareOfPairs(grid, length) * length ** 2, ...costs };
  }
  return scope(() => {
    const inputs = firstOf(inputOf(weights, seed).cases[0].load(), heads, length);
    const grid = drawnWeights(variant, inputs, complete, { cells, queriesPerCell: QUERIES_PER_CELL, seed });
    return { kind: 'weights', size: grid.size, cells: grid.cells, pairs: null, ...costs };
  });
}

/** Of some heads, the first tokens. */
function firstOf({ queries, keys, values }: AttentionInputs, heads: number, length: number): AttentionInputs {
  const first = (tensor: typeof queries) => slice(slice(tensor, 1, 0, heads), 2, 0, length);
  return { queries: first(queries), keys: first(keys), values: first(values) };
}

function shapeOf({ length, heads, headDim }: AttentionSize): AttentionShape {
  return { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' };
}

function flopsOfFull(shape: AttentionShape, causal: boolean): number {
  const [full] = chosenVariants([REFERENCE_VARIANT]) as AnyVariant[];
  return full.cost(shape, checkOptions(full, { causal }, shape)).flops;
}
