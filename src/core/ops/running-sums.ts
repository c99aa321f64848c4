/** How the ops of feature attention run its kernels: sums over the tokens of one side, read by the tokens of the other. */
import {
  ATTEND,
  featureDeltasKernel,
  featureReadKernel,
  SLOPES,
  SLOPES_AND_MIXTURE,
} from '../kernels/feature-attention.ts';
import { FOLD_CHANNELS, featureFoldKernel, featureSumsKernel } from '../kernels/feature-sums.ts';
import { CHUNK, scanGroup } from '../kernels/scan-chunk.ts';
import { allocate, type NumericArray, release } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, filled, type Tensor, zeros } from '../tensor.ts';
import type { Attended } from './attention.ts';
import { contiguous } from './shape.ts';

/** The sums over keys, Σ_j e^{b_jf + c_j − μ_f} (v_j, 1), and the scales μ that keep them in range. */
export type FeatureState = {
  /** [batch, heads, m, valueDim] */
  sums: Tensor;
  /** [batch, heads, m] */
  totals: Tensor;
  /** μ, [batch, heads, m], always float64; constants to gradients. */
  scales: Tensor;
};

/** The tokens of one side, keys or queries, in the form that kernels use for both. */
export interface TokenSide {
  /** [batch, heads, length, m] */
  exponents: Tensor;
  /**
   * Added to all exponents of a token, [batch, heads, length]; −∞ masks the token. Always float64: exponents may be large and
   * nearly cancel.
   */
  shifts: Tensor;
  /** [batch, heads, length, n] */
  vectors: Tensor;
  /** [batch, heads, length] */
  weights: Tensor;
}

/** An attention, and the logarithms of its denominators in float64, for the backward pass. */
export interface Read extends Attended {
  exactLogSum: Tensor;
}

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 8;

/** Keys write their values, each with weight 1. */
export function keySide(keys: Tensor, values: Tensor, keyScale?: Tensor, keyMask?: Tensor): TokenSide {
  const [batch, heads, length] = keys.shape;
  const shifts = empty([batch, heads, length], 'float64');
  const to = elements(shifts);
  if (keyScale === undefined) to.fill(0);
  else to.set(elements(keyScale));
  const flags = keyMask === undefined ? null : elements(keyMask);
  for (let at = 0; flags !== null && at < to.length; at++) {
    if (flags[Math.floor(at / (heads * length)) * length + (at % length)] === 0) to[at] = Number.NEGATIVE_INFINITY;
  }
  return { exponents: keys, shifts, vectors: values, weights: filled(shifts.shape, 1, keys.dtype) };
}

/** Queries write the gradients of their outputs; featureDeltasKernel computes their weights and shifts. */
export function querySide(
  queries: Tensor,
  { output, logSumExp, exactLogSum }: Read,
  ofOutput: Tensor | null,
  ofLogSum: Tensor | null,
): TokenSide {
  const { shape, dtype } = logSumExp;
  const [shifts, weights] = [empty(shape, 'float64'), empty(shape, dtype)];
  const vectors = contiguous(ofOutput ?? zeros(output.shape, dtype));
  const n = output.shape[3];
  const arrays = {
    output: elements(output),
    logSum: elements(exactLogSum),
    gradient: elements(vectors),
    logSumGradient: elements(ofLogSum ?? zeros(shape, dtype)),
    shifts: elements(shifts),
    weights: elements(weights),
  };
  parallelFor(featureDeltasKernel, logSumExp.size, arrays, { n }, { costPerItem: 2 * n });
  return { exponents: queries, shifts, vectors, weights };
}

/** The arrays of a state, one slot after another. */
interface Slots {
  sums: NumericArray;
  totals: NumericArray;
  scales: NumericArray;
}

/** The sums over a side: before each of its groups, for causal readers, or over the whole side, for all readers. */
export class RunningSums {
  readonly #slots: Slots;
  /** The side that causal readers follow; null if the sums are over the whole side. */
  readonly #writers: TokenSide | null;
  readonly #reverse: number;
  readonly #like: FeatureState;

  private constructor(slots: Slots, writers: TokenSide | null, reverse: number, like: FeatureState) {
    this.#slots = slots;
    this.#writers = writers;
    this.#reverse = reverse;
    this.#like = like;
  }

  /** The sums of a state. */
  static of(state: FeatureState): RunningSums {
    return new RunningSums(slotOf(state), null, 0, state);
  }

  /** The sums over a whole side, added to those of the state. */
  static over(writers: TokenSide, state: FeatureState): FeatureState {
    return RunningSums.#run(writers, state, 0, null).last();
  }

  /** The sums before each group of a side, from the first token to the last or in `reverse`, added to those of the state. */
  static along(writers: TokenSide, state: FeatureState, reverse = false): RunningSums {
    return RunningSums.#run(writers, state, reverse ? 1 : 0, writers);
  }

