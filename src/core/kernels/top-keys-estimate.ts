/**
 * An indexer's scores by vector kernels in float32, with a bound of their error. They say which keys are chosen or not
 * whatever the rounding; the few between are scored in float64.
 */
import type { NumericArray } from '../memory.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';
import { nthLargest } from './nth-largest.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { block, multiplyTile, transposed } from './tile.ts';

/** The arguments of the kernel in top-keys.ts. */
export const TOP_KEYS = {
  arrays: ['queries', 'keys', 'weights', 'lists'],
  optional: ['mask'],
  numbers: ['heads', 'length', 'keyLength', 'capacity', 'width', 'count', 'start'],
} as const;

export type TopKeysArrays = KernelArrays<'queries' | 'keys' | 'weights' | 'lists', 'mask'>;
export type TopKeysNumbers = KernelNumbers<(typeof TOP_KEYS.numbers)[number]>;

/** Queries that are scored together: no more than their scores fit the scratch. */
export const queriesOfItem = (keyLength: number): number => Math.max(1, Math.min(32, Math.floor(2 ** 20 / keyLength)));
/** Keys that are scored at once. */
const KEYS = 512;
/** Keys between that are worth no further search. */
const FEW = 16;
/** Twice the unit roundoff of float32. */
const ULP = 2 ** -23;
/** Beyond this, float32 may overflow. */
const LARGEST = 1e37;

const scratch = new Scratch();

export class KeyEstimates {
  readonly #arrays: TopKeysArrays;
  readonly #numbers: TopKeysNumbers;
  /** The norm of the longest key of a head. */
  readonly #norms = new Map<number, number>();
  readonly #exact: Float64Array;
  readonly #ranked: Float64Array;
  #scores: Float32Array | null = null;
  #from = 0;
  #stride = 0;

  constructor(arrays: TopKeysArrays, numbers: TopKeysNumbers) {
    this.#arrays = arrays;
    this.#numbers = numbers;
    this.#exact = new Float64Array(numbers.keyLength);
    this.#ranked = new Float64Array(numbers.keyLength);
  }

