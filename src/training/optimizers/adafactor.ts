/**
 * Adafactor (Shazeer & Stern 2018): Adam's scaling with sublinear memory.
 *
 * Problem: Adam holds two numbers for each parameter. Idea: no momentum, and for the squared gradients of an n × m matrix
 * only the means of its n rows and m columns, R and C. Their product over the mean of R is the best rank-one factorisation in
 * I-divergence (§3, lemma 1). Updates are clipped by their own size, which makes up for the missing momentum and for outdated
 * squares (§6); steps are relative to the size of the parameter (§8).
 *
 *     β̂₂ = 1 − t^−0.8                                                              (§7.2)
 *     R_t = β̂₂ R + (1 − β̂₂) row means of (G² + ε₁),   C_t likewise of columns       (algorithm 4)
 *     U_t = G / √V̂,   V̂ = R C / mean(R)
 *     Û_t = U / max(1, RMS(U) / d)
 *     X_t = X − α Û,   α = max(ε₂, RMS(X)) ρ                                       (algorithm 6)
 *
 * ρ is the learning rate of a step; the paper's is min(10⁻², 1/√t), see `adafactorRate`. A vector is a matrix of one row:
 * then mean(R) = R, so V̂ = C, which is not factored at all (algorithm 5). With more than two axes, the last two are the
 * matrix, and the others count matrices.
 */
import { expectBoolean, expectFiniteNumber, expectFunction, expectOptions } from '../../core/expect.ts';
import {
  adafactorColumnsKernel,
  adafactorRowsKernel,
  adafactorSizeKernel,
  adafactorUpdateKernel,
  UPDATE_COLUMNS,
} from '../../core/kernels/optimizers.ts';
import { allocate, type NumericArray, release } from '../../core/memory.ts';
import { allElements } from '../../core/ops/all-elements.ts';
import { parallelFor } from '../../core/parallel/pool.ts';
import { elements, type Tensor } from '../../core/tensor.ts';
import { expectStep, expectWithin, isMatrix, type Optimizer, OptimizerState, sumOfSquares } from './optimizer.ts';

/** Settings of Adafactor, by the symbols of its paper. */
export interface AdafactorSettings {
  /** The exponent of β̂₂ = 1 − t^−c. */
  decayExponent: number;
  /** ε₁, added to squared gradients. */
  epsilon1: number;
  /** ε₂: the smallest size that a parameter counts as. */
  epsilon2: number;
  /** d: the largest RMS of an update before it is multiplied by α. */
  clippingThreshold: number;
  /** Whether α is relative to RMS(X); else α = ρ. */
  relativeToParameter: boolean;
  /** λ, multiplied by ρ; not in the paper. */
  weightDecay: number;
  /** Which parameters decay; by default matrices, except those of a variant that must not. */
  decays: (name: string, parameter: Tensor) => boolean;
}

/** R [matrices, rows] and C [matrices, columns] of a parameter. */
interface Factors {
  rowMeans: Tensor;
  columnMeans: Tensor;
  matrices: number;
  rows: number;
  columns: number;
}

export class Adafactor implements Optimizer {
  readonly settings: AdafactorSettings;
  readonly #parameters: ReadonlyMap<string, Tensor>;
  readonly #state: OptimizerState;
  readonly #factors = new Map<string, Factors>();

  /** Throws ArgumentError for a parameter that is not a leaf, and for settings out of range. */
  constructor(parameters: ReadonlyMap<string, Tensor>, settings: Partial<AdafactorSettings> = {}) {
    expectOptions<Partial<AdafactorSettings>>('optimizer', settings, {
      decayExponent: expectFiniteNumber,
      epsilon1: expectFiniteNumber,
      epsilon2: expectFiniteNumber,
      clippingThreshold: expectFiniteNumber,
      weightDecay: expectFiniteNumber,
      relativeToParameter: expectBoolean,
      decays: expectFunction,
    });
    this.settings = {
      decayExponent: 0.8,
      epsilon1: 1e-30,
      epsilon2: 1e-3,
      clippingThreshold: 1,
      relativeToParameter: true,
      weightDecay: 0,
      decays: isMatrix,
      ...settings,
    };
    const { decayExponent, epsilon1, epsilon2, clippingThreshold, weightDecay } = this.settings;
    const infinity = Number.POSITIVE_INFINITY;
    // The smallest float32 is 10⁻⁴⁵: if ε₁ vanished in R and C, this would divide by 0.
    expectWithin({
      decayExponent: [decayExponent, 0, infinity],
      epsilon1: [epsilon1, 1e-37, infinity],
      epsilon2: [epsilon2, 0, infinity],
      clippingThreshold: [clippingThreshold, Number.MIN_VALUE, infinity],
      weightDecay: [weightDecay, 0, infinity],
    });
    this.#parameters = parameters;
    this.#state = new OptimizerState(parameters);
    for (const [name, { shape, size, dtype }] of parameters) {
      const [rows, columns] = [1, 1, ...shape].slice(-2);
      const matrices = size / (rows * columns);
      const rowMeans = this.#state.add(name, 'R', [matrices, rows], dtype);
      const columnMeans = this.#state.add(name, 'C', [matrices, columns], dtype);
      this.#factors.set(name, { rowMeans, columnMeans, matrices, rows, columns });
    }
  }

