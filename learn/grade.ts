/** Judges the functions of a learner by the laws of an exercise: the first law that fails, and the smallest input it fails on. */
import fc from 'fast-check';
import { difference } from './compare.ts';
import type { Code, Exercise, Law } from './exercise.ts';
import { failureOf } from './explain.ts';
import { type Failure, NO_LAW } from './failure.ts';
import { frozen } from './frozen.ts';
import { Intrinsics } from './intrinsics.ts';
import { type Imports, type Loaded, load } from './load.ts';
import { type Meter, TooMuch } from './meter.ts';
import { recognised } from './recognise.ts';

/** Plain data: it passes from a worker and into a file. */
export interface Verdict {
  readonly exercise: string;
  readonly passed: boolean;
  /** The laws in order, up to the first that fails. */
  readonly laws: readonly { readonly name: string; readonly passed: boolean }[];
  readonly failure: Failure | null;
  /** Where a law failed, on the input that is shown. */
  readonly printed: readonly string[];
}

export interface Grading {
  /** The same seed draws the same inputs. */
  readonly seed?: number;
  /** How many inputs each law draws. */
  readonly runs?: number;
}

/** Between two calls: after this, no more inputs are drawn for a law. */
const LAW_MILLISECONDS = 400;

/** Loads a file and grades it. Never throws for what the file does. */
export function gradeSource(
  exercise: Exercise,
  source: string,
  imports: Imports,
  meter: Meter,
  grading?: Grading,
): Verdict {
  const intrinsics = new Intrinsics();
  const failed = (error: unknown): Verdict => {
    const failure = failureOf(error, meter.line);
    return { exercise: exercise.name, passed: false, laws: [], failure, printed: [] };
  };
  let loaded: Loaded;
  try {
    loaded = load(source, imports, meter);
  } catch (error) {
    return failed(causeOf(error, intrinsics));
  }
  const changed = intrinsics.changed();
  if (changed !== null) return failed(changed);
  const verdict = grade(exercise, loaded.code, { ...grading, meter, printed: loaded.printed, intrinsics });
  // By a getter of what was returned, for example.
  const late = intrinsics.changed();
  return late === null ? verdict : failed(late);
}

/** Of whatever was thrown, which may throw itself when it is asked what it is. */
function isTooMuch(error: unknown): boolean {
  try {
    return error instanceof TooMuch;
  } catch {
    return false;
  }
}

/** A change of what JavaScript brings, if there is one, for whatever is thrown may come of it. Undoes it. */
function causeOf(error: unknown, intrinsics: Intrinsics | undefined): unknown {
  const changed = intrinsics?.changed() ?? null;
  return changed === null || isTooMuch(error) ? error : changed;
}

interface Surroundings {
  readonly meter?: Meter;
  /** What a call of the learner's function must leave as it is. */
  readonly intrinsics?: Intrinsics;
}

/** Grades functions that are there already. */
export function grade(
  exercise: Exercise,
  code: Code,
  { seed = 1, runs = 60, meter, printed = [], intrinsics }: Grading & Surroundings & { printed?: string[] } = {},
): Verdict {
  const { name, functions } = exercise;
  const laws: { name: string; passed: boolean }[] = [];
  let shown: readonly string[] = printed;
  const verdict = (failure: Failure | null): Verdict => ({
    exercise: name,
    passed: failure === null,
    laws,
    failure,
    printed: shown,
  });
  const missing = functions.filter((each) => typeof code[each] !== 'function');
  if (missing.length > 0) {
    const sentence = `the file exports no function ${missing.join(', ')} (it exports ${exportsOf(code)}): keep the word export and the names`;
    return verdict({ ...NO_LAW, kind: 'missing', sentence });
  }
  const classes = functions.filter((each) => /^class\b/.test(Function.prototype.toString.call(code[each])));
  if (classes.length > 0) {
    return verdict({
      ...NO_LAW,
      kind: 'missing',
      sentence: `${classes.join(', ')} is a class and should be a function`,
    });
  }
  for (const law of exercise.laws) {
    const failure = failureUnder(law, code, { seed, runs, meter, intrinsics });
    laws.push({ name: law.name, passed: failure === null });
    if (failure === null) continue;
    const sayable = failure.kind !== 'hole' && failure.kind !== 'endless' && failure.kind !== 'memory';
    if (sayable && failure.inputs !== null && printed.length > 0) {
      // So far from all inputs that were tried: what helps is what it prints on the one that is shown.
      printed.length = 0;
      judged(law, code, failure.inputs, { meter, intrinsics });
      shown = [...printed];
    }
    const known = sayable ? recognised(exercise, unchanging(code, intrinsics), meter) : null;
    return verdict({ ...failure, mistake: known === null ? null : { name: known.name, sentence: known.sentence } });
  }
  return verdict(null);
}

