/** Figures and pictures of a variant on an input: `compare`, its rows, and patterns, as the command line has them. */
import { attentionRows } from '../../src/compare/attention-rows.ts';
import { compare } from '../../src/compare/compare.ts';
import { oracleRows } from '../../src/compare/oracle.ts';
import { hasPattern, patternGrid } from '../../src/compare/patterns/grid.ts';
import { drawnWeights } from '../../src/compare/patterns/weights.ts';
import { chosenVariants } from '../../src/compare/plan.ts';
import type { ComparisonResult } from '../../src/compare/result.ts';
import { REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { syntheticInput } from '../../src/compare/synthetic.ts';
import { scope } from '../../src/core/tensor.ts';
import { checkOptions } from '../../src/variants/attend.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import { inputOf } from './inputs.ts';
import type { Grid, Questions, Weights } from './protocol.ts';

export async function measure(ask: Questions['measure']['ask']): Promise<ComparisonResult> {
  const { input, variant, options, causal, seed, turns } = ask;
  const [found] = chosenVariants([variant]);
  const complete = withBudget(found, options, input.kind === 'drawn' ? input.length : undefined);
  const report = await compare(inputOf(input, seed), {
    variants: [variant],
    options: { [variant]: complete },
    causal,
    seed,
    timing: { millisecondsEach: 0, minTurns: turns, maxTurns: turns },
  });
  return report.results[0];
}

/** `compare` sweeps a budget that is left open; a page shows one value, by default the variant's own. */
function withBudget(variant: AnyVariant, options: Readonly<Record<string, unknown>>, length = 512) {
  if (variant.budget === null || options[variant.budget.option] !== undefined) return options;
  const defaults = variant.defaults(length) as unknown as Record<string, unknown>;
  return { ...options, [variant.budget.option]: defaults[variant.budget.option] };
}

export function weights(ask: Questions['weights']['ask']): Weights {
  const { input, variant: name, options, causal, seed, head } = ask;
  const [variant] = chosenVariants([name]);
  return scope(() => {
    const inputs = inputOf(input, seed).cases[0].load();
    const [, heads, length] = inputs.queries.shape;
    const every = Array.from({ length }, (_, row) => row);
    const rows =
      name === REFERENCE_VARIANT
        ? oracleRows(inputs, causal, every).weights
        : attentionRows(variant, inputs, { ...options, causal } as { causal: boolean }, every, { seed });
    const size = length * length;
    const drawn = new Float32Array(size);
    const chosen = head === null ? [...Array(heads).keys()] : [head];
    for (const each of chosen) {
      for (let n = 0; n < size; n++) drawn[n] += rows.data[each * size + n] / chosen.length;
    }
    return { length, heads, weights: drawn };
  });
}

export function pattern(ask: Questions['pattern']['ask']): Grid {
  const { variant: name, options, causal, seed, length, heads, headDim, cells } = ask;
  const [variant] = chosenVariants([name]);
  const [full] = chosenVariants([REFERENCE_VARIANT]);
  const shape = { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
  const complete = checkOptions(variant, { ...options, causal }, shape);
  const costs = {
    flops: variant.cost(shape, complete).flops,
    fullFlops: full.cost(shape, checkOptions(full, { causal }, shape)).flops,
  };
  if (hasPattern(variant)) {
    const { size, cells: shares } = patternGrid(variant, length, complete, cells, heads);
    return { kind: 'pattern', size, cells: Array.from(shares), pairs: null, ...costs };
  }
  return scope(() => {
    const inputs = syntheticInput({
      lengths: [length],
      distribution: 'clustered',
      heads,
      headDim,
      seed,
    }).cases[0].load();
    const grid = drawnWeights(variant, inputs, complete, { cells, queriesPerCell: 2, seed });
    return { kind: 'weights', size: grid.size, cells: Array.from(grid.cells), pairs: null, ...costs };
  });
}
