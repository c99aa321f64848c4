/** Elementwise loops over two operands. Every loop is written out: one with a call inside would not be inlined. */
import type { NumericArray } from '../memory.ts';
import { defineKernel, type Kernel } from './kernel.ts';
import { walk } from './strided.ts';

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

/** arrays: a, b, c (row-major); numbers: a walk whose operands are a and b. */
function binary(name: string, combine: CombinePiece): Kernel {
  return defineKernel(name, (begin, end, [a, b, c], numbers) => {
    walk(begin, end, numbers, (atA, stepA, atB, stepB, at, count) => {
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
} satisfies Record<string, Kernel>;

export type BinaryName = keyof typeof binaryKernels;
