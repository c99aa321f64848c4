/**
 * Scores of blocks by vector kernels in float32, with a bound of their error. Where the best blocks lead by more than that,
 * they are the best in float64 too, and most queries need nothing else.
 */
import { coarseSeen, type TopBlocksArrays, type TopBlocksNumbers, withFixed } from './coarse-keys.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { block as blockOf, multiplyTile, transposed } from './tile.ts';

/** Queries that are scored together. */
export const QUERIES_OF_ITEM = 64;
/** Fewer are scored faster one by one. */
const LEAST_QUERIES = 4;
/** Twice the unit roundoff of float32. */
const ULP = 2 ** -23;
/** Weights below this may have lost all their digits. */
const SMALLEST = 1e-30;
/** Numbers of a tile at most: scratch is limited. */
const MOST = 2 ** 19;

const scratch = new Scratch();

export class BlockEstimates {
  readonly #arrays: TopBlocksArrays;
  readonly #numbers: TopBlocksNumbers;
  readonly #blocks: number;
  readonly #scores: Float64Array;
  /** By query, relative. */
  readonly #errors = new Float64Array(QUERIES_OF_ITEM);
  /** The norm of the longest coarse key of a head. */
  readonly #norms = new Map<number, number>();
  readonly #ranked: Int32Array;
  #from = 0;

  constructor(arrays: TopBlocksArrays, numbers: TopBlocksNumbers, blocks: number) {
    this.#arrays = arrays;
    this.#numbers = numbers;
    this.#blocks = blocks;
    this.#scores = new Float64Array(QUERIES_OF_ITEM * blocks);
    this.#ranked = new Int32Array(numbers.count);
  }

  /** Scores the queries `from` to `to` of a group of heads. False if there are no estimates. */
  load(b: number, first: number, from: number, to: number): boolean {
    const { queries, keys } = this.#arrays;
    const { group, count, start, block, span, stride } = this.#numbers;
    const seen = coarseSeen(start + to, span, stride);
    const isNeeded = Math.floor((start + to - 1) / block) >= count;
    const isFast = vectorKernels() !== null && isOnHeap(queries) && isOnHeap(keys);
    if (!isNeeded || !isFast || seen === 0 || to - from < LEAST_QUERIES || QUERIES_OF_ITEM * seen > MOST) return false;
    this.#from = from;
    this.#scores.fill(0);
    this.#errors.fill(0);
    for (let head = first; head < first + group; head++) if (!this.#addHead(b, head, from, to, seen)) return false;
    return true;
  }

  #addHead(b: number, head: number, from: number, to: number, columns: number): boolean {
    const fast = vectorKernels();
    const { queries, keys, mask } = this.#arrays;
    const { length, width, coarse, capacity, start, span, stride } = this.#numbers;
    const weights = scratch.get('weights', queries, QUERIES_OF_ITEM * columns);
    if (fast === null || !isOnHeap(weights)) return false;
    const rows = to - from;
    const q = blockOf(queries, (head * length + from) * width, width);
    const k = blockOf(keys, head * capacity * width, width);
    multiplyTile(blockOf(weights, 0, columns), q, transposed(k), rows, columns, width, 1 / Math.sqrt(width), false);
    for (let i = 0; i < rows; i++) {
      const seen = coarseSeen(start + from + i + 1, span, stride);
      weights.fill(Number.NEGATIVE_INFINITY, i * columns + seen, (i + 1) * columns);
      for (let c = 0; mask !== undefined && c < seen; c++) {
        if (mask[b * coarse + c] !== 1) weights[i * columns + c] = Number.NEGATIVE_INFINITY;
      }
    }
    fast.softmaxRows(weights.byteOffset, weights.byteOffset, rows, columns);
    const longest = this.#longest(head);
    for (let i = 0; i < rows; i++) {
      // A product of n terms is off by nu‖q‖‖k‖ at most, an exponential by the same again, and so is their sum; a sum of n
      // weights is off by nu.
      const product =
        (width * ULP * norm(queries, (head * length + from + i) * width, width) * longest) / Math.sqrt(width);
      this.#errors[i] = Math.max(this.#errors[i], 4 * product + (columns + 16) * ULP);
    }
    this.#addShares(weights, rows, columns);
    return true;
  }

  #addShares(weights: Float32Array, rows: number, columns: number): void {
    const { span, stride, block } = this.#numbers;
    const [scores, blocks] = [this.#scores, this.#blocks];
    for (let c = 0; c < columns; c++) {
      const [from, to] = [c * stride, c * stride + span];
      for (let n = Math.floor(from / block); n * block < to && n < blocks; n++) {
        const share = (Math.min(to, (n + 1) * block) - Math.max(from, n * block)) / stride;
        for (let i = 0; i < rows; i++) scores[i * blocks + n] += weights[i * columns + c] * share;
      }
    }
  }

  /** Puts the blocks of a query into `chosen`. False if rounding could have chosen others. */
  choose(query: number, own: number, chosen: Int32Array): boolean {
    const row = (query - this.#from) * this.#blocks;
    const [scores, ranked] = [this.#scores, this.#ranked];
    const free = chosen.length - 3;
    // The best, and one more.
    let taken = 0;
    for (let n = 1; n < own - 1; n++) {
      if (taken > free && scores[row + n] <= scores[row + ranked[free]]) continue;
      let at = taken <= free ? taken++ : free;
      for (; at > 0 && scores[row + ranked[at - 1]] < scores[row + n]; at--) ranked[at] = ranked[at - 1];
      ranked[at] = n;
    }
    if (free > 0) {
      const [last, next] = [scores[row + ranked[free - 1]], scores[row + ranked[free]]];
      // Written so that NaN is in doubt.
      if (!(last - next > this.#errors[query - this.#from] * (last + next) + SMALLEST)) return false;
    }
    for (let n = 0; n < free; n++) chosen[n] = ranked[n];
    withFixed(chosen, own);
    return true;
  }

  #longest(head: number): number {
    const known = this.#norms.get(head);
    if (known !== undefined) return known;
    const { coarse, capacity, width } = this.#numbers;
    let longest = 0;
    for (let c = 0; c < coarse; c++) {
      longest = Math.max(longest, norm(this.#arrays.keys, (head * capacity + c) * width, width));
    }
    this.#norms.set(head, longest);
    return longest;
  }
}

function norm(x: ArrayLike<number>, from: number, width: number): number {
  let sum = 0;
  for (let d = from; d < from + width; d++) sum += x[d] * x[d];
  return Math.sqrt(sum);
}
