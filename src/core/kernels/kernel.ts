/**
 * A kernel is a hot loop over a range of independent items: `run(begin, end, arrays, numbers)` computes items
 * begin … end − 1. An item owns what it writes, so any split over threads gives the same bits. Workers find a kernel
 * by its name, so every kernel is defined at import time, in a module that `kernels/index.ts` imports.
 */
import type { NumericArray } from '../memory.ts';

export type KernelBody = (
  begin: number,
  end: number,
  arrays: readonly NumericArray[],
  numbers: readonly number[],
) => void;

export interface Kernel {
  readonly name: string;
  readonly run: KernelBody;
}

const kernels = new Map<string, Kernel>();

/** Longest name: it travels with a job. */
const NAME = /^[\x20-\x7e]{1,40}$/;

/** Defines a kernel under a name that is its own, of at most 40 ASCII characters. */
export function defineKernel(name: string, run: KernelBody): Kernel {
  if (!NAME.test(name)) throw new Error(`kernel '${name}': a name has 1 to 40 ASCII characters`);
  if (kernels.has(name)) throw new Error(`kernel '${name}' is defined twice`);
  const kernel = { name, run };
  kernels.set(name, kernel);
  return kernel;
}

export function kernelNamed(name: string): Kernel {
  const kernel = kernels.get(name);
  if (kernel === undefined) throw new Error(`no kernel '${name}': is its module imported by kernels/index.ts?`);
  return kernel;
}
