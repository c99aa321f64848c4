/** Which of an exercise's known mistakes a wrong function makes. */
import fc from 'fast-check';
import { difference } from './compare.ts';
import type { Code, Exercise, Law, Mistake, Value } from './exercise.ts';
import { frozen } from './frozen.ts';
import { NOT_WRITTEN } from './hole.ts';
import { type Meter, TooMuch } from './meter.ts';

/** How many inputs must tell one mistake from all else. */
const RECOGNISED_ON = 60;
/** In all laws together, where time counts. A slow function is not run so often, but at least on so many inputs of each law. */
const MILLISECONDS = 600;
const LEAST = 5;
/** After this, nothing is named: what a learner waits for on a busy machine. */
const MOST_MILLISECONDS = 3000;

/**
 * The only mistake that computes what `code` computes on every drawn input, also where that is wrong. Laws of functions that are
 * not written yet are passed over.
 */
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
  const begin = performance.now();
  let end = begin;
  const left = new Set(mistakes);
  for (const law of laws) {
    // What the laws before did not need is left for this one.
    end += share;
    for (const [n, inputs] of fc.sample(law.inputs, { seed: 2, numRuns: RECOGNISED_ON }).entries()) {
      const now = performance.now();
      if (now > end && n >= LEAST) break;
      if (meter !== undefined && now > begin + MOST_MILLISECONDS) return null;
      const own = outcome(law, code, inputs, meter);
      if (own === null) return null;
      if (own === NOT_WRITTEN) break;
      if (!same(law.expected(inputs), own, law.tolerance)) isWrong = true;
      for (const each of left) {
        const theirs = outcome(law, each.code, inputs);
        if (!same(theirs, own, law.tolerance)) left.delete(each);
      }
      if (left.size === 0) return null;
    }
  }
  return isWrong && left.size === 1 ? [...left][0] : null;
}

type Outcome = Value | typeof NOT_WRITTEN | null;

/** What a law gets; of an error, that it is one or that the function is not written; null where it takes too long. */
function outcome(law: Law, code: Code, inputs: Readonly<Record<string, unknown>>, meter?: Meter): Outcome {
  try {
    meter?.start();
    return (law.got(code, frozen(inputs)) ?? 'nothing') as Value;
  } catch (error) {
    if (error instanceof TooMuch) return null;
    return error instanceof Error && error.message === NOT_WRITTEN ? NOT_WRITTEN : { throws: true };
  }
}

function same(one: Outcome, other: Outcome, tolerance: number): boolean {
  if (one === null || other === null || one === NOT_WRITTEN || other === NOT_WRITTEN) return false;
  return difference(one, other, tolerance) === null && difference(other, one, tolerance) === null;
}
