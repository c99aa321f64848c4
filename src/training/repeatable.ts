/**
 * Branches of a model that run twice, in the forward pass and again in the backward pass, and must do the same both times
 * although the recovered input is off by rounding.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectShape } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { keep, packed, scope, type Tensor } from '../core/tensor.ts';

/** The means by which a branch does the same in both passes. */
export interface Pass {
  /** The branch's own random stream, from its start in either pass: for dropout and the like. */
  random: Random;
  /**
   * The result of `make` from the forward pass, under a name, in both passes; no gradient flows through it. For decisions by
   * comparison, such as the buckets of Reformer (`decisions` of a variant), which rounding could change. It is kept for every
   * layer, so it should be small.
   */
  once(name: string, make: () => Tensor): Tensor;
}

/** A residual branch: a function of x, of its parameters and of `pass`. */
export type Branch = (x: Tensor, pass: Pass) => Tensor;

/** A branch in both passes. */
export interface Repeatable {
  first(x: Tensor): Tensor;
  again(x: Tensor): Tensor;
  /** What the first run decided. It belongs to no scope. */
  decided(): Tensor[];
}

/**
 * Splits a branch into its two runs; `name` is its name in errors. Both runs throw ShapeError where the result has not
 * the shape of the input, ArgumentError where `once` is asked for a name twice, or for the first time in the second run.
 */
export function repeatable(name: string, branch: Branch, random: Random): Repeatable {
  const decided = new Map<string, Tensor>();
  const run = (x: Tensor, once: Pass['once']) => {
    // Splitting by one name gives the same stream, from its start, however often.
    const result = branch(x, { random: random.split('pass'), once });
    // A result that only broadcasts would pass in a sum.
    expectShape(name, result.shape, x.shape, 'like its input');
    return result;
  };
  const decide: Pass['once'] = (key, make) => {
    if (decided.has(key)) throw new ArgumentError(`${name}: '${key}' was asked for twice`);
    // A copy, so that no other code releases it.
    const tensor = keep(scope(() => noGrad(() => packed(make()))));
    decided.set(key, tensor);
    return tensor;
  };
  const recall: Pass['once'] = (key) => {
    const tensor = decided.get(key);
    if (tensor === undefined) throw new ArgumentError(`${name}: '${key}' was not asked for in the forward pass`);
    return tensor;
  };
  return {
    first: (x) => run(x, decide),
    again: (x) => run(x, recall),
    decided: () => [...decided.values()],
  };
}
