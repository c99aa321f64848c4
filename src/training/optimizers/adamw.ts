/**
 * AdamW: Adam (Kingma & Ba 2015, algorithm 1) with weight decay separate from the gradient (Loshchilov & Hutter 2019,
 * algorithm 2), so that all weights shrink at the same rate, however large their gradients are:
 *
 *     m_t = β₁ m_{t−1} + (1 − β₁) g_t,   v_t = β₂ v_{t−1} + (1 − β₂) g_t²
 *     θ_t = θ_{t−1} − η ( m_t / (1 − β₁ᵗ) / (√(v_t / (1 − β₂ᵗ)) + ε) + λ θ_{t−1} )
 *
 * A weight decay of 0 is Adam.
 */
import { expectFiniteNumber, expectFunction, expectOptions } from '../../core/expect.ts';
import { adamWKernel, UPDATE_RUN } from '../../core/kernels/optimizers.ts';
import { allElements } from '../../core/ops/all-elements.ts';
import { parallelFor } from '../../core/parallel/pool.ts';
import type { Tensor } from '../../core/tensor.ts';
import { expectStep, expectWithin, type Form, isMatrix, type Optimizer, OptimizerState } from './optimizer.ts';

/** Settings of AdamW, by the symbols of its paper. */
export interface AdamWSettings {
  /** β₁: how much of the mean gradient is kept. */
  beta1: number;
  /** β₂: how much of the mean squared gradient is kept. */
  beta2: number;
  /** ε, added to the root of the mean squared gradient. */
  epsilon: number;
  /** λ, multiplied by the learning rate. */
  weightDecay: number;
  /** Which parameters decay; by default matrices, except those of a variant that must not. */
  decays: (name: string, parameter: Tensor) => boolean;
}

const MOMENTS = ['m', 'v'] as const;

/** The forms of its state (`Optimizer.state`) for these parameters, without making it. */
export function adamWForms(parameters: ReadonlyMap<string, Form>): Map<string, Form> {
  const moments = [...parameters].flatMap(([name, { shape, dtype }]) =>
    MOMENTS.map((moment): [string, Form] => [`${name}.${moment}`, { shape, dtype }]),
  );
  return new Map<string, Form>([['step', { shape: [], dtype: 'int32' }], ...moments]);
}

export class AdamW implements Optimizer {
  readonly settings: AdamWSettings;
  readonly #parameters: ReadonlyMap<string, Tensor>;
  readonly #state: OptimizerState;
  readonly #moments = new Map<string, { m: Tensor; v: Tensor }>();

  /** Throws ArgumentError for a parameter that is not a leaf, and for settings out of range. */
  constructor(parameters: ReadonlyMap<string, Tensor>, settings: Partial<AdamWSettings> = {}) {
    expectOptions<Partial<AdamWSettings>>('optimizer', settings, {
      beta1: expectFiniteNumber,
      beta2: expectFiniteNumber,
      epsilon: expectFiniteNumber,
      weightDecay: expectFiniteNumber,
      decays: expectFunction,
    });
    this.settings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, decays: isMatrix, ...settings };
    const { beta1, beta2, epsilon, weightDecay } = this.settings;
    const infinity = Number.POSITIVE_INFINITY;
    expectWithin({
      beta1: [beta1, 0, 1],
      beta2: [beta2, 0, 1],
      epsilon: [epsilon, 0, infinity],
      weightDecay: [weightDecay, 0, infinity],
    });
    this.#parameters = parameters;
    this.#state = new OptimizerState(parameters);
    for (const [name, { shape, dtype }] of parameters) {
      const [m, v] = MOMENTS.map((moment) => this.#state.add(name, moment, shape, dtype));
      this.#moments.set(name, { m, v });
    }
  }

  step(learningRate: number, gradientScale = 1): void {
    expectStep(learningRate, gradientScale);
    const { beta1, beta2, epsilon, weightDecay, decays } = this.settings;
    const t = this.#state.nextStep();
    for (const [name, parameter] of this.#parameters) {
      if (parameter.grad === null) continue;
      const { m, v } = this.#moments.get(name) as { m: Tensor; v: Tensor };
      const decay = decays(name, parameter) ? weightDecay : 0;
      const numbers = {
        scale: gradientScale,
        rate: learningRate,
        beta1,
        beta2,
        epsilon,
        decay,
        firstCorrection: 1 - beta1 ** t,
        secondCorrection: 1 - beta2 ** t,
      };
      const arrays = allElements({ theta: parameter, gradient: parameter.grad, m, v });
      parallelFor(adamWKernel, Math.ceil(parameter.size / UPDATE_RUN), arrays, numbers, {
        costPerItem: 12 * Math.min(parameter.size, UPDATE_RUN),
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
