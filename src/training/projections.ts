/** How a layer of attention makes queries, keys and values of its tokens: by dense projections, or by sparse ones. */
import { ArgumentError } from '../core/errors.ts';
import { multiply, sigmoid, slice } from '../core/ops/index.ts';
import type { Random } from '../core/random.ts';
import type { Tensor } from '../core/tensor.ts';
import type { InputName } from './attention-parts.ts';
import { copyOfLinear, type Linear, linear, linearParameters } from './linear.ts';
import {
  expectMultiplicative,
  filtered,
  type Multiplicative,
  multiplicativeParameters,
  neighbours,
  windowParameters,
} from './multiplicative.ts';

/** One matrix each, or the sparse ones of Scaling Transformers (see multiplicative.ts). */
export type ProjectionKind = 'dense' | 'multiplicative';
export const PROJECTIONS: readonly ProjectionKind[] = ['dense', 'multiplicative'];

/** How the projections of a layer's attention are made, as plain values. */
export interface ProjectionSettings {
  /** Dense by default; `multiplicative`: the sparse ones of Scaling Transformers, without an output projection. */
  projections?: ProjectionKind;
  /** S of multiplicative projections: modules that the width is split into. By default the number of heads. */
  modules?: number;
  /** F of multiplicative projections: tokens and modules that a filter sees, an odd number. 3 by default. */
  projectionKernel?: number;
}

/** The projections of what a variant reads. Of multiplicative ones the weights are filters. */
export type Projections = { query?: Linear; key?: Linear; value: Linear };

/** What the projections stand between. */
export interface ProjectionPlace {
  modelDim: number;
  heads: number;
  headDim: number;
  dtype: 'float32' | 'float64';
}

/** The learned tensors between tokens and heads. */
export interface ProjectionParameters {
  projections: Projections;
  /** D and E, which queries, keys and values share. */
  multiplicative: Multiplicative | undefined;
  output: Linear | undefined;
}

/**
 * The projections of those inputs that are read, of values with a gate twice as wide; those of `fromValues` are dense, and read
 * the values of all heads. Throws ArgumentError for modules or a kernel that do not fit, or that are given to dense projections.
 */
export function projectionParameters(
  settings: ProjectionSettings,
  place: ProjectionPlace,
  read: readonly InputName[],
  fromValues: readonly string[],
  gated: boolean,
  random: Random,
): ProjectionParameters {
  const { modelDim, heads, headDim, dtype } = place;
  const inner = heads * headDim;
  const isSparse = settings.projections === 'multiplicative';
  if (!isSparse) {
    for (const name of ['modules', 'projectionKernel'] as const) {
      if (settings[name] === undefined) continue;
      throw new ArgumentError(`${name}: expected multiplicative projections with it, got dense ones`);
    }
  }
  const sizes = isSparse ? expectMultiplicative(settings, place) : null;
  const project = (name: string, times = 1): Linear =>
    sizes === null
      ? linearParameters(modelDim, times * inner, random.split(name), dtype)
      : windowParameters(sizes, times, random.split(name), dtype);
  const comparing = (input: InputName, name: string): Linear =>
    fromValues.includes(input) ? linearParameters(inner, inner, random.split(name), dtype) : project(name);
  return {
    projections: {
      ...(read.includes('queries') && { query: comparing('queries', 'query') }),
      ...(read.includes('keys') && { key: comparing('keys', 'key') }),
      value: project('value', gated ? 2 : 1),
    },
    multiplicative:
      sizes === null ? undefined : multiplicativeParameters(modelDim, sizes, random.split('multiplicative'), dtype),
    output: sizes === null ? linearParameters(inner, modelDim, random.split('output'), dtype) : undefined,
  };
}

/** Copies that are learned by themselves. */
export function copyOf(projections: Projections): Projections {
  const entries = Object.entries(projections).map(([name, projection]) => [name, copyOfLinear(projection)]);
  return Object.fromEntries(entries) as Projections;
}

/** Applies one of the projections to the tokens that it was made for, with `finish` on the last axis: [batch, length, …]. */
export type Project = (projection: Linear, finish?: (rows: Tensor) => Tensor) => Tensor;

/** A gated linear unit, a ∘ sigmoid(b) (Dauphin et al. 2017), of the two halves of the last axis. */
export function gatedUnit(rows: Tensor): Tensor {
  const last = rows.shape.length - 1;
  const half = rows.shape[last] / 2;
  return multiply(slice(rows, last, 0, half), sigmoid(slice(rows, last, half, 2 * half)));
}

/** Which rows of the last tokens the next call needs: none for dense projections, whose weights have two axes. */
export const keptRows = ({ value: { weight } }: Projections): 'modules'[] =>
  weight.shape.length === 4 && weight.shape[0] > 1 ? ['modules'] : [];

const asIs = (rows: Tensor): Tensor => rows;

/**
 * The projections of x [batch, length, modelDim], and the rows that the next call needs as `before`: those of the last tokens
 * behind D and E, or undefined where no filter looks back.
 */
export function projecting(
  x: Tensor,
  multiplicative: Multiplicative | undefined,
  projections: Projections,
  keyMask: Tensor | undefined,
  before: Tensor | undefined,
): { project: Project; last: Tensor | undefined } {
  if (multiplicative === undefined) {
    return { project: (projection, finish = asIs) => finish(linear(x, projection)), last: undefined };
  }
  const { windows, last } = neighbours(x, multiplicative, projections.value, keyMask, before);
  return { project: (projection, finish = asIs) => filtered(windows, projection, finish), last };
}
