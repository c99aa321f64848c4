/** What an error of a learner's file means. */
import { visible } from '../src/core/visible.ts';
import { type Failure, type FailureKind, NO_LAW, tooMuch } from './failure.ts';
import { NOT_WRITTEN } from './hole.ts';
import { IntrinsicChanged } from './intrinsics.ts';
import { lineOf, NotGiven, NotRunnable } from './load.ts';
import { TooMuch } from './meter.ts';

/**
 * What an error means, in one sentence. `running` is the line of the last loop or function that began, 0 if none did. `isTheirs`:
 * it came out of the learner's function, which the stack of WebKit does not tell. Never throws, whatever the error is.
 */
export function failureOf(error: unknown, running = 0, isTheirs = false): Failure {
  try {
    return explained(error, running, isTheirs);
  } catch {
    const sentence = "your code throws an object that itself throws when it is looked at: throw new Error('…') instead";
    return { ...NO_LAW, kind: 'throws', sentence, line: running > 0 ? running : null };
  }
}

function explained(error: unknown, running: number, isTheirs: boolean): Failure {
  const of = (kind: FailureKind, sentence: string, line: number | null): Failure => ({
    ...NO_LAW,
    kind,
    sentence,
    line,
  });
  if (error instanceof NotRunnable) {
    const sentence = error.kind === 'syntax' ? `the file does not parse: ${lowered(error.message)}` : error.message;
    return { ...of(error.kind, sentence, error.line ?? lineOf(error)), column: error.column };
  }
  if (error instanceof TooMuch) return tooMuch(error.kind, error.line, error.atOnce);
  if (error instanceof IntrinsicChanged) return of('throws', error.message, running > 0 ? running : null);
  if (!(error instanceof Error)) {
    // It has no stack that says where. No law throws such a thing.
    const sentence = `your code throws ${thrown(error)}, which is no Error: throw new Error('…') says where it comes from`;
    return of('throws', sentence, running > 0 ? running : null);
  }
  // Without the column, which is that of the guarded script.
  const line = lineOf(error) ?? (isTheirs && running > 0 ? running : null);
  const message = thrown(error.message).replace(/\.$/, '');
  if (error instanceof NotGiven) return of('throws', message, line);
  if (message === NOT_WRITTEN) return of('hole', 'the function is not written yet', line);
  if (error instanceof TypeError && /read[ -]?only|not extensible|delete property|can't delete/.test(message)) {
    return of('writes', 'your function changes its argument, which others still need: make a new list', line);
  }
  if (isTooLarge(error) && /call stack|recursion/.test(message)) {
    return of('endless', 'a function calls itself without end', line);
  }
  if (isTooLarge(error) && /array length|string length|allocation|out of memory/i.test(message)) {
    return of('memory', `a list or a text is too large: ${lowered(message)}`, line);
  }
  if (line === null && error instanceof SyntaxError) {
    return of('syntax', `the file does not parse: ${lowered(message)}`, null);
  }
  if (line === null) {
    return of('shape', `the law cannot use what your function returned (${lowered(message)})`, null);
  }
  return of('throws', `your code throws: ${message}`, line);
}

/** Where V8 and WebKit throw a RangeError, Firefox may throw an error of its own. */
function isTooLarge(error: Error): boolean {
  return error instanceof RangeError || error.name === 'InternalError';
}

/** An odd thing that was thrown, which may throw itself when it is asked for its text. */
function thrown(value: unknown): string {
  try {
    const text = String(value).slice(0, 500);
    // Its lines could look like those of a verdict.
    return text === '[object Object]' ? 'an object' : visible(text);
  } catch {
    return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  }
}

/** Within a sentence. A name, such as `Math.exp`, stays as it is. */
function lowered(text: string): string {
  return /^[A-Z][a-z']* /.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}