  /** Scores the queries `from` to `to` of a batch entry. False if there are no estimates. */
  load(b: number, from: number, to: number): boolean {
    const fast = vectorKernels();
    const { queries, keys, weights, lists } = this.#arrays;
    const { heads, length, keyLength, capacity, width, start, count } = this.#numbers;
    const seen = start + to;
    if (fast === null || seen <= count || ![queries, keys, weights].every(isOnHeap) || !(lists instanceof Int32Array)) {
      return false;
    }
    const rows = to - from;
    const scores = scratch.get('scores', queries, queriesOfItem(keyLength) * keyLength);
    const products = scratch.get('products', queries, queriesOfItem(1) * KEYS);
    if (!isOnHeap(scores) || !isOnHeap(products)) return false;
    [this.#scores, this.#from, this.#stride] = [scores, from, seen];
    for (let first = 0; first < seen; first += KEYS) {
      const columns = Math.min(KEYS, seen - first);
      for (let head = b * heads; head < (b + 1) * heads; head++) {
        const q = block(queries, (head * length + from) * width, width);
        const k = transposed(block(keys, (head * capacity + first) * width, width));
        multiplyTile(block(products, 0, KEYS), q, k, rows, columns, width, 1, false);
        const own = weights.byteOffset + 4 * (head * length + from);
        const to = scores.byteOffset + 4 * first;
        fast.addWeightedRelu(to, seen, products.byteOffset, KEYS, own, rows, columns, head === b * heads);
      }
    }
    return true;
  }

  /** Writes the keys of a query. False where numbers are too large, or not numbers, for an estimate. */
  choose(b: number, query: number): boolean {
    const fast = vectorKernels();
    const scores = this.#scores;
    const { lists, mask } = this.#arrays;
    const { length, keyLength, count, start } = this.#numbers;
    if (fast === null || scores === null) return false;
    const seen = start + query + 1;
    const row = (query - this.#from) * this.#stride;
    const x = scores.byteOffset + 4 * row;
    const list = (b * length + query) * count;
    const to = lists.byteOffset + 4 * list;
    let candidates = seen;
    for (let key = 0; mask !== undefined && key < seen; key++) {
      if (mask[b * keyLength + key] === 1) continue;
      scores[row + key] = Number.NEGATIVE_INFINITY;
      candidates--;
    }
    const bound = this.#bound(b, query);
    // Written so that NaN is no bound.
    if (!(bound < LARGEST)) return false;
    const error = bound * (this.#numbers.width + this.#numbers.heads + 4) * ULP + 2 ** -126;
    if (candidates <= count) {
      const found = fast.namesAbove(x, seen, Number.NEGATIVE_INFINITY, to, count);
      lists.fill(-1, list + found, list + count);
      return true;
    }
    // Between `low` and `high` is the last score that is chosen: `count` or more are above the one, fewer above the other.
    let [low, high] = [-2 * bound - error, fast.largestOfRun(x, seen)];
    let [above, below] = [candidates, 0];
    for (let middle = 0; above - below > FEW && high - low > error; middle = Math.fround((low + high) / 2)) {
      if (middle <= low || middle >= high) middle = Math.fround((low + high) / 2);
      if (middle <= low || middle >= high) break;
      const larger = fast.countAbove(x, seen, middle);
      if (larger >= count) [low, above] = [middle, larger];
      else [high, below] = [middle, larger];
    }
    // Three errors: of the last score, of the key's own, and of rounding these limits.
    [low, high] = [Math.fround(low - 3 * error), Math.fround(high + 3 * error)];
    const names = scratch.get('names', scores, this.#numbers.keyLength);
    const doubtful = fast.namesBetween(x, seen, low, high, names.byteOffset, names.length);
    const between = new Int32Array(names.buffer, names.byteOffset, doubtful);
    this.#decide(b, query, between, bound === 0, count - fast.countAbove(x, seen, high));
    fast.namesAbove(x, seen, high, to, count);
    return true;
  }

  /** Scores keys in float64, and marks the best `free` of them as above all others, and the rest as below; nearest first. */
  #decide(b: number, query: number, names: Int32Array, areZero: boolean, free: number): void {
    const [exact, ranked] = [this.#exact, this.#ranked];
    const scores = this.#scores as Float32Array;
    const row = (query - this.#from) * this.#stride;
    for (let n = 0; n < names.length; n++) {
      exact[n] = areZero ? 0 : scoreOf(b, query, names[n], this.#arrays, this.#numbers);
      ranked[n] = exact[n];
    }
    const least = nthLargest(ranked, names.length, free);
    let rest = free;
    for (let n = 0; n < names.length; n++) if (exact[n] > least) rest--;
    for (let n = names.length - 1; n >= 0; n--) {
      const isChosen = exact[n] > least || (exact[n] === least && rest-- > 0);
      scores[row + names[n]] = isChosen ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
    }
  }

  /** No score of the query is larger, or smaller than its negative: Σ_j |w_j| ‖q_j‖ max ‖k_j‖. */
  #bound(b: number, query: number): number {
    const { queries, keys, weights } = this.#arrays;
    const { heads, length, capacity, width, keyLength } = this.#numbers;
    let sum = 0;
    for (let head = b * heads; head < (b + 1) * heads; head++) {
      let longest = this.#norms.get(head);
      if (longest === undefined) {
        longest = 0;
        for (let key = 0; key < keyLength; key++) {
          longest = Math.max(longest, norm(keys, (head * capacity + key) * width, width));
        }
        this.#norms.set(head, longest);
      }
      const row = head * length + query;
      sum += Math.abs(weights[row]) * norm(queries, row * width, width) * longest;
    }
    return sum;
  }
}

/** Σ_heads weight · relu(q·k), in float64. */
export function scoreOf(
  b: number,
  query: number,
  key: number,
  { queries, keys, weights }: TopKeysArrays,
  { heads, length, capacity, width }: TopKeysNumbers,
): number {
  let score = 0;
  for (let head = b * heads; head < (b + 1) * heads; head++) {
    const row = head * length + query;
    const at = (head * capacity + key) * width;
    let dot = 0;
    for (let c = 0; c < width; c++) dot += queries[row * width + c] * keys[at + c];
    if (dot > 0) score += weights[row] * dot;
  }
  return score;
}

function norm(x: NumericArray, from: number, width: number): number {
  let sum = 0;
  for (let c = from; c < from + width; c++) sum += x[c] * x[c];
  return Math.sqrt(sum);
}
