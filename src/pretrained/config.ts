/**
 * Reads config.json value by value: each is checked on demand, and an error names the file, the setting, the value and what
 * would be right.
 */
import { FileFormatError, UnsupportedError } from '../core/errors.ts';
import { readJsonObject } from '../core/files/json.ts';

/** Characters of a value that a message shows. */
const LONGEST_EXCERPT = 60;
/** In bytes. Names of ten thousand classes fit in a twentieth of it. */
const LONGEST_CONFIG = 2 ** 24;

export class Config {
  readonly path: string;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(path: string, values: Readonly<Record<string, unknown>>) {
    this.path = path;
    this.#values = new Map(Object.entries(values));
  }

  /** A setting that is present and not null. */
  has(name: string): boolean {
    return (this.#values.get(name) ?? undefined) !== undefined;
  }

  isList(name: string): boolean {
    return Array.isArray(this.#values.get(name));
  }

  /** An integer of at least `minimum`; without a default it must be present. */
  integer(name: string, minimum: number, byDefault?: number): number {
    const is = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= minimum;
    return this.#value(name, `an integer of at least ${minimum}`, is, byDefault);
  }

  /** An integer, or null if the setting is null, or absent without a default. */
  optionalInteger(name: string, minimum: number, byDefault: number | null = null): number | null {
    if (this.#values.has(name) ? !this.has(name) : byDefault === null) return null;
    return this.integer(name, minimum, byDefault ?? undefined);
  }

  number(name: string, minimum: number, maximum: number, byDefault?: number): number {
    const is = (value: unknown): value is number => typeof value === 'number' && value >= minimum && value <= maximum;
    return this.#value(name, `a number from ${minimum} to ${maximum}`, is, byDefault);
  }

  boolean(name: string, byDefault?: boolean): boolean {
    const is = (value: unknown): value is boolean => typeof value === 'boolean';
    return this.#value(name, 'true or false', is, byDefault);
  }

  text(name: string, byDefault?: string): string {
    const is = (value: unknown): value is string => typeof value === 'string';
    return this.#value(name, 'a text', is, byDefault);
  }

  integers(name: string, minimum: number, byDefault?: readonly number[]): readonly number[] {
    const is = (value: unknown): value is readonly number[] =>
      Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= minimum);
    return this.#value(name, `a list of integers of at least ${minimum}`, is, byDefault);
  }

  texts(name: string, byDefault?: readonly string[]): readonly string[] {
    const is = (value: unknown): value is readonly string[] =>
      Array.isArray(value) && value.every((each) => typeof each === 'string');
    return this.#value(name, 'a list of texts', is, byDefault);
  }

  /** A nonempty object, such as `id2label`, by its keys; undefined if it is absent. */
  entries(name: string): readonly [string, unknown][] | undefined {
    if (!this.has(name)) return undefined;
    const is = (value: unknown): value is Record<string, unknown> =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;
    return Object.entries(this.#value(name, 'an object that is not empty', is));
  }

  /** One of the supported values. Throws UnsupportedError for another. */
  choice<T extends string>(name: string, choices: readonly T[], byDefault?: T): T {
    const value = this.text(name, byDefault);
    if (choices.includes(value as T)) return value as T;
    throw this.unsupported(name, choices.join(', '));
  }

  /** Throws UnsupportedError unless the setting is absent, null or the one value that is supported here. */
  only(name: string, supported: string | number | boolean): void {
    if (this.has(name) && this.#values.get(name) !== supported) throw this.unsupported(name, String(supported));
  }

  /** The error for a setting that transformers allows but this library does not support. */
  unsupported(name: string, supported: string): UnsupportedError {
    return new UnsupportedError(
      `${this.path}: ${name}: expected ${supported} (supported here), got ${this.#got(name)}`,
    );
  }

  /** The error for an invalid setting. */
  wrong(name: string, expected: string): FileFormatError {
    return new FileFormatError(`${this.path}: ${name}: expected ${expected}, got ${this.#got(name)}`);
  }

  #value<T>(name: string, expected: string, is: (value: unknown) => value is T, byDefault?: T): T {
    const value = this.#values.get(name);
    if (value === undefined && byDefault !== undefined) return byDefault;
    if (!is(value)) throw this.wrong(name, expected);
    return value;
  }

  #got(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined) return 'nothing';
    const text = JSON.stringify(value);
    return text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}…` : text;
  }
}

/** Throws FileFormatError for a file that is missing or is not a JSON object. */
export function readConfig(path: string): Config {
  return new Config(path, readJsonObject(path, { size: LONGEST_CONFIG }));
}
