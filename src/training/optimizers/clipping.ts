/** Clipping of gradients by their norm all together (Pascanu et al. 2013, algorithm 1). */
import { ArgumentError } from '../../core/errors.ts';
import { sumOfSquaresKernel, UPDATE_RUN } from '../../core/kernels/optimizers.ts';
import { allocate, release } from '../../core/memory.ts';
import { parallelFor } from '../../core/parallel/pool.ts';
import { elements, type Tensor } from '../../core/tensor.ts';

/** The Euclidean norm of all gradients, as one vector; NaN or infinite if one of them is. */
export function gradientNorm(parameters: ReadonlyMap<string, Tensor>): number {
  let sum = 0;
  for (const { grad } of parameters.values()) if (grad !== null) sum += sumOfSquares(grad);
  return Math.sqrt(sum);
}

/**
 * What gradients of this norm are multiplied by so that it is at most `maximum`: the `gradientScale` of a step. A norm
 * that is not finite is no norm to clip: the trainer looks at it first. Throws ArgumentError for one, and unless the
 * maximum is above 0.
 */
export function clipScale(norm: number, maximum: number): number {
  if (!Number.isFinite(norm)) throw new ArgumentError(`norm: expected a finite number, got ${norm}`);
  if (!(maximum > 0)) throw new ArgumentError(`maximum: expected a number above 0, got ${maximum}`);
  return norm > maximum ? maximum / norm : 1;
}

/** Σ x² in float64, over runs of fixed length and then over these in order: the same on any number of threads. */
export function sumOfSquares(x: Tensor): number {
  const runs = Math.ceil(x.size / UPDATE_RUN);
  const sums = allocate('float64', runs);
  parallelFor(sumOfSquaresKernel, runs, [elements(x), sums], [], { costPerItem: Math.min(x.size, UPDATE_RUN) });
  let total = 0;
  for (let run = 0; run < runs; run++) total += sums[run];
  release(sums);
  return total;
}
