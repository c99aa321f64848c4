/** Which of an exercise's known mistakes a wrong function makes. */
import fc from 'fast-check';
import { difference } from './compare.ts';
import type { Code, Exercise, Law, Mistake, Value } from './exercise.ts';
import { frozen } from './frozen.ts';
import { type Meter, TooMuch } from './load.ts';

/** How many inputs must tell one mistake from all else. */
const RECOGNISED_ON = 60;
/** In all laws together, where time counts. A slow function is not run so often, but at least on these. */
const MILLISECONDS = 600;
const LEAST = 5;

/** The only mistake that computes what `code` computes on every drawn input, also where that is wrong. */
export function recognised(exercise: Exercise, code: Code, meter?: Meter): Mistake | null {
  try {
    return search(exercise, code, meter);
  } catch {
    // What it returns throws when it is looked at: no mistake of ours does.
    return null;
  }
}

function search({ laws, mistakes }: Exercise, code: Code, meter?: Meter): Mistake | null {
  let isWrong = false;
  const share = meter === undefined ? Number.POSITIVE_INFINITY : MILLISECONDS / laws.length;
  let end = performance.now();
  const left = new Set(mistakes);
  for (const law of laws) {
    // What the laws before did not need is left for this one.
    end += share;
    for (const [n, inputs] of fc.sample(law.inputs, { seed: 2, numRuns: RECOGNISED_ON }).entries()) {
      if (performance.now() > end) {
        if (n < LEAST) return null;
        break;
      }
      const own = outcome(law, code, inputs, meter);
      if (own === null) return null;
      if (!same(law.expected(inputs), own, law.tolerance)) isWrong = true;
      for (const each of left) {
        const theirs = outcome(law, each.code, inputs);
        if (theirs === null || !same(theirs, own, law.tolerance)) left.delete(each);
      }
      if (left.size === 0) return null;
    }
  }
  return isWrong && left.size === 1 ? [...left][0] : null;
}

/** What a law gets; of an error, that it is one; null where it takes too long. */
function outcome(law: Law, code: Code, inputs: Readonly<Record<string, unknown>>, meter?: Meter): Value | null {
  try {
    meter?.start();
    return (law.got(code, frozen(inputs)) ?? 'nothing') as Value;
  } catch (error) {
    return error instanceof TooMuch ? null : { throws: true };
  }
}

function same(one: Value, other: Value, tolerance: number): boolean {
  return difference(one, other, tolerance) === null && difference(other, one, tolerance) === null;
}
