/**
 * Stochastic gradient descent with momentum (Polyak 1964; Nesterov's form as in Sutskever et al. 2013), in PyTorch's form,
 * with the learning rate outside the velocity:
 *
 *     v_t = μ v_{t−1} + g_t + λ θ_{t−1},   θ_t = θ_{t−1} − η v_t      (Nesterov: η (g_t + λ θ_{t−1} + μ v_t))
 */
import { expectBoolean, expectFiniteNumber, expectFunction, expectOptions } from '../../core/expect.ts';
import { sgdKernel, UPDATE_RUN } from '../../core/kernels/optimizers.ts';
import { allElements } from '../../core/ops/all-elements.ts';
import { parallelFor } from '../../core/parallel/pool.ts';
import type { Tensor } from '../../core/tensor.ts';
import { expectStep, expectWithin, isMatrix, type Optimizer, OptimizerState } from './optimizer.ts';

/** Settings of stochastic gradient descent. */
export interface SGDSettings {
  /** μ; 0: none, and no state. */
  momentum: number;
  nesterov: boolean;
  /** λ, added to the gradient (L2 regularisation). */
  weightDecay: number;
  /** Which parameters decay; by default matrices, except those of a variant that must not. */
  decays: (name: string, parameter: Tensor) => boolean;
}

export class SGD implements Optimizer {
  readonly settings: SGDSettings;
  readonly #parameters: ReadonlyMap<string, Tensor>;
  readonly #state: OptimizerState;
  readonly #velocities = new Map<string, Tensor>();

  /** Throws ArgumentError for a parameter that is not a leaf, and for settings out of range. */
  constructor(parameters: ReadonlyMap<string, Tensor>, settings: Partial<SGDSettings> = {}) {
    expectOptions<Partial<SGDSettings>>('optimizer', settings, {
      momentum: expectFiniteNumber,
      weightDecay: expectFiniteNumber,
      nesterov: expectBoolean,
      decays: expectFunction,
    });
    this.settings = { momentum: 0, nesterov: false, weightDecay: 0, decays: isMatrix, ...settings };
    const { momentum, weightDecay } = this.settings;
    expectWithin({ momentum: [momentum, 0, 1], weightDecay: [weightDecay, 0, Number.POSITIVE_INFINITY] });
    this.#parameters = parameters;
    this.#state = new OptimizerState(parameters);
    if (momentum === 0) return;
    for (const [name, { shape, dtype }] of parameters) {
      this.#velocities.set(name, this.#state.add(name, 'velocity', shape, dtype));
    }
  }

  step(learningRate: number, gradientScale = 1): void {
    expectStep(learningRate, gradientScale);
    const { momentum, nesterov, weightDecay, decays } = this.settings;
    this.#state.nextStep();
    for (const [name, parameter] of this.#parameters) {
      if (parameter.grad === null) continue;
      const velocity = this.#velocities.get(name) ?? parameter;
      const decay = decays(name, parameter) ? weightDecay : 0;
      const numbers = { scale: gradientScale, rate: learningRate, momentum, decay, nesterov: nesterov ? 1 : 0 };
      const arrays = allElements({ theta: parameter, gradient: parameter.grad, velocity });
      parallelFor(sgdKernel, Math.ceil(parameter.size / UPDATE_RUN), arrays, numbers, {
        costPerItem: 4 * Math.min(parameter.size, UPDATE_RUN),
      });
    }
  }

  state(): Map<string, Tensor> {
    return this.#state.tensors();
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    this.#state.load(state);
  }
}
