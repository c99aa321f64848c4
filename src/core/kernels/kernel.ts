/**
 * A kernel is a hot loop over a range of independent items: it computes items begin … end − 1. An item owns what it
 * writes, so any split over threads gives the same bits. Workers find a kernel by its name, so every kernel is defined at
 * import time, in a module that `kernels/index.ts` imports.
 *
 * A kernel declares the names of its arrays and numbers once, and both its caller and its body use them by name:
 *
 *     const names = { arrays: ['x', 'y'], numbers: ['factor'] } as const;
 *     export const axpyKernel = defineKernel('axpy', names, (begin, end, { x, y }, { factor }) => {
 *       for (let i = begin; i < end; i++) y[i] += factor * x[i];
 *     });
 *     parallelFor(axpyKernel, y.length, { x, y }, { factor: 2 });
 */
import type { NumericArray } from '../memory.ts';

/** The parameters of a kernel: the names of its arrays, of its optional arrays, and of its numbers. */
export interface KernelNames<Arrays extends string, Numbers extends string, Maybe extends string, List extends string> {
  readonly arrays: readonly Arrays[];
  readonly optional?: readonly Maybe[];
  readonly numbers?: readonly Numbers[];
  /** The name of a list of numbers of any length: a plan. */
  readonly list?: List;
}

/** The function that threads run: its arguments travel as lists, in the order of the names. */
export type KernelRun = (
  begin: number,
  end: number,
  arrays: readonly NumericArray[],
  numbers: readonly number[],
) => void;

export interface Kernel<
  Arrays extends string = string,
  Numbers extends string = string,
  Maybe extends string = string,
  List extends string = string,
> {
  readonly name: string;
  readonly names: KernelNames<Arrays, Numbers, Maybe, List>;
  readonly run: KernelRun;
  /** The same with arguments by name, for the calling thread, where nothing has to travel. */
  readonly body: (
    begin: number,
    end: number,
    arrays: KernelArrays<Arrays, Maybe>,
    numbers: KernelNumbers<Numbers, List>,
  ) => void;
}

/** The arguments of a kernel's body: every array by its name (undefined if it was left out), and every number. */
export type KernelArrays<Arrays extends string, Maybe extends string = never> = Readonly<
  Record<Arrays, NumericArray> & Record<Maybe, NumericArray | undefined>
>;
export type KernelNumbers<Numbers extends string, List extends string = never> = Readonly<
  Record<Numbers, number> & Record<List, readonly number[]>
>;

const kernels = new Map<string, Kernel>();

/** The longest name, because names travel with jobs. */
const NAME = /^[\x20-\x7e]{1,40}$/;

/** Defines a kernel under a unique name of at most 40 ASCII characters. */
export function defineKernel<
  const Arrays extends string,
  const Numbers extends string = never,
  const Maybe extends string = never,
  const List extends string = never,
>(
  name: string,
  names: KernelNames<Arrays, Numbers, Maybe, List>,
  body: (
    begin: number,
    end: number,
    arrays: KernelArrays<Arrays, Maybe>,
    numbers: KernelNumbers<Numbers, List>,
  ) => void,
): Kernel<Arrays, Numbers, Maybe, List> {
  if (!NAME.test(name)) throw new Error(`kernel '${name}': a name has 1 to 40 ASCII characters`);
  if (kernels.has(name)) throw new Error(`kernel '${name}' is defined twice`);
  const run: KernelRun = (begin, end, arrays, numbers) => {
    const given = byName(names, arrays, numbers);
    body(begin, end, given.arrays as KernelArrays<Arrays, Maybe>, given.numbers as KernelNumbers<Numbers, List>);
  };
  const kernel = { name, names, run, body };
  kernels.set(name, kernel as unknown as Kernel);
  return kernel;
}

/** Turns lists that have travelled back into records by name. */
function byName(
  { arrays, optional = [], numbers = [], list }: KernelNames<string, string, string, string>,
  givenArrays: readonly NumericArray[],
  givenNumbers: readonly number[],
): { arrays: KernelArrays<string, string>; numbers: KernelNumbers<string, string> } {
  const ofArrays: Record<string, NumericArray> = {};
  for (let n = 0; n < arrays.length; n++) ofArrays[arrays[n]] = givenArrays[n];
  for (let n = 0; n < optional.length; n++) ofArrays[optional[n]] = givenArrays[arrays.length + n];
  const ofNumbers: Record<string, number | readonly number[]> = {};
  for (let n = 0; n < numbers.length; n++) ofNumbers[numbers[n]] = givenNumbers[n];
  if (list !== undefined) ofNumbers[list] = givenNumbers.slice(numbers.length);
  return { arrays: ofArrays, numbers: ofNumbers as KernelNumbers<string, string> };
}

/** Throws unless the caller has passed every required argument. To leave one out is a mistake in an op. */
export function expectAll(
  { name, names: { arrays, numbers = [] } }: Kernel,
  givenArrays: Readonly<Record<string, NumericArray | undefined>>,
  givenNumbers: Readonly<Record<string, number | readonly number[]>>,
): void {
  for (const each of arrays) if (givenArrays[each] === undefined) throw new Error(`kernel '${name}': no array ${each}`);
  for (const each of numbers) if (givenNumbers[each] === undefined) throw new Error(`kernel '${name}': no ${each}`);
}

/** Turns arguments by name into the lists that travel. */
export function asLists(
  { names: { arrays, optional = [], numbers = [], list } }: Kernel,
  givenArrays: Readonly<Record<string, NumericArray | undefined>>,
  givenNumbers: Readonly<Record<string, number | readonly number[]>>,
): { arrays: NumericArray[]; numbers: number[] } {
  const listed = [...arrays, ...optional].map((each) => givenArrays[each] as NumericArray);
  const ofNumbers = numbers.map((each) => givenNumbers[each] as number);
  return {
    arrays: listed,
    numbers: list === undefined ? ofNumbers : [...ofNumbers, ...(givenNumbers[list] as readonly number[])],
  };
}

export function kernelNamed(name: string): Kernel {
  const kernel = kernels.get(name);
  if (kernel === undefined) throw new Error(`no kernel '${name}': is its module imported by kernels/index.ts?`);
  return kernel;
}
