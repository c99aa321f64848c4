/**
 * Branches of a model that run twice, in the forward pass and again in the backward pass, and must decide the same both times
 * although the recovered input is off by rounding.
 */
import { noGrad } from '../core/autograd.ts';
import { ArgumentError, expectShape } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { keep, scope } from '../core/scope.ts';
import { packed, type Tensor } from '../core/tensor.ts';

/** The tools with which a branch does the same in both passes. */
export interface Pass {
  /** The branch's own random stream, at its start in either pass, for example for dropout. */
  random: Random;
  /**
   * Returns the result of `make` from the forward pass, stored under a name, in both passes; no gradient flows through it.
   * For decisions by comparison that rounding could change, such as the buckets of Reformer (`decisions` of a variant). It is
   * kept for every layer, so it should be small.
   */
  once(name: string, make: () => Tensor): Tensor;
}

/** A residual branch: a function of x, of its parameters and of `pass`. */
export type Branch = (x: Tensor, pass: Pass) => Tensor;

/** A branch in both passes. */
export interface Repeatable {
  first(x: Tensor): Tensor;
  again(x: Tensor): Tensor;
  /** The decisions of the first run. They belong to no scope. */
  decided(): Tensor[];
}

/**
 * Splits a branch into its two runs; `name` is its name in errors. Both runs throw ShapeError if the result does not have the
 * shape of the input, ArgumentError if `once` is called with a name twice, or for the first time in the second run.
 */
export function repeatable(name: string, branch: Branch, random: Random): Repeatable {
  const decided = new Map<string, Tensor>();
  const run = (x: Tensor, once: Pass['once']) => {
    // Splitting by the same name always gives the same stream, from its start.
    const result = branch(x, { random: random.split('pass'), once });
    // A sum would accept a result that only broadcasts.
    expectShape(name, result.shape, x.shape, 'like its input');
    return result;
  };
  const decide: Pass['once'] = (key, make) => {
    if (decided.has(key)) throw new ArgumentError(`${name}: '${key}' was asked for twice`);
    // Copied, so that no other code can release it.
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
