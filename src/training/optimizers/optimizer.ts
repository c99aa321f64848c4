/**
 * The common part of all optimisers. Gradients are stored on the parameters (`backward` adds them up, so several backward
 * passes before one step are gradient accumulation); a step reads them, moves the parameters in place, and leaves the
 * gradients for `zeroGrad`. The learning rate is an argument of each step: see schedules.ts.
 *
 *     scope(() => backward(loss(batch)));                       // as often as there are parts of a batch
 *     const scale = clipScale(gradientNorm(parameters) / parts, 1) / parts;
 *     optimizer.step(learningRate(schedule, step), scale);
 *     zeroGrad(parameters.values());
 *
 * Parameters that require no gradient (`requiresGrad`) stay as they are, unless none of them requires one: then the model was
 * loaded for inference, and the optimiser turns all of them on. So `requiresGrad = false` freezes a part of a model.
 */
import { ArgumentError, describe } from '../../core/errors.ts';
import { expectFiniteNumber, numberOf } from '../../core/expect.ts';
import { sumOfSquaresKernel, UPDATE_RUN } from '../../core/kernels/optimizers.ts';
import { allocate, release } from '../../core/memory.ts';
import { expectFloat } from '../../core/ops/check.ts';
import { parallelFor } from '../../core/parallel/pool.ts';
import { keep } from '../../core/scope.ts';
import { elements, isContiguous, type Tensor, zeros } from '../../core/tensor.ts';
import { isSpared } from '../../variants/parameters.ts';
import { expectNamedTensors } from '../checks.ts';
import { copyNamed } from '../module.ts';

/** Moves parameters against their gradients. */
export interface Optimizer {
  /**
   * Moves every parameter that has a gradient. The gradient is first multiplied by `gradientScale`. Throws ArgumentError
   * unless the learning rate is a number of at least 0 and the scale is finite.
   */
  step(learningRate: number, gradientScale?: number): void;
  /** All state for a checkpoint, by name: the number of steps, and tensors for each parameter. Live, not copies. */
  state(): Map<string, Tensor>;
  /** Continues from a saved state. Throws ArgumentError or ShapeError, before any change, if it does not fit. */
  load(state: ReadonlyMap<string, Tensor>): void;
}

/** What is known of a tensor before it is made. */
export type Form = Pick<Tensor, 'shape' | 'dtype'>;

/** Steps taken, and named tensors for each parameter, all zeros at first. */
export class OptimizerState {
  readonly #tensors = new Map<string, Tensor>();
  readonly #steps = keep(zeros([], 'int32'));

  /** If no parameter requires a gradient, as in a model loaded for inference, all are set to require one. */
  constructor(parameters: ReadonlyMap<string, Tensor>) {
    expectNamedTensors('parameters', parameters);
    this.#tensors.set('step', this.#steps);
    for (const [name, parameter] of parameters) {
      expectFloat(name, parameter);
      if (parameter.node === null && isContiguous(parameter)) continue;
      throw new ArgumentError(`${name}: expected a contiguous leaf, got ${parameter.node ? 'a result' : 'a view'}`);
    }
    const all = [...parameters.values()];
    if (all.every(({ requiresGrad }) => !requiresGrad)) for (const parameter of all) parameter.withGrad();
  }

  /** Registers a tensor that belongs to a parameter, and returns it. */
  add(parameterName: string, name: string, shape: readonly number[], dtype: Tensor['dtype']): Tensor {
    const tensor = keep(zeros(shape, dtype));
    this.#tensors.set(`${parameterName}.${name}`, tensor);
    return tensor;
  }

  /** Counts one more step and returns its number: 1 for the first. */
  nextStep(): number {
    return ++elements(this.#steps)[0];
  }

  tensors(): Map<string, Tensor> {
    return new Map(this.#tensors);
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    expectNamedTensors('state', state);
    copyNamed(this.#tensors, state, 'state');
  }
}

/** Throws ArgumentError for an invalid step. */
export function expectStep(learningRate: number, gradientScale: number): void {
  numberOf(0, Number.MAX_VALUE)('learningRate', learningRate);
  expectFiniteNumber('gradientScale', gradientScale);
}

/** Throws ArgumentError unless each setting is within its limits, the upper ones excluded. */
export function expectWithin(settings: Record<string, readonly [value: number, least: number, below: number]>): void {
  for (const [name, [value, least, below]] of Object.entries(settings)) {
    if (typeof value === 'number' && value >= least && value < below) continue;
    const limit = below === Number.POSITIVE_INFINITY ? '' : ` and below ${below}`;
    throw new ArgumentError(`${name}: expected a number of at least ${least}${limit}, got ${describe(value)}`);
  }
}

/**
 * Whether weight decay applies: to matrices and larger, not to biases and gains, nor to what a variant spares (`decays` of a
 * declared parameter).
 */
export const isMatrix = (_name: string, parameter: Tensor): boolean =>
  parameter.shape.length >= 2 && !isSpared(parameter);

/* Clipping of gradients by their norm all together (Pascanu et al. 2013, algorithm 1). */

/** The Euclidean norm of all gradients, as one vector; NaN or infinite if one of them is. */
export function gradientNorm(parameters: ReadonlyMap<string, Tensor>): number {
  let sum = 0;
  for (const { grad } of parameters.values()) if (grad !== null) sum += sumOfSquares(grad);
  return Math.sqrt(sum);
}

/**
 * The factor that brings gradients of this norm to at most `maximum`: the `gradientScale` of a step. Throws ArgumentError
 * for a norm that is not finite, which the trainer checks first, and unless the maximum is above 0.
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
  parallelFor(sumOfSquaresKernel, runs, { x: elements(x), sums }, {}, { costPerItem: Math.min(x.size, UPDATE_RUN) });
  let total = 0;
  for (let run = 0; run < runs; run++) total += sums[run];
  release(sums);
  return total;
}
