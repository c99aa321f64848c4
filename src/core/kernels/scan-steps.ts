/** The places of the groups of a scan, and the decays on the way to them. */
import type { NumericArray } from '../memory.ts';
import type { KernelNumbers } from './kernel.ts';
import { rowAt } from './scan-chunk.ts';

/**
 * The numbers that the kernels take: `size`, the places of a group; `first`, the group in the first slot of the states;
 * `decays`, the logarithms of decays for each token (0, 1 or m); `reverse`, 1 to walk from the last row to the first.
 */
export const SCAN_NUMBERS = ['sequences', 'length', 'm', 'n', 'size', 'first', 'decays', 'reverse'] as const;
export type ScanNumbers = KernelNumbers<(typeof SCAN_NUMBERS)[number]>;

/** The places of a group: backwards the same tokens make a group, so that both walks meet where groups do. */
export function placesOf(group: number, { length, size, reverse }: ScanNumbers): [first: number, last: number] {
  if (!reverse) return [group * size, Math.min(length, (group + 1) * size)];
  const before = (Math.ceil(length / size) - 1 - group) * size;
  return [Math.max(0, length - before - size), length - before];
}

/** Adds the decay on the way to a place. Backwards this is the decay of the row before, and the first place has none. */
export function addStep(
  to: NumericArray,
  at: number,
  g: NumericArray,
  sequence: number,
  place: number,
  { length, decays, reverse }: ScanNumbers,
): void {
  if (reverse && place === 0) return;
  const from = (sequence * length + rowAt(reverse ? place - 1 : place, length, reverse)) * decays;
  for (let f = 0; f < decays; f++) to[at + f] += g[from + f];
}

/** Sets the decay over a group. */
export function addSteps(
  to: NumericArray,
  at: number,
  g: NumericArray,
  sequence: number,
  group: number,
  numbers: ScanNumbers,
): void {
  const { length, decays, reverse } = numbers;
  const [first, last] = placesOf(group, numbers);
  to.fill(0, at, at + decays);
  if (decays !== 1) for (let place = first; place < last; place++) addStep(to, at, g, sequence, place, numbers);
  else {
    // The same sum without a call for each of its terms, and in float64.
    const [begin, end] = reverse ? [length - last + 1, Math.min(length, length - first + 1)] : [first, last];
    let sum = 0;
    for (let t = begin; t < end; t++) sum += g[sequence * length + t];
    to[at] = sum;
  }
}