  step(learningRate: number, gradientScale = 1): void {
    expectStep(learningRate, gradientScale);
    const { decayExponent, epsilon2, clippingThreshold, relativeToParameter, weightDecay, decays } = this.settings;
    const beta2 = 1 - this.#state.nextStep() ** -decayExponent;
    for (const [name, parameter] of this.#parameters) {
      if (parameter.grad === null) continue;
      const factors = this.#factors.get(name) as Factors;
      const gradient = elements(parameter.grad);
      this.#updateMeans(factors, gradient, gradientScale, beta2);

      const means = meansOfRows(factors);
      const size = rootMeanSquare(sumOfUpdate(factors, gradient, gradientScale, means), parameter);
      const relative = relativeToParameter ? Math.max(epsilon2, rootMeanSquare(sumOfSquares(parameter), parameter)) : 1;
      const step = (relative * learningRate) / Math.max(1, size / clippingThreshold);
      const decay = decays(name, parameter) ? learningRate * weightDecay : 0;
      const { rowMeans, columnMeans, matrices, rows, columns } = factors;
      const arrays = { ...allElements({ theta: parameter, rowMeans, columnMeans }), gradient, means };
      const numbers = { scale: gradientScale, rows, columns, step, decay };
      parallelFor(adafactorUpdateKernel, matrices * rows, arrays, numbers, {
        costPerItem: 10 * columns,
      });
      release(means);
    }
  }

  #updateMeans(
    { rowMeans, columnMeans, matrices, rows, columns }: Factors,
    gradient: NumericArray,
    scale: number,
    beta2: number,
  ): void {
    const numbers = { scale, beta2, epsilon: this.settings.epsilon1, columns };
    parallelFor(adafactorRowsKernel, matrices * rows, { gradient, rowMeans: elements(rowMeans) }, numbers, {
      costPerItem: columns,
    });
    const blocks = matrices * Math.ceil(columns / UPDATE_COLUMNS);
    const arrays = { gradient, columnMeans: elements(columnMeans) };
    parallelFor(
      adafactorColumnsKernel,
      blocks,
      arrays,
      { ...numbers, rows },
      {
        costPerItem: rows * Math.min(columns, UPDATE_COLUMNS),
      },
    );
  }

  state(): Map<string, Tensor> {
    return this.#state.tensors();
  }

  load(state: ReadonlyMap<string, Tensor>): void {
    this.#state.load(state);
  }
}

/** mean(R) of each matrix. The caller releases it. */
function meansOfRows({ rowMeans, matrices, rows }: Factors): NumericArray {
  const means = allocate('float64', matrices);
  const values = elements(rowMeans);
  for (let matrix = 0; matrix < matrices; matrix++) {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += values[matrix * rows + row];
    means[matrix] = sum / rows;
  }
  return means;
}

/** Σ U² over a whole parameter, row by row. */
function sumOfUpdate(
  { rowMeans, columnMeans, matrices, rows, columns }: Factors,
  gradient: NumericArray,
  scale: number,
  means: NumericArray,
): number {
  const sums = allocate('float64', matrices * rows);
  const arrays = { ...allElements({ rowMeans, columnMeans }), gradient, means, sums };
  parallelFor(adafactorSizeKernel, matrices * rows, arrays, { scale, rows, columns }, { costPerItem: 4 * columns });
  let total = 0;
  for (let row = 0; row < sums.length; row++) total += sums[row];
  release(sums);
  return total;
}

const rootMeanSquare = (sum: number, { size }: Tensor): number => Math.sqrt(sum / size);
