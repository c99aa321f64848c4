/** Inspects the result of a function: whether it is a promise, and which tensors can be reached from it. */
import { ArgumentError } from './errors.ts';

const iterators = prototypeOf(prototypeOf([][Symbol.iterator]()));
const asyncGenerators = prototypeOf(prototypeOf(async function* () {}.prototype));

function prototypeOf(value: object): object {
  return Object.getPrototypeOf(value) as object;
}

/**
 * All values that are `wanted` and can be reached: the value itself, entries of lists, of Maps (keys too) and of Sets, own
 * properties of records and of instances of classes. Every object is visited once, so cycles and depth do not matter.
 * No code of the value runs: results of getters are not found, and neither are the contents of functions and private fields.
 * Throws ArgumentError for an iterator, which cannot be looked into without using it up; `name` names the value in the
 * message.
 */
export function reachable<T>(name: string, value: unknown, wanted: (each: unknown) => each is T): T[] {
  const found: T[] = [];
  const seen = new Set<object>();
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const each = waiting.pop();
    if (typeof each !== 'object' || each === null || seen.has(each)) continue;
    seen.add(each);
    if (wanted(each)) {
      found.push(each);
    } else if (isIterator(each)) {
      throw new ArgumentError(
        `${name}: expected no iterator or generator, whose tensors cannot be found: return a list`,
      );
    } else {
      for (const part of partsOf(each)) if (typeof part === 'object' && part !== null) waiting.push(part);
    }
  }
  return found;
}

/**
 * Throws ArgumentError for the result of an asynchronous body: a promise of this realm or of another, or any other thenable.
 */
export function expectSynchronous(result: unknown): void {
  if (typeof result !== 'object' || result === null || typeof (result as PromiseLike<unknown>).then !== 'function')
    return;
  // The body's own failure is no longer reported.
  Promise.resolve(result).catch(() => {});
  throw new ArgumentError('body: expected a synchronous function, got one that returns a promise');
}

const isBelow = Object.prototype.isPrototypeOf;

function isIterator(value: object): boolean {
  return isBelow.call(iterators, value) || isBelow.call(asyncGenerators, value);
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value)) return [];
  const own = Reflect.ownKeys(value).map((key) => Object.getOwnPropertyDescriptor(value, key)?.value as unknown);
  if (value instanceof Map) return [...value.keys(), ...value.values(), ...own];
  if (value instanceof Set) return [...value, ...own];
  return own;
}
