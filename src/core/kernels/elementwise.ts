/** Elementwise loops over two operands. Every loop is written out: one with a call inside would not be inlined. */
import type { NumericArray } from '../memory.ts';
import { defineKernel, type Kernel } from './kernel.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { walk, walkBlocks } from './strided.ts';
import { VECTOR_OPERATIONS } from './vector-kernels.ts';

/** c[at + i] = a[atA + i · stepA] ∘ b[atB + i · stepB] for i < count. */
type CombinePiece = (
  a: NumericArray,
  atA: number,
  stepA: number,
  b: NumericArray,
  atB: number,
  stepB: number,
  c: NumericArray,
  at: number,
  count: number,
) => void;

type BinaryKernel = Kernel<'a' | 'b' | 'c', never, never, 'plan'>;

/** Into c, row-major. `plan`: a walk whose operands are a and b. */
function binary(name: string, combine: CombinePiece): BinaryKernel {
  const which = VECTOR_OPERATIONS.indexOf(name);
  return defineKernel(name, { arrays: ['a', 'b', 'c'], list: 'plan' }, (begin, end, { a, b, c }, { plan }) => {
    const fast = which < 0 ? null : vectorKernels();
    if (fast !== null && isOnHeap(a) && isOnHeap(b) && isOnHeap(c)) {
      walkBlocks(begin, end, plan, ({ atA, stepA, rowA, atB, stepB, rowB, at, rows, count }) => {
        // Steps of 0 and 1, not both 0: contiguous or repeated.
        if ((stepA | stepB) === 1 && stepA >= 0 && stepB >= 0) {
          const [x, y, z] = [a.byteOffset + 4 * atA, b.byteOffset + 4 * atB, c.byteOffset + 4 * at];
          fast.binary(which, x, stepA, rowA, y, stepB, rowB, z, rows, count);
          return;
        }
        for (let row = 0; row < rows; row++) {
          combine(a, atA + row * rowA, stepA, b, atB + row * rowB, stepB, c, at + row * count, count);
        }
      });
      return;
    }
    walk(begin, end, plan, (atA, stepA, atB, stepB, at, count) => {
      combine(a, atA, stepA, b, atB, stepB, c, at, count);
    });
  });
}

export const binaryKernels = {
  add: binary('add', (a, atA, stepA, b, atB, stepB, c, at, count) => {
    if (stepA === 1 && stepB === 1) for (let i = 0; i < count; i++) c[at + i] = a[atA + i] + b[atB + i];
    else for (let i = 0; i < count; i++) c[at + i] = a[atA + i * stepA] + b[atB + i * stepB];
  }),
  subtract: binary('subtract', (a, atA, stepA, b, atB, stepB, c, at, count) => {
    if (stepA === 1 && stepB === 1) for (let i = 0; i < count; i++) c[at + i] = a[atA + i] - b[atB + i];
    else for (let i = 0; i < count; i++) c[at + i] = a[atA + i * stepA] - b[atB + i * stepB];
  }),
  multiply: binary('multiply', (a, atA, stepA, b, atB, stepB, c, at, count) => {
    if (stepA === 1 && stepB === 1) for (let i = 0; i < count; i++) c[at + i] = a[atA + i] * b[atB + i];
    else for (let i = 0; i < count; i++) c[at + i] = a[atA + i * stepA] * b[atB + i * stepB];
  }),
  divide: binary('divide', (a, atA, stepA, b, atB, stepB, c, at, count) => {
    for (let i = 0; i < count; i++) c[at + i] = a[atA + i * stepA] / b[atB + i * stepB];
  }),
  maximum: binary('maximum', (a, atA, stepA, b, atB, stepB, c, at, count) => {
    for (let i = 0; i < count; i++) c[at + i] = Math.max(a[atA + i * stepA], b[atB + i * stepB]);
  }),
  /** 1 where a ≥ b, else 0. */
  atLeast: binary('at-least', (a, atA, stepA, b, atB, stepB, c, at, count) => {
    for (let i = 0; i < count; i++) c[at + i] = a[atA + i * stepA] >= b[atB + i * stepB] ? 1 : 0;
  }),
} satisfies Record<string, BinaryKernel>;

export type BinaryName = keyof typeof binaryKernels;
