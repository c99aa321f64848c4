/**
 * Typed errors. Every public function checks its arguments before any work and throws one of these; the message names the
 * argument, what would be right and what was given.
 */
import { adviceForNumber } from './advice.ts';
import { visible } from './visible.ts';

/**
 * Base class: catch this to catch everything the library throws on purpose. Given values may come from a file, so a message
 * shows control characters as escapes.
 *
 * @example
 * ```ts
 * try {
 *   attend(longformer, { queries, keys, values });
 * } catch (error) {
 *   if (error instanceof EfficientTransformersError) console.error(error.message);
 *   else throw error;
 * }
 * ```
 */
export class EfficientTransformersError extends Error {
  override name = 'EfficientTransformersError';

  constructor(message?: string, options?: ErrorOptions) {
    super(message === undefined ? message : visible(message), options);
  }
}

/** An argument has the wrong shape. */
export class ShapeError extends EfficientTransformersError {
  override name = 'ShapeError';
}

/** An argument has an invalid value: missing, of the wrong type, out of range, unknown, NaN or infinite. */
export class ArgumentError extends EfficientTransformersError {
  override name = 'ArgumentError';
}

/** The variant's mathematics does not allow the request (a causal Linformer, for example). */
export class UnsupportedError extends EfficientTransformersError {
  override name = 'UnsupportedError';
}

/** A file is missing, truncated, malformed or of an unexpected type. */
export class FileFormatError extends EfficientTransformersError {
  override name = 'FileFormatError';
}

/** A file cannot be written: no such folder, no permission, a full disk. */
export class FileWriteError extends EfficientTransformersError {
  override name = 'FileWriteError';
}

/** Another process writes to the folder. */
export class FolderInUseError extends EfficientTransformersError {
  override name = 'FolderInUseError';
}

/** The tensor memory is exhausted, or a released tensor was used. */
export class MemoryError extends EfficientTransformersError {
  override name = 'MemoryError';
}

/** A worker thread threw or died. */
export class WorkerError extends EfficientTransformersError {
  override name = 'WorkerError';
}

/** Computed numbers cannot be right: a loss or a gradient is not finite, or finite differences contradict a gradient. */
export class NumericalError extends EfficientTransformersError {
  override name = 'NumericalError';
}

/** `[2, 8, 1024, 64]`, as error messages print a shape. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.map((extent) => (typeof extent === 'number' ? extent : describe(extent))).join(', ')}]`;
}

/** Characters of a text that a message quotes. */
const LONGEST_QUOTE = 60;

/**
 * A value in a few words, for messages. Never throws, whatever the value is, and lets no control character through: a
 * text is quoted and cut, a list or an object is named by its kind.
 */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    const quoted = value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}…` : value;
    return `'${quoted.replace(/\p{Cc}/gu, '\ufffd')}'`;
  }
  if (typeof value === 'bigint') return `${String(value).slice(0, LONGEST_QUOTE)}n`;
  if (typeof value === 'symbol' || typeof value === 'function') return `a ${typeof value}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  const { name } = (Object.getPrototypeOf(value)?.constructor ?? Object) as { name?: unknown };
  if (typeof name !== 'string' || name === '' || name === 'Object') return 'an object';
  return `${articleOf(name)} ${name}`;
}

/** `a` or `an`. A U is spoken as in use: a Uint8Array. */
export const articleOf = (name: string): string => (/^[AEIO]/.test(name) ? 'an' : 'a');

/**
 * The error for a value of the wrong kind, or for a missing value. `advice` says how to make the expected value from the
 * given one (see advice.ts).
 */
export function wrongKind(name: string, wanted: string, value: unknown, advice = ''): ArgumentError {
  const said = value === undefined ? `missing; expected ${wanted}` : `expected ${wanted}, got ${describe(value)}`;
  return new ArgumentError(`${name}: ${said}${advice === '' ? '' : `; ${advice}`}`);
}

/** Throws unless `actual` equals `expected`; `because` completes the sentence, e.g. `to match queries`. */
export function expectShape(name: string, actual: readonly number[], expected: readonly number[], because = ''): void {
  if (actual.length === expected.length && actual.every((extent, axis) => extent === expected[axis])) return;
  const reason = because === '' ? '' : ` ${because}`;
  throw new ShapeError(`${name}: expected ${formatShape(expected)}${reason}, got ${formatShape(actual)}`);
}

/** Throws unless `value` is an integer within `[minimum, maximum]`. */
export function expectInteger(name: string, value: unknown, minimum: number, maximum = Number.MAX_SAFE_INTEGER): void {
  if (typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum) return;
  const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  throw wrongKind(name, `an integer ${range}`, value, adviceForNumber(name, value));
}
