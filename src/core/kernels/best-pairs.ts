/** The best keys of a product of two lists of half keys (Lample et al. 2019, §3.2). */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';

/**
 * For each row of `scores1` and `scores2`, of n numbers, the k pairs (i, j) with the largest sums, best first: `pairs` int32
 * [2, rows, k], all i, then all j. Of equal halves the first counts more, and of equal sums that with the better first half.
 * Items: rows.
 *
 * With halves in their order, sums fall along each row and each column of the table of pairs. So the next best pair is the first
 * one left of some row, and a row begins to count once the first pair of the row above is taken: k steps over few rows. Few
 * halves are reached, so each list is a heap, of which only these are taken.
 *
 * What is not a number, a half or ∞ − ∞, counts as −∞.
 */
export const bestPairsKernel = defineKernel(
  'best-pairs',
  { arrays: ['scores1', 'scores2', 'pairs'], numbers: ['n', 'k', 'rows'] },
  (begin, end, { scores1, scores2, pairs }, { n, k, rows }) => {
    const fast = isInHeap(pairs) && isOnHeap(scores1) && isOnHeap(scores2) ? vectorKernels() : null;
    const room = fast === null ? null : scratch.get('room', scores1, numbersOfRoom(n, k));
    if (fast !== null && room !== null && isOnHeap(room)) {
      const from = (scores: NumericArray) => scores.byteOffset + 4 * begin * n;
      const to = (half: number) => pairs.byteOffset + 4 * (half * rows + begin) * k;
      fast.bestPairs(from(scores1), from(scores2), to(0), to(1), room.byteOffset, n, k, end - begin, takenAtOnce(k));
      return;
    }
    const [heap1, heap2, best1, best2] = [n, n, k, k].map((size) => new Int32Array(size));
    const [values1, values2, sums] = [n, n, k].map((size) => new Float64Array(size));
    const next = new Int32Array(k);
    for (let row = begin; row < end; row++) {
      makeHeap(scores1, row * n, values1, heap1);
      makeHeap(scores2, row * n, values2, heap2);
      best1[0] = takeBest(values1, heap1, n);
      best2[0] = takeBest(values2, heap2, n);
      let [started, known] = [1, 1];
      next[0] = 0;
      sums[0] = numberOrLowest(values1[best1[0]] + values2[best2[0]]);
      for (let c = 0; c < k; c++) {
        let a = 0;
        for (let other = 1; other < started; other++) if (sums[other] > sums[a]) a = other;
        const b = next[a]++;
        pairs[row * k + c] = best1[a];
        pairs[(rows + row) * k + c] = best2[b];
        if (b === 0 && started < k) {
          best1[started] = takeBest(values1, heap1, n - started);
          next[started] = 0;
          sums[started] = numberOrLowest(values1[best1[started]] + values2[best2[0]]);
          started++;
        }
        if (b + 1 === known && known < k) {
          best2[known] = takeBest(values2, heap2, n - known);
          known++;
        }
        // After the k-th pair of a row there is none that could be among the k best.
        sums[a] = b + 1 < k ? numberOrLowest(values1[best1[a]] + values2[best2[b + 1]]) : Number.NEGATIVE_INFINITY;
      }
    }
  },
);

const scratch = new Scratch();

/** Rows that go together in assembly/best-pairs.ts. */
const TOGETHER = 4;

/** What it works in, as float32: a list of n takes whole blocks of 16, and of k pairs it keeps so many. */
function numbersOfRoom(n: number, k: number): number {
  const blocks = Math.ceil(n / 16);
  const ofLists = 4 + 2 * (16 * blocks + 4 * Math.ceil(blocks / 4));
  return TOGETHER * (ofLists + 8 * Math.ceil(k / 2) + 16 * Math.ceil(k / 8) + 12 * Math.ceil(k / 4));
}

/** Halves of each list that are about sure to be reached. */
const takenAtOnce = (k: number): number => Math.min(k, Math.ceil(1.25 * Math.sqrt(k)));

const numberOrLowest = (value: number): number => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value);

/** `heap` holds the places of the numbers from `begin` on, none of which is before its parent; `values` the numbers. */
function makeHeap(scores: NumericArray, begin: number, values: Float64Array, heap: Int32Array): void {
  const n = heap.length;
  for (let i = 0; i < n; i++) {
    values[i] = numberOrLowest(scores[begin + i]);
    heap[i] = i;
  }
  for (let at = (n >> 1) - 1; at >= 0; at--) sink(values, heap, n, at);
}

/** The place of the largest of the first `size`, of equals the first, which leaves the heap. */
function takeBest(values: Float64Array, heap: Int32Array, size: number): number {
  const best = heap[0];
  heap[0] = heap[size - 1];
  sink(values, heap, size - 1, 0);
  return best;
}

/** Moves the entry at `at` down until none below it is before it. */
function sink(values: Float64Array, heap: Int32Array, size: number, at: number): void {
  const place = heap[at];
  const value = values[place];
  for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
    let other = heap[child];
    if (child + 1 < size) {
      const right = heap[child + 1];
      if (values[right] > values[other] || (values[right] === values[other] && right < other)) {
        other = right;
        child++;
      }
    }
    if (!(values[other] > value || (values[other] === value && other < place))) break;
    heap[at] = other;
    at = child;
  }
  heap[at] = place;
}
