/**
 * An exercise: functions that the learner writes, laws that say when they are right, and wrong versions that many write first.
 * What the learner reads (the task, the equation and its source, the signature) is the comment of its `solution.ts`, whose
 * bodies are cut out for the learner (hole.ts). Everything in this folder but `terminal/` runs in a browser too.
 */
import type fc from 'fast-check';

/** What goes in and comes out: numbers, lists of them, lists of lists, and records of these. */
export type Value = number | boolean | readonly Value[] | { readonly [name: string]: Value };

/** A function of an exercise. A method's parameters let any function be one. */
type Callable = { call(...values: unknown[]): unknown }['call'];

/** The functions that a file exports, by name. */
export interface Code {
  readonly [name: string]: Callable;
}

/** Something that must hold for every input that `inputs` draws: `got` equals `expected`, number by number. */
export interface Law {
  /** A clause that follows "law:", such as `equals the equation`. */
  readonly name: string;
  /** Named arguments, as they are shown to the learner. */
  readonly inputs: fc.Arbitrary<Readonly<Record<string, unknown>>>;
  got(code: Code, inputs: Readonly<Record<string, unknown>>): unknown;
  /** From plain loops, or from what a theorem says; shares no code with the solution. */
  expected(inputs: Readonly<Record<string, unknown>>): Value;
  /** The largest difference, as a share of the largest number that is expected, or of 1. */
  readonly tolerance: number;
  /** Why the tolerance is what it is. */
  readonly because: string;
  /** What `got` is, where that is not what the learner's function returns: such as `the sums of your rows`. */
  readonly shows?: string;
}

/** A wrong version that many write, recognised by what it computes. */
export interface Mistake {
  readonly name: string;
  /** What is wrong, and why it matters. */
  readonly sentence: string;
  readonly code: Code;
}

export interface Exercise {
  /** Such as `online-softmax`, which is also the end of its folder's name. */
  readonly name: string;
  readonly title: string;
  /** The functions that the learner's file must export. */
  readonly functions: readonly string[];
  readonly laws: readonly Law[];
  readonly mistakes: readonly Mistake[];
  /** Each says more than the one before. */
  readonly hints: readonly [string, string, string];
  /** Where this project does it for real: a path from the root. */
  readonly see: string;
}

/** A tolerance and its reason. */
export interface Tolerance {
  readonly tolerance: number;
  readonly because: string;
}

/** The same sums in another order. */
export const ROUNDING: Tolerance = {
  tolerance: 1e-9,
  because:
    'sums of a few dozen float64 numbers in another order differ by about 1e-15 of the largest, and exp adds little',
};

/** Whole numbers, choices and permutations. */
export const EXACT: Tolerance = { tolerance: 0, because: 'these are whole numbers, which have no rounding' };

/** A law with the types of its arguments. */
export function law<Inputs extends object>(
  name: string,
  inputs: fc.Arbitrary<Inputs>,
  got: (code: Code, inputs: Inputs) => unknown,
  expected: (inputs: Inputs) => Value,
  { tolerance, because }: Tolerance = ROUNDING,
): Law {
  return { name, inputs, got, expected, tolerance, because } as unknown as Law;
}

/** A law whose `got` is worked out from what the learner's function returns: the words for it. */
export function shown(shows: string, law: Law): Law {
  return { ...law, shows };
}

/** A mistake: its name, its sentence, and the functions that make it. */
export function mistake(name: string, sentence: string, code: Code): Mistake {
  return { name, sentence, code };
}

/** One of the things that the learner's function returns together. Throws what the learner reads if it is not there. */
export function part<T>(returned: unknown, name: string): T {
  const found = (returned as Record<string, T> | null | undefined)?.[name];
  if (found === undefined) throw new Error(`it has no ${name}: return an object with that name`);
  return found;
}
