/**
 * A softmax over scores that arrive a block at a time (Milakov & Gimelshein 2018, algorithm 3): of each row the largest
 * score so far, and the sum of exponentials relative to it.
 */
import type { NumericArray } from '../memory.ts';

export class OnlineSoftmax {
  readonly #largest: Float64Array;
  readonly #sums: Float64Array;
  /** Distance of rows in a block of scores. */
  readonly #stride: number;

  constructor(rows: number, stride: number) {
    this.#largest = new Float64Array(rows);
    this.#sums = new Float64Array(rows);
    this.#stride = stride;
  }

  /** Forgets all rows. */
  start(): void {
    this.#largest.fill(Number.NEGATIVE_INFINITY);
    this.#sums.fill(0);
  }

  /**
   * Turns `columns` scores of row i into exponentials relative to the largest score so far. What was weighted before
   * (`width` numbers of row i of `weighted`) is scaled along with it.
   */
  exponentiate(scores: NumericArray, i: number, columns: number, weighted: NumericArray, width: number): void {
    const row = i * this.#stride;
    const before = this.#largest[i];
    let max = before;
    // Math.max lets a NaN through, so that it reaches the output.
    for (let j = row; j < row + columns; j++) max = Math.max(max, scores[j]);
    if (max === Number.NEGATIVE_INFINITY) {
      scores.fill(0, row, row + columns);
      return;
    }
    if (max !== before) {
      const shrink = Math.exp(before - max);
      this.#sums[i] *= shrink;
      for (let c = i * width; c < (i + 1) * width; c++) weighted[c] *= shrink;
      this.#largest[i] = max;
    }
    let total = 0;
    for (let j = row; j < row + columns; j++) {
      const weight = Math.exp(scores[j] - max);
      scores[j] = weight;
      total += weight;
    }
    this.#sums[i] += total;
  }

  /** What the weighted sums of row i are multiplied by in the end: 0 where there was no score but −∞. */
  share(i: number): number {
    return this.#sums[i] === 0 ? 0 : 1 / this.#sums[i];
  }

  /** log Σ exp of the scores of row i; −∞ where there was none but −∞. */
  logSumExp(i: number): number {
    return this.#sums[i] === 0 ? Number.NEGATIVE_INFINITY : this.#largest[i] + Math.log(this.#sums[i]);
  }
}
