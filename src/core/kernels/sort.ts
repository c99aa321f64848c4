/** A stable sort of small integers: count them, then place each one after all that are smaller or came earlier. */
import { defineKernel } from './kernel.ts';

/**
 * keys, order and place are int32 [lists, length], and keys 0 … bound − 1. `order` holds the element at each place, `place` the
 * place of each element. Items: lists.
 */
export const countingSortKernel = defineKernel(
  'counting-sort',
  { arrays: ['keys', 'order', 'place'], numbers: ['length', 'bound'] },
  (begin, end, { keys, order, place }, { length, bound }) => {
    const next = new Int32Array(bound + 1);
    for (let list = begin; list < end; list++) {
      const first = list * length;
      next.fill(0);
      for (let i = first; i < first + length; i++) next[keys[i] + 1]++;
      for (let key = 0; key < bound; key++) next[key + 1] += next[key];
      for (let i = 0; i < length; i++) {
        const at = next[keys[first + i]]++;
        order[first + at] = i;
        place[first + i] = at;
      }
    }
  },
);
