/**
 * Entries dropped at random. Whether an entry is dropped depends on the key and its place alone. So the mask is never stored,
 * it is the same for any split over threads, and the backward pass can recompute it.
 */
import { scramble } from '../portable.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { RUN } from './unary.ts';

/**
 * y = 0 for a fraction `threshold` / 2³² of the entries, and x · share for the others; a key has two words. Items: runs of
 * RUN elements.
 */
export const dropoutKernel = defineKernel(
  'dropout',
  { arrays: ['x', 'y'], numbers: ['firstKey', 'secondKey', 'threshold', 'share'] },
  (begin, end, { x, y }, { firstKey, secondKey, threshold, share }) => {
    const last = Math.min(end * RUN, x.length);
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x) && isOnHeap(y)) {
      fast.dropout(x.byteOffset, y.byteOffset, begin * RUN, last, firstKey, secondKey, threshold, share);
      return;
    }
    for (let i = begin * RUN; i < last; i++) {
      // Two rounds, with a word of the key before each: one alone would give two keys masks that are shifts of each other.
      const bits = scramble(scramble(i + firstKey) ^ secondKey) >>> 0;
      y[i] = bits < threshold ? 0 : share * x[i];
    }
  },
);
