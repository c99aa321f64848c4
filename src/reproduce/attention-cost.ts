/** Time and memory of one attention, of several variants in turns, on drawn inputs: what experiments about cost measure. */
import { timeInTurns, warmUp } from '../compare/stopwatch.ts';
import { backward, noGrad, zeroGrad } from '../core/autograd.ts';
import { ArgumentError } from '../core/errors.ts';
import { measureMemory } from '../core/memory.ts';
import { sum } from '../core/ops/index.ts';
import { Random } from '../core/random.ts';
import { scope } from '../core/scope.ts';
import { randomNormal } from '../core/tensor.ts';
import { attend, checkOptions, drawParameters } from '../variants/attend.ts';
import { findVariant } from '../variants/registry.ts';
import type { CommonOptions } from '../variants/variant.ts';
import { processorMilliseconds } from './processor-time.ts';
import type { Numbers, Results } from './results.ts';

/** A variant with its options, under the name that the paper has for it. */
export interface Contestant {
  name: string;
  variant: string;
  options?: Record<string, unknown>;
}

export interface CostSettings {
  batch: number;
  heads: number;
  length: number;
  headDim: number;
  /** Forward and backward, in place of forward alone. */
  training: boolean;
}

/** Each is timed this often, or until it has had its patience; the short ones more often. */
const TURNS = { minTurns: 7, maxTurns: 15, millisecondsEach: 300, patience: 2500, now: processorMilliseconds };

/**
 * Of each contestant `NAME: ms`, the median processor time of a pass, and `NAME: bytes`, the most tensor memory that a pass holds
 * beyond its inputs and parameters.
 */
export function attentionCosts(contestants: readonly Contestant[], settings: CostSettings): Numbers {
  const { batch, heads, length, headDim, training } = settings;
  return scope(() => {
    const random = new Random(0).split('attention cost');
    const make = (name: string) => randomNormal([batch, heads, length, headDim], random.split(name));
    const inputs = { queries: make('queries'), keys: make('keys'), values: make('values') };
    const shape = { batch, heads, queryLength: length, keyLength: length, headDim, dtype: 'float32' as const };
    const passes = contestants.map(({ variant: ofName, options: given = {} }) => {
      const variant = findVariant(ofName);
      if (variant === undefined) throw new ArgumentError(`no variant '${ofName}' is registered`);
      const options = checkOptions(variant, given as Partial<CommonOptions>, shape);
      const parameters = drawParameters(variant, options, shape, 0);
      const run = () => attend(variant, inputs, options, { parameters, checkFinite: false });
      const leaves = [...Object.values(inputs), ...Object.values(parameters)];
      return () =>
        scope(() => {
          if (!training) {
            noGrad(run);
            return;
          }
          const before = leaves.map((leaf) => leaf.requiresGrad);
          for (const leaf of leaves) leaf.requiresGrad = true;
          backward(sum(run()));
          zeroGrad(leaves);
          for (const [at, leaf] of leaves.entries()) leaf.requiresGrad = before[at];
        });
    });
    warmUp(passes, { now: processorMilliseconds });
    const bytes = passes.map((pass) => measureMemory(pass).peakBytes);
    const times = timeInTurns(passes, TURNS);
    return Object.fromEntries(
      contestants.flatMap(({ name }, at) => [
        [`${name}: ms`, times[at]],
        [`${name}: bytes`, bytes[at]],
      ]),
    );
  });
}

export const timeOf = (results: Results, unit: string, name: string): number => results.number(unit, `${name}: ms`);

export const bytesOf = (results: Results, unit: string, name: string): number => results.number(unit, `${name}: bytes`);

/** How many times the time (or memory) of `of` is that of `by`. */
export function quotient(
  results: Results,
  unit: string,
  [of, by]: readonly [of: string, by: string],
  read = timeOf,
): number {
  return read(results, unit, of) / read(results, unit, by);
}

/** Why memory is not saved here as it was there: the same for all papers that hold the matrix of weights. */
export const STREAMS =
  'Full attention here never holds its L × L weights (online softmax, tile by tile), so there is little to save. The papers measured implementations that hold them.';
