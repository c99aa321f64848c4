/**
 * A kernel is a hot loop over a range of independent items: it computes items begin … end − 1. An item owns what it
 * writes, so any split over threads gives the same bits. Workers find a kernel by its name, so every kernel is defined at
 * import time, in a module that `kernels/index.ts` imports.
 *
 * A kernel declares the names of its arrays and numbers once, and both its caller and its body use them by name:
 *
 *     export const axpyKernel = defineKernel('axpy', { arrays: ['x', 'y'], numbers: ['factor'] }, (begin, end, a, n) => {
 *       for (let i = begin; i < end; i++) a.y[i] += n.factor * a.x[i];
 *     });
 *     parallelFor(axpyKernel, y.length, { x, y }, { factor: 2 });
 */
import type { NumericArray } from '../memory.ts';

export type KernelBody = (
  begin: number,
  end: number,
  arrays: readonly NumericArray[],
  numbers: readonly number[],
) => void;

/** A kernel as threads see it: what it is given travels as lists. */
export interface Kernel {
  readonly name: string;
  readonly run: KernelBody;
}

/** A kernel whose arrays and numbers have names. `Maybe` are arrays that a caller may leave out. */
export interface NamedKernel<Arrays extends string, Numbers extends string, Maybe extends string> extends Kernel {
  readonly arrays: readonly Arrays[];
  readonly optional: readonly Maybe[];
  readonly numbers: readonly Numbers[];
}

/** What a kernel's body is given: every array by its name (undefined for one that was left out), and every number. */
export type KernelArrays<Arrays extends string, Maybe extends string> = Readonly<
  Record<Arrays, NumericArray> & Record<Maybe, NumericArray | undefined>
>;
export type KernelNumbers<Numbers extends string> = Readonly<Record<Numbers, number>>;

const kernels = new Map<string, Kernel>();

/** Longest name: it travels with a job. */
const NAME = /^[\x20-\x7e]{1,40}$/;

export function defineKernel(name: string, run: KernelBody): Kernel;
export function defineKernel<const Arrays extends string, const Numbers extends string, const Maybe extends string>(
  name: string,
  names: { arrays: readonly Arrays[]; optional?: readonly Maybe[]; numbers: readonly Numbers[] },
  run: (begin: number, end: number, arrays: KernelArrays<Arrays, Maybe>, numbers: KernelNumbers<Numbers>) => void,
): NamedKernel<Arrays, Numbers, Maybe>;
/** Defines a kernel under a name that is its own, of at most 40 ASCII characters. */
export function defineKernel(
  name: string,
  first: KernelBody | { arrays: readonly string[]; optional?: readonly string[]; numbers: readonly string[] },
  body?: (begin: number, end: number, arrays: never, numbers: never) => void,
): Kernel {
  if (!NAME.test(name)) throw new Error(`kernel '${name}': a name has 1 to 40 ASCII characters`);
  if (kernels.has(name)) throw new Error(`kernel '${name}' is defined twice`);
  const kernel = typeof first === 'function' ? { name, run: first } : byName(name, first, body as never);
  kernels.set(name, kernel);
  return kernel;
}

function byName(
  name: string,
  {
    arrays,
    optional = [],
    numbers,
  }: { arrays: readonly string[]; optional?: readonly string[]; numbers: readonly string[] },
  body: (begin: number, end: number, arrays: object, numbers: object) => void,
): Kernel {
  const arrayNames = [...arrays, ...optional];
  return Object.assign(
    {
      name,
      run: (begin: number, end: number, givenArrays: readonly NumericArray[], givenNumbers: readonly number[]) =>
        body(begin, end, named(arrayNames, givenArrays), named(numbers, givenNumbers)),
    },
    { arrays, optional, numbers },
  );
}

function named(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let i = 0; i < names.length; i++) record[names[i]] = values[i];
  return record;
}

/** What `parallelFor` was given by name, as the lists that threads exchange. */
export function listed(
  { name, arrays, optional, numbers }: NamedKernel<string, string, string>,
  givenArrays: Readonly<Record<string, NumericArray | undefined>>,
  givenNumbers: Readonly<Record<string, number>>,
): { arrays: NumericArray[]; numbers: number[] } {
  for (const each of arrays) if (givenArrays[each] === undefined) throw new Error(`kernel '${name}': no array ${each}`);
  for (const each of numbers) if (givenNumbers[each] === undefined) throw new Error(`kernel '${name}': no ${each}`);
  return {
    arrays: [...arrays, ...optional].map((each) => givenArrays[each] as NumericArray),
    numbers: numbers.map((each) => givenNumbers[each]),
  };
}

export function kernelNamed(name: string): Kernel {
  const kernel = kernels.get(name);
  if (kernel === undefined) throw new Error(`no kernel '${name}': is its module imported by kernels/index.ts?`);
  return kernel;
}
