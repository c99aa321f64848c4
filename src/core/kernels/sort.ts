/** A stable sort of small integers: count, then put every one behind all that are smaller or came before. */
import { defineKernel } from './kernel.ts';

/**
 * arrays: keys, order, place [lists, length], int32; numbers: length, bound (keys are 0 … bound − 1). Items: lists.
 * order holds the element at each place, place the place of each element.
 */
export const countingSortKernel = defineKernel('counting-sort', (begin, end, [keys, order, place], [length, bound]) => {
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
});