  static #run(side: TokenSide, state: FeatureState, reverse: number, along: TokenSide | null): RunningSums {
    const { batch, heads, m, n } = extentsOf(state);
    const sequences = batch * heads;
    const length = side.exponents.shape[2];
    const groups = Math.ceil(length / scanGroup(m, n));
    // Causal readers add the last group themselves.
    const summed = along === null ? groups : groups - 1;
    const { dtype } = state.sums;
    const initial = slotOf(state);
    const slots = {
      sums: allocate(dtype, (summed + 1) * initial.sums.length),
      totals: allocate(dtype, (summed + 1) * initial.totals.length),
      scales: allocate('float64', (summed + 1) * initial.scales.length),
    };
    for (const part of ['sums', 'totals', 'scales'] as const) slots[part].set(initial[part]);
    const numbers = { sequences, length, m, n, reverse };
    parallelFor(featureSumsKernel, summed * sequences, Object.assign(writersOf(side), slots), numbers, {
      costPerItem: Math.min(scanGroup(m, n), length) * m * (n + 2 * EXP_COST),
    });
    const blocks = Math.ceil(m / FOLD_CHANNELS);
    parallelFor(
      featureFoldKernel,
      sequences * blocks,
      slots,
      { sequences, m, n, slots: summed + 1 },
      {
        costPerItem: 2 * summed * FOLD_CHANNELS * n,
      },
    );
    return new RunningSums(slots, along, reverse, state);
  }

  /** The outputs of queries. Only the exponents of the side are read. */
  attend(queries: Tensor): Read {
    const [batch, heads, length] = queries.shape;
    const output = empty([batch, heads, length, this.#like.sums.shape[3]], queries.dtype);
    const exactLogSum = empty([batch, heads, length], 'float64');
    const side = { exponents: queries, shifts: exactLogSum, vectors: output, weights: exactLogSum };
    this.#read(side, ATTEND, output, exactLogSum, output);
    const logSumExp = queries.dtype === 'float64' ? exactLogSum : empty([batch, heads, length], queries.dtype);
    elements(logSumExp).set(elements(exactLogSum));
    return { output, logSumExp, exactLogSum };
  }

  /** The gradients of the readers' exponents. */
  slopes(readers: TokenSide): Tensor {
    const slopes = empty(readers.exponents.shape, readers.exponents.dtype);
    this.#read(readers, SLOPES, slopes, slopes, slopes);
    return slopes;
  }

  /** The gradients of the readers' exponents and vectors. */
  slopesAndMixture(readers: TokenSide): [slopes: Tensor, mixture: Tensor] {
    const slopes = empty(readers.exponents.shape, readers.exponents.dtype);
    const mixture = empty(readers.vectors.shape, readers.exponents.dtype);
    this.#read(readers, SLOPES_AND_MIXTURE, mixture, slopes, slopes);
    return [slopes, mixture];
  }

  #read(readers: TokenSide, asked: number, mixture: Tensor, logSum: Tensor, slopes: Tensor): void {
    const { batch, heads, m, n } = extentsOf(this.#like);
    const [sequences, length] = [batch * heads, readers.exponents.shape[2]];
    const size = scanGroup(m, n);
    const along = this.#writers === null ? 0 : 1;
    const arrays = Object.assign(
      {
        readers: elements(readers.exponents),
        readerShifts: elements(readers.shifts),
        readerVectors: elements(readers.vectors),
        readerWeights: elements(readers.weights),
        mixture: elements(mixture),
        logSum: elements(logSum),
        slopes: elements(slopes),
      },
      writersOf(this.#writers ?? readers),
      this.#slots,
    );
    const numbers = { sequences, length, m, n, reverse: this.#reverse, along, asked };
    parallelFor(featureReadKernel, sequences * Math.ceil(length / size), arrays, numbers, {
      costPerItem: 2 * Math.min(size, length) * m * (n + CHUNK + EXP_COST),
    });
  }

  /** The sums over the whole side, after all readers are done. Ends the reading. */
  last(): FeatureState {
    const { sums, totals, scales } = this.#like;
    const state = {
      sums: lastSlot(this.#slots.sums, sums),
      totals: lastSlot(this.#slots.totals, totals),
      scales: lastSlot(this.#slots.scales, scales),
    };
    this.release();
    return state;
  }

  /** Releases the sums, which a tape would keep. */
  release(): void {
    for (const array of Object.values(this.#slots)) release(array);
  }
}

function extentsOf({ sums: { shape } }: FeatureState) {
  const [batch, heads, m, n] = shape;
  return { batch, heads, m, n };
}

function slotOf({ sums, totals, scales }: FeatureState): Slots {
  return { sums: elements(sums), totals: elements(totals), scales: elements(scales) };
}

function lastSlot(slots: NumericArray, { shape, dtype, size }: Tensor): Tensor {
  const tensor = empty(shape, dtype);
  elements(tensor).set(slots.subarray(slots.length - size));
  return tensor;
}

function writersOf({ exponents, shifts, vectors, weights }: TokenSide) {
  return {
    writers: elements(exponents),
    writerShifts: elements(shifts),
    writerVectors: elements(vectors),
    writerWeights: elements(weights),
  };
}