const MOST_NAMES = 8;
/** What a file exports, in words: so one sees a name that is spelled otherwise. */
function exportsOf(code: Code): string {
  const names = Object.keys(code).map((name) => {
    if (name === 'default') return 'a default without a name';
    return typeof code[name] === 'function' ? name : `${name}, which is no function`;
  });
  if (names.length > MOST_NAMES) names.splice(MOST_NAMES, names.length, '…');
  return names.length === 0 ? 'nothing' : names.join(', ');
}

type Inputs = Readonly<Record<string, unknown>>;

function failureUnder(
  law: Law,
  code: Code,
  { seed, runs, ...around }: Surroundings & { seed: number; runs: number },
): Failure | null {
  let last: Failure | null = null;
  let isOver = false;
  const property = fc.property(law.inputs, (inputs) => {
    // A loop without an end has been waited for once: that is enough.
    if (isOver) return true;
    const failure = judged(law, code, inputs, around);
    if (failure === null) return true;
    last = failure;
    isOver = failure.kind === 'endless' || failure.kind === 'memory' || failure.kind === 'hole';
    return false;
  });
  // The last input that fails is the smallest: shrinking goes on from each that does.
  const { failed, errorInstance } = fc.check(property, {
    seed,
    numRuns: runs,
    // Without a meter nobody waits, and a busy machine must not change which input is the smallest.
    ...(around.meter !== undefined && { interruptAfterTimeLimit: LAW_MILLISECONDS, markInterruptAsFailure: false }),
  });
  // Whatever happens, a law that was not kept is never one that passed.
  return last ?? (failed ? { ...failureOf(errorInstance, around.meter?.line), law: law.name } : null);
}

function judged(law: Law, code: Code, inputs: Inputs, { meter, intrinsics }: Surroundings): Failure | null {
  const expected = law.expected(inputs);
  let isTheirs = false;
  const watched = whoThrows(code, () => {
    isTheirs = true;
  });
  try {
    meter?.start();
    const got = law.got(watched, frozen(inputs));
    // Before anything reads it.
    const changed = intrinsics?.changed() ?? null;
    if (changed !== null) throw changed;
    // Within the try: what the learner's function returns may have getters that throw or do not end.
    const found = difference(expected, got, law.tolerance);
    if (found === null) return null;
    const shows = law.shows === undefined ? {} : { shows: law.shows };
    return { ...NO_LAW, ...found, law: law.name, inputs, expected, got: plain(got), ...shows };
  } catch (error) {
    return { ...failureOf(causeOf(error, intrinsics), meter?.line, isTheirs), law: law.name, inputs };
  }
}

/** The same functions, which throw where they change what JavaScript brings, and undo it. */
function unchanging(code: Code, intrinsics: Intrinsics | undefined): Code {
  const kept = Object.entries(code).map(([name, own]) => {
    if (typeof own !== 'function') return [name, own];
    const call = (...given: Parameters<typeof own>): unknown => {
      let returned: unknown;
      try {
        returned = own(...given);
      } catch (error) {
        throw causeOf(error, intrinsics);
      }
      const changed = intrinsics?.changed() ?? null;
      if (changed !== null) throw changed;
      return returned;
    };
    return [name, call];
  });
  return Object.fromEntries(kept) as Code;
}

/** The same functions, which tell when one of them throws. */
function whoThrows(code: Code, tell: () => void): Code {
  const watched = Object.entries(code).map(([name, own]) => {
    if (typeof own !== 'function') return [name, own];
    const told = (...given: Parameters<typeof own>): unknown => {
      try {
        return own(...given);
      } catch (error) {
        tell();
        throw error;
      }
    };
    return [name, told];
  });
  return Object.fromEntries(watched) as Code;
}

/** What passes from a worker: no functions, no classes, and not too much. */
function plain(value: unknown): unknown {
  if (value instanceof Promise) return 'a promise';
  try {
    return typeof value === 'object'
      ? JSON.parse(JSON.stringify(value, nonFinite))
      : typeof value === 'function'
        ? 'a function'
        : nonFinite('', value);
  } catch {
    return 'something that cannot be shown';
  }
}

/** JSON has no NaN and no infinity, and writes null where a list has nothing. */
function nonFinite(key: string, value: unknown): unknown {
  if (value === undefined && key !== '') return 'undefined';
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}
