/** Figures and weights of a variant on an input: `compare` and its rows, as the command line has them. */
import { attentionRows } from '../../src/compare/attention-rows.ts';
import { compare } from '../../src/compare/compare.ts';
import { keyOfRows } from '../../src/compare/measure.ts';
import { chosenVariants } from '../../src/compare/plan.ts';
import { REFERENCE_VARIANT } from '../../src/compare/series.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { scope } from '../../src/core/scope.ts';
import { checkInputs } from '../../src/variants/attend.ts';
import { checkOptions } from '../../src/variants/check-options.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';
import type { AttentionInputs } from '../../src/variants/variant.ts';
import { fullWeights } from './full.ts';
import { inputOf, keyOf, recall } from './inputs.ts';
import { pairsOf } from './pairs.ts';
import type { Measurement, Questions, Weights } from './protocol.ts';

export async function measure(ask: Questions['measure']['ask']): Promise<Measurement> {
  const { variant: name, options, causal, seed, turns } = ask;
  const [variant] = chosenVariants([name]);
  const input = inputOf(ask.input, seed);
  const { heads, headDim, cases } = input;
  const [{ length }] = cases;
  let reason = 'memory: there is not enough';
  const report = await compare(input, {
    variants: [name],
    options: { [name]: options },
    causal,
    seed,
    timing: { millisecondsEach: 0, minTurns: turns, maxTurns: turns },
    onSkip: (skip) => {
      reason = skip.reason;
    },
  });
  const [result] = report.results;
  if (result === undefined) throw new ArgumentError(reason);
  const shape = { batch: 1, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
  const mean = report.baselines?.find(({ baseline }) => baseline === 'mean of values');
  return {
    ...result,
    meanError: mean?.relativeError ?? Number.NaN,
    pairs: pairsOf(variant, shape, checkOptions(variant, result.options, shape)),
  };
}

export function weights(ask: Questions['weights']['ask']): Weights {
  const { input, variant: name, options, causal, seed, head } = ask;
  const [variant] = chosenVariants([name]);
  const inputs = inputOf(input, seed).cases[0].load();
  const [, heads, length] = inputs.queries.shape;
  const every = Array.from({ length }, (_, row) => row);
  const matrices =
    name === REFERENCE_VARIANT
      ? fullWeights(keyOf(input, seed), inputs, causal)
      : rowsOf(variant, inputs, { ...options, causal }, every, seed);
  return { length, heads, weights: oneOf(matrices, length, head === null ? [...Array(heads).keys()] : [head]) };
}

/** All of them, which the figures are then of, where those are of every row. */
function rowsOf(
  variant: AnyVariant,
  inputs: AttentionInputs,
  options: Record<string, unknown>,
  rows: readonly number[],
  seed: number,
): ArrayLike<number> {
  const complete = checkOptions(variant, options, checkInputs(inputs, false));
  return recall('rows', keyOfRows({ variant, options: complete }, seed, rows), () =>
    scope(() => attentionRows(variant, inputs, complete, rows, { seed })),
  ).data;
}

/** Their mean. */
function oneOf(matrices: ArrayLike<number>, length: number, heads: readonly number[]): Float32Array {
  const size = length * length;
  const mean = new Float32Array(size);
  for (const head of heads) {
    for (let n = 0, from = head * size; n < size; n++, from++) mean[n] += matrices[from] / heads.length;
  }
  return mean;
}
