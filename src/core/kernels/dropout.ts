/**
 * Entries dropped at random. Which ones is a function of the key and the place of an entry alone, so the mask is never
 * held, any split over threads gives the same, and the backward pass finds it again.
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
