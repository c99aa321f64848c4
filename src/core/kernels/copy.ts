/** Copying between two layouts of the same elements. */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { walk, walkBlocks } from './strided.ts';

/** From this many elements on, one call that copies the whole piece pays off. */
const LONG = 256;

/** `plan`: a walk whose operands are source and target. */
export const copyKernel = defineKernel(
  'copy',
  { arrays: ['source', 'target'], list: 'plan' },
  (begin, end, { source, target }, { plan }) => {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(source) && isOnHeap(target)) {
      walkBlocks(begin, end, plan, ({ atA, stepA, rowA, atB, stepB, rowB, rows, count }) => {
        if ((stepA === 0 || stepA === 1) && stepB === 1) {
          const [from, to] = [source.byteOffset + 4 * atA, target.byteOffset + 4 * atB];
          if (stepA === 1) fast.copyRows(from, rowA, to, rowB, rows, count);
          else fast.repeatRows(from, rowA, to, rowB, rows, count);
          return;
        }
        for (let row = 0; row < rows; row++) {
          copyPiece(source, atA + row * rowA, stepA, target, atB + row * rowB, stepB, count);
        }
      });
      return;
    }
    walk(begin, end, plan, (from, fromStep, to, toStep, _at, count) => {
      copyPiece(source, from, fromStep, target, to, toStep, count);
    });
  },
);

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
