/**
 * A softmax over scores that arrive a block at a time (Milakov & Gimelshein 2018, algorithm 3): for each row it keeps the
 * largest score so far, and the sum of exponentials relative to it.
 */
import type { NumericArray } from '../memory.ts';
import { scratchFloat64 } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';

export class OnlineSoftmax {
  readonly #rows: number;
  /** Distance of rows in a block of scores. */
  readonly #stride: number;
  #largest: Float64Array | null = null;
  #sums: Float64Array | null = null;

  constructor(rows: number, stride: number) {
    this.#rows = rows;
    this.#stride = stride;
  }

  /** Forgets all rows, or the first ones, where the others will not be read. */
  start(rows: number = this.#rows): void {
    this.#largest ??= scratchFloat64(this.#rows);
    this.#sums ??= scratchFloat64(this.#rows);
    for (let i = 0; i < rows; i++) {
      this.#largest[i] = Number.NEGATIVE_INFINITY;
      this.#sums[i] = 0;
    }
  }

  /**
   * Turns `columns` scores of the first `rows` rows into exponentials relative to the largest score so far. The weighted sums
   * so far (`width` numbers a row) are rescaled to match.
   */
  exponentiate(
    scores: NumericArray,
    rows: number,
    columns: number,
    weighted: NumericArray,
    width: number,
    stride = this.#stride,
  ): void {
    const [largest, sums] = [this.#largest as Float64Array, this.#sums as Float64Array];
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(scores) && isOnHeap(weighted)) {
      fast.exponentiateRows(
        scores.byteOffset,
        stride,
        rows,
        columns,
        largest.byteOffset,
        sums.byteOffset,
        weighted.byteOffset,
        width,
      );
      return;
    }
    for (let i = 0; i < rows; i++) {
      exponentiateRow(scores, i * stride, columns, i, largest, sums, weighted, width);
    }
  }

  /** The largest scores and the sums of all rows, for kernels that update them. */
  get places(): readonly [largest: Float64Array, sums: Float64Array] {
    return [this.#largest as Float64Array, this.#sums as Float64Array];
  }

  /** The largest score of row i; −∞ if it has none, or only −∞. */
  largest(i: number): number {
    return (this.#largest as Float64Array)[i];
  }

  /** Σ exp of the scores of row i relative to the largest. */
  sum(i: number): number {
    return (this.#sums as Float64Array)[i];
  }
}

function exponentiateRow(
  scores: NumericArray,
  start: number,
  columns: number,
  i: number,
  largest: Float64Array,
  sums: Float64Array,
  weighted: NumericArray,
  width: number,
): void {
  let max = largest[i];
  // Math.max lets a NaN through, so that it reaches the output.
  for (let j = start; j < start + columns; j++) max = Math.max(max, scores[j]);
  if (max === Number.NEGATIVE_INFINITY) {
    scores.fill(0, start, start + columns);
    return;
  }
  if (max !== largest[i]) {
    const shrink = Math.exp(largest[i] - max);
    sums[i] *= shrink;
    for (let c = i * width; c < (i + 1) * width; c++) weighted[c] *= shrink;
    largest[i] = max;
  }
  let total = 0;
  for (let j = start; j < start + columns; j++) {
    const weight = Math.exp(scores[j] - max);
    scores[j] = weight;
    total += weight;
  }
  sums[i] += total;
}

/**
 * The backward pass: scores S become weights P = exp(S − shift_i) · share_i, and gradients ∂P become ∂S = P ∘ (∂P − δ_i), for
 * `rows` rows that lie `stride` apart. The shift of a row is its largest score, and its share is 1 / Σ exp(S − shift). The
 * log-sum-exp alone would not do: for large scores it is rounded by more than a weight may be off. All three are at `first +
 * step · i` of their arrays.
 */
export function weighRows(
  scores: NumericArray,
  gradients: NumericArray,
  stride: number,
  rows: number,
  columns: number,
  shifts: NumericArray,
  shares: NumericArray,
  delta: NumericArray,
  first: number,
  step: number,
): void {
  const fast = vectorKernels();
  if (fast !== null && [scores, gradients, shifts, shares, delta].every(isOnHeap)) {
    const from = 4 * first;
    fast.weighRows(
      scores.byteOffset,
      gradients.byteOffset,
      stride,
      rows,
      columns,
      shifts.byteOffset + from,
      shares.byteOffset + from,
      delta.byteOffset + from,
      step,
    );
    return;
  }
  for (let i = 0; i < rows; i++) {
    const row = first + step * i;
    const meetsNone = shifts[row] === Number.NEGATIVE_INFINITY;
    for (let j = i * stride; j < i * stride + columns; j++) {
      const weight = meetsNone ? 0 : Math.exp(scores[j] - shifts[row]) * shares[row];
      scores[j] = weight;
      gradients[j] = weight * (gradients[j] - delta[row]);
    }
  }
}
