/** Judges the functions of a learner by the laws of an exercise: the first law that fails, and the smallest input it fails on. */
import fc from 'fast-check';
import { difference } from './compare.ts';
import type { Code, Exercise, Law, Value } from './exercise.ts';
import { frozen } from './frozen.ts';
import { NOT_WRITTEN } from './hole.ts';
import { type Imports, type Loaded, load, type Meter, NotGiven, NotRunnable, placeOf, TooMuch } from './load.ts';
import { recognised } from './recognise.ts';

export type FailureKind =
  | ('hole' | 'missing' | 'syntax' | 'import' | 'throws' | 'endless' | 'memory' | 'writes')
  | ('nothing' | 'type' | 'shape' | 'not-finite' | 'value');

export interface Failure {
  readonly kind: FailureKind;
  /** One sentence in plain words, without a full stop at its end. */
  readonly sentence: string;
  readonly line: number | null;
  readonly column: number | null;
  /** The law that failed, and the smallest input that was found. */
  readonly law: string | null;
  readonly inputs: Readonly<Record<string, unknown>> | null;
  readonly expected: Value | null;
  readonly got: unknown;
  readonly mistake: { readonly name: string; readonly sentence: string } | null;
}

/** Plain data: it passes from a worker and into a file. */
export interface Verdict {
  readonly exercise: string;
  readonly passed: boolean;
  /** The laws in order, up to the first that fails. */
  readonly laws: readonly { readonly name: string; readonly passed: boolean }[];
  readonly failure: Failure | null;
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
  let loaded: Loaded;
  try {
    loaded = load(source, imports, meter);
  } catch (error) {
    return { exercise: exercise.name, passed: false, laws: [], failure: failureOf(error, meter.line), printed: [] };
  }
  return grade(exercise, loaded.code, { ...grading, meter, printed: loaded.printed });
}

/** Grades functions that are there already. */
export function grade(
  exercise: Exercise,
  code: Code,
  { seed = 1, runs = 60, meter, printed = [] }: Grading & { meter?: Meter; printed?: readonly string[] } = {},
): Verdict {
  const { name, functions } = exercise;
  const laws: { name: string; passed: boolean }[] = [];
  const verdict = (failure: Failure | null): Verdict => ({
    exercise: name,
    passed: failure === null,
    laws,
    failure,
    printed,
  });
  const missing = functions.filter((each) => typeof code[each] !== 'function');
  if (missing.length > 0) {
    const sentence = `the file exports no function ${missing.join(', ')}: keep the word export and the names`;
    return verdict({ ...NO_LAW, kind: 'missing', sentence });
  }
  for (const law of exercise.laws) {
    const failure = failureUnder(law, code, { seed, runs, meter });
    laws.push({ name: law.name, passed: failure === null });
    if (failure === null) continue;
    const sayable = failure.kind !== 'hole' && failure.kind !== 'endless' && failure.kind !== 'memory';
    const known = sayable ? recognised(exercise, code, meter) : null;
    return verdict({ ...failure, mistake: known === null ? null : { name: known.name, sentence: known.sentence } });
  }
  return verdict(null);
}

type Inputs = Readonly<Record<string, unknown>>;

function failureUnder(
  law: Law,
  code: Code,
  { seed, runs, meter }: { seed: number; runs: number; meter?: Meter },
): Failure | null {
  let last: Failure | null = null;
  let isOver = false;
  const property = fc.property(law.inputs, (inputs) => {
    // A loop without an end has been waited for once: that is enough.
    if (isOver) return true;
    const failure = judged(law, code, inputs, meter);
    if (failure === null) return true;
    last = failure;
    isOver = failure.kind === 'endless' || failure.kind === 'memory' || failure.kind === 'hole';
    return false;
  });
  // The last input that fails is the smallest: shrinking goes on from each that does.
  fc.check(property, { seed, numRuns: runs, interruptAfterTimeLimit: LAW_MILLISECONDS, markInterruptAsFailure: false });
  return last;
}

function judged(law: Law, code: Code, inputs: Inputs, meter?: Meter): Failure | null {
  const expected = law.expected(inputs);
  try {
    meter?.start();
    const got = law.got(code, frozen(inputs));
    // Within the try: what the learner's function returns may have getters that throw or do not end.
    const found = difference(expected, got, law.tolerance);
    return found === null ? null : { ...NO_LAW, ...found, law: law.name, inputs, expected, got: plain(got) };
  } catch (error) {
    return { ...failureOf(error, meter?.line), law: law.name, inputs };
  }
}

const NO_LAW = { line: null, column: null, law: null, inputs: null, expected: null, got: undefined, mistake: null };

/** What an error means, in one sentence. `running` is the line of the last loop or function that began, 0 if none did. */
export function failureOf(error: unknown, running = 0): Failure {
  const of = (kind: FailureKind, sentence: string, line: number | null, column: number | null = null): Failure => ({
    ...NO_LAW,
    ...{ kind, sentence, line, column },
  });
  if (error instanceof NotRunnable) {
    const sentence = error.kind === 'syntax' ? `the file does not parse: ${lowered(error.message)}` : error.message;
    return of(error.kind, sentence, error.line ?? placeOf(error)?.line ?? null, error.column);
  }
  if (error instanceof TooMuch) return tooMuch(error.kind, error.line);
  if (!(error instanceof Error)) {
    // It has no stack that says where. No law throws such a thing.
    const sentence = `your code throws ${thrown(error)}, which is no Error: throw new Error('…') says where it comes from`;
    return of('throws', sentence, running > 0 ? running : null);
  }
  const place = placeOf(error);
  const [line, column] = [place?.line ?? null, place?.column ?? null];
  const message = thrown(error.message);
  if (error instanceof NotGiven) return of('throws', message, line, column);
  if (message === NOT_WRITTEN) return of('hole', 'the function is not written yet', line);
  if (error instanceof TypeError && /read only|not extensible|Cannot delete property|readonly/.test(message)) {
    return of('writes', 'your function changes its argument, which others still need: make a new list', line, column);
  }
  if (error instanceof RangeError && /call stack|recursion/.test(message)) {
    return of('endless', 'a function calls itself without end', line, column);
  }
  if (error instanceof RangeError && /array length|string length|allocation/i.test(message)) {
    return of('memory', `a list or a text is too large: ${lowered(message)}`, line, column);
  }
  if (place === null) {
    return of('shape', `the law cannot use what your function returned (${lowered(message)})`, null);
  }
  return of('throws', `your code throws: ${message}`, line, column);
}

/** An odd thing that was thrown, which may throw itself when it is asked for its text. */
function thrown(value: unknown): string {
  try {
    return String(value).slice(0, 500);
  } catch {
    return `a ${typeof value}`;
  }
}

/** Also said from outside, of a worker that had to be ended. */
export function tooMuch(kind: 'endless' | 'memory', line: number): Failure {
  const place = line > 0 ? line : null;
  const sentence =
    kind === 'endless'
      ? 'your code does not come to an end: the last loop or function that ran begins here'
      : 'your code takes more and more memory: the last loop or function that ran begins here';
  return { ...NO_LAW, kind, sentence: place === null ? sentence.split(':')[0] : sentence, line: place };
}

/** What passes from a worker: no functions, no classes, and not too much. */
function plain(value: unknown): unknown {
  try {
    return typeof value === 'object'
      ? JSON.parse(JSON.stringify(value, nonFinite))
      : typeof value === 'function'
        ? 'a function'
        : value;
  } catch {
    return String(value);
  }
}

/** JSON has no NaN and no infinity. */
function nonFinite(_key: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
