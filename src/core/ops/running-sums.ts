/** How the ops of feature attention run its kernels: sums over the tokens of one side, read by the tokens of the other. */
import { ATTEND, featureReadKernel, SLOPES, SLOPES_AND_MIXTURE } from '../kernels/feature-attention.ts';
import { FEATURE_MAPS, type FeatureMapName } from '../kernels/feature-maps.ts';
import { FOLD_CHANNELS, featureFoldKernel, featureSumsKernel } from '../kernels/feature-sums.ts';
import { CHUNK, scanGroup } from '../kernels/scan-chunk.ts';
import { allocate, type NumericArray, release } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import type { Read, TokenSide } from './token-sides.ts';

/** The sums over keys, Σ_j e^{b_jf + c_j − μ_f} (v_j, 1), and the scales μ that keep them in range. */
export type FeatureState = {
  /** [batch, heads, m, valueDim] */
  sums: Tensor;
  /** [batch, heads, m] */
  totals: Tensor;
  /** μ, [batch, heads, m], always float64; constants to gradients. */
  scales: Tensor;
};

/** The cost of an exp, in multiply-adds. */
const EXP_COST = 8;

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
    const length = side.rows.shape[2];
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
    const numbers = { sequences, length, m, n, map: FEATURE_MAPS[side.map], reverse };
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

  /** The outputs of queries. */
  attend(queries: Tensor, map: FeatureMapName): Read {
    const [batch, heads, length] = queries.shape;
    const output = empty([batch, heads, length, this.#like.sums.shape[3]], queries.dtype);
    const exactLogSum = empty([batch, heads, length], 'float64');
    // Only the rows are read.
    const side = { rows: queries, map, shifts: exactLogSum, vectors: output, weights: exactLogSum };
    this.#read(side, ATTEND, output, exactLogSum, output);
    const logSumExp = queries.dtype === 'float64' ? exactLogSum : empty([batch, heads, length], queries.dtype);
    elements(logSumExp).set(elements(exactLogSum));
    return { output, logSumExp, exactLogSum };
  }

  /** The gradients of the readers' rows. */
  slopes(readers: TokenSide): Tensor {
    const slopes = empty(readers.rows.shape, readers.rows.dtype);
    this.#read(readers, SLOPES, slopes, slopes, slopes);
    return slopes;
  }

  /** The gradients of the readers' rows and vectors. */
  slopesAndMixture(readers: TokenSide): [slopes: Tensor, mixture: Tensor] {
    const slopes = empty(readers.rows.shape, readers.rows.dtype);
    const mixture = empty(readers.vectors.shape, readers.rows.dtype);
    this.#read(readers, SLOPES_AND_MIXTURE, mixture, slopes, slopes);
    return [slopes, mixture];
  }

  #read(readers: TokenSide, asked: number, mixture: Tensor, logSum: Tensor, slopes: Tensor): void {
    const { batch, heads, m, n } = extentsOf(this.#like);
    const [sequences, length] = [batch * heads, readers.rows.shape[2]];
    const size = scanGroup(m, n);
    const along = this.#writers === null ? 0 : 1;
    const arrays = Object.assign(
      {
        readers: elements(readers.rows),
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
    const map = FEATURE_MAPS[readers.map];
    const numbers = { sequences, length, m, n, map, reverse: this.#reverse, along, asked };
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

function writersOf({ rows, shifts, vectors, weights }: TokenSide) {
  return {
    writers: elements(rows),
    writerShifts: elements(shifts),
    writerVectors: elements(vectors),
    writerWeights: elements(weights),
  };
}
