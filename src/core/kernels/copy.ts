/** Copying between two layouts of the same elements. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { walk } from './strided.ts';

/** From so many elements on, a call for the whole piece pays. */
const LONG = 256;

/** arrays: source, target; numbers: a walk whose operands are source and target. */
export const copyKernel = defineKernel('copy', (begin, end, [source, target], numbers) => {
  walk(begin, end, numbers, (from, fromStep, to, toStep, _at, count) => {
    copyPiece(source, from, fromStep, target, to, toStep, count);
  });
});

function copyPiece(
  source: NumericArray,
  from: number,
  fromStep: number,
  target: NumericArray,
  to: number,
  toStep: number,
  count: number,
): void {
  if (fromStep === 1 && toStep === 1 && count >= LONG) {
    target.set(source.subarray(from, from + count), to);
  } else if (fromStep === 1 && toStep === 1) for (let i = 0; i < count; i++) target[to + i] = source[from + i];
  else for (let i = 0; i < count; i++) target[to + i * toStep] = source[from + i * fromStep];
}
