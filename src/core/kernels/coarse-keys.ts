/** What choosing blocks by coarse keys is told, and what all blocks are chosen by. */
import type { KernelArrays, KernelNumbers } from './kernel.ts';

/** The arguments of the kernel in top-blocks.ts. */
export const TOP_BLOCKS = {
  arrays: ['queries', 'keys', 'lists'],
  optional: ['mask'],
  numbers: ['heads', 'group', 'length', 'width', 'coarse', 'capacity', 'count', 'start', 'span', 'stride', 'block'],
} as const;

export type TopBlocksArrays = KernelArrays<'queries' | 'keys' | 'lists', 'mask'>;
export type TopBlocksNumbers = KernelNumbers<(typeof TOP_BLOCKS.numbers)[number]>;

/** Completes the best blocks with the first and the last two, and sorts. */
export function withFixed(chosen: Int32Array, own: number): void {
  const free = chosen.length - 3;
  chosen[free] = 0;
  chosen[free + 1] = own - 1;
  chosen[free + 2] = own;
  chosen.sort();
}

/** How many coarse keys have ended within the first `tokens` tokens. */
export function coarseSeen(tokens: number, span: number, stride: number): number {
  return tokens < span ? 0 : Math.floor((tokens - span) / stride) + 1;
}
