/**
 * Checks of arguments. Every check takes the argument's name and its value, and throws an ArgumentError that names the
 * argument, what would be right and what was given. Options are checked by a record of checks, one for each.
 */
import { adviceForEntries, adviceForInstance, adviceForList, adviceForNumber, adviceForText } from './advice.ts';
import { ArgumentError, articleOf, expectInteger, wrongKind } from './errors.ts';

export type Check = (name: string, value: unknown) => void;

function refuse(name: string, wanted: string, value: unknown, advice = ''): never {
  throw wrongKind(name, wanted, value, advice);
}

export function expectBoolean(name: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') refuse(name, 'true or false', value);
}

export function expectText(name: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') refuse(name, 'a text', value, adviceForText(name, value));
}

export function expectFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') refuse(name, 'a function', value);
}

export function expectIterable<T>(name: string, value: Iterable<T>): Iterable<T> {
  const { [Symbol.iterator]: iterate } = (value ?? {}) as Iterable<T>;
  if (typeof value !== 'object' || typeof iterate !== 'function')
    refuse(name, 'a list or another iterable', value, adviceForEntries(name, value));
  return value;
}

export function expectFiniteNumber(name: string, value: unknown): asserts value is number {
  if (!Number.isFinite(value)) refuse(name, 'a finite number', value, adviceForNumber(name, value));
}

export function expectInstance<T>(
  name: string,
  value: unknown,
  Kind: abstract new (...given: never[]) => T,
): asserts value is T {
  if (value instanceof Kind) return;
  refuse(name, `${articleOf(Kind.name)} ${Kind.name}`, value, adviceForInstance(name, value, Kind));
}

/** An array of at least `least` entries, each of which passes the check. */
export function expectList(name: string, value: unknown, each?: Check, least = 0): asserts value is readonly unknown[] {
  if (!Array.isArray(value)) refuse(name, 'a list', value, adviceForList(name, value));
  if (value.length < least) refuse(name, `at least ${least === 1 ? 'one' : least}`, value);
  if (each !== undefined) for (let n = 0; n < value.length; n++) each(`${name}[${n}]`, value[n]);
}

/** An object with named members; the listed ones have to pass their checks. Lists and Maps are refused. */
export function expectRecord(
  name: string,
  value: unknown,
  members: Readonly<Record<string, Check>> = {},
): asserts value is Record<string, unknown> {
  if (Object.prototype.toString.call(value) !== '[object Object]') refuse(name, 'an object', value);
  const given = value as Record<string, unknown>;
  for (const member of Object.keys(members)) members[member](`${name}.${member}`, given[member]);
}

/** A plain object without a class, such as options. */
export function expectPlain(name: string, value: unknown): asserts value is Record<string, unknown> {
  const prototype: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : {};
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) refuse(name, 'an object with options', value);
  expectRecord(name, value);
}

/**
 * A plain object of options. Each may be left out but those that are `needed`, and no others are allowed: a misspelt name
 * would silently leave a default in place. Returns the options, so that they can be destructured.
 */
export function expectOptions<Options extends object>(
  name: string,
  value: Options,
  checks: { readonly [Option in keyof Options]-?: Check },
  needed: readonly (keyof Options & string)[] = [],
): Options {
  expectPlain(name, value);
  const given = value as Record<string, unknown>;
  for (const option of Object.keys(given)) {
    if (given[option] === undefined) continue;
    if (!Object.hasOwn(checks, option)) {
      throw new ArgumentError(`${option}: no such member of ${name}, which has ${Object.keys(checks).join(', ')}`);
    }
    (checks as Record<string, Check>)[option](option, given[option]);
  }
  for (const option of needed) if (given[option] === undefined) checks[option](option, undefined);
  return value as Options;
}

export const integerOf =
  (minimum: number, maximum?: number): Check =>
  (name, value) =>
    expectInteger(name, value, minimum, maximum);

/**
 * A number from `minimum` to `maximum`, both included; not NaN. With the largest number as its maximum it has to be finite.
 */
export const numberOf =
  (minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY): Check =>
  (name, value) => {
    if (typeof value !== 'number' || !(value >= minimum && value <= maximum)) {
      const wanted = `a ${maximum === Number.MAX_VALUE ? 'finite ' : ''}number${within(minimum, maximum)}`;
      refuse(name, wanted, value, adviceForNumber(name, value));
    }
  };

function within(minimum: number, maximum: number): string {
  if (maximum < Number.MAX_VALUE) return ` from ${minimum} to ${maximum}`;
  return minimum === Number.NEGATIVE_INFINITY ? '' : ` of at least ${minimum}`;
}

export const oneOf =
  (...choices: readonly string[]): Check =>
  (name, value) => {
    if (!choices.includes(value as string)) refuse(name, `one of ${choices.join(', ')}`, value);
  };

export const listOf =
  (each: Check, least = 0): Check =>
  (name, value) =>
    expectList(name, value, each, least);

/** The check, or nothing at all. */
export const optional =
  (check: Check): Check =>
  (name, value) => {
    if (value !== undefined) check(name, value);
  };
