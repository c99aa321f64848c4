/**
 * The kinds of command-line option: each is a value that says how it reads in `--help`, what it is without being given,
 * and how its text becomes a typed value.
 */

import { existsSync } from 'node:fs';
import { ArgumentError } from '../core/errors.ts';
import { splitPaths } from './paths.ts';
import { unknownName } from './suggest.ts';

export interface OptionSpec<T> {
  description: string;
  /** What stands for the value in `--help`, e.g. `FILE`; null for a flag, which takes none. */
  placeholder: string | null;
  /** One letter, for `-n`. */
  short?: string;
  /** The value when the option is not given. */
  fallback: T;
  /** How `--help` writes that value; empty to leave it out. */
  fallbackText: string;
  /** The value that `--no-name` stands for; absent where there is no such form. */
  negative?: T;
  /** Every text given for the option (a flag gives none) to its value; `flag` is `--name`, for the message. */
  parse(texts: readonly string[], flag: string): T;
}

/** One option a key; `headDim` is written `--head-dim`. */
export type OptionSpecs = Record<string, OptionSpec<unknown>>;

export type OptionValues<Specs extends OptionSpecs> = {
  [Key in keyof Specs]: Specs[Key] extends OptionSpec<infer T> ? T : never;
};

/** `headDim` → `head-dim`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

interface Settings<D> {
  default?: D;
  /** Written by `--help` in place of the default, e.g. `all cores`. */
  defaultText?: string;
  short?: string;
}

interface Range {
  minimum?: number;
  maximum?: number;
}

/** Of numbers that have no smallest one: they are greater than `above`. */
type OpenRange = Range | { above: number; maximum?: number };

/** `--name` sets it true, `--no-name` false. */
export function flag(description: string, settings: Settings<boolean> = {}): OptionSpec<boolean> {
  const fallback = settings.default ?? false;
  return {
    description,
    placeholder: null,
    short: settings.short,
    fallback,
    fallbackText: settings.defaultText ?? (fallback ? 'on' : ''),
    negative: false,
    parse: () => true,
  };
}

/** Any text that is not empty: a file's path, a name. */
export function text<D extends string | undefined = undefined>(
  placeholder: string,
  description: string,
  settings: Settings<D> = {},
): OptionSpec<string | D> {
  return single(placeholder, description, settings, (given, flag) => {
    if (given === '') throw new ArgumentError(`${flag}: expected ${placeholder}, got an empty text`);
    return given;
  });
}

/** Any number of texts that are not empty, all kept: `--name a --name b`. */
export function texts(
  placeholder: string,
  description: string,
  { short }: { short?: string } = {},
): OptionSpec<readonly string[]> {
  return {
    ...common(placeholder, description, { short }),
    fallback: [],
    parse: (given, flag) => {
      if (given.includes('')) throw new ArgumentError(`${flag}: expected ${placeholder}, got an empty text`);
      return [...given];
    },
  };
}

/**
 * Paths of files that are not empty, all kept: `--name a --name b` or `--name a,b`. A comma in the path of a file that is
 * there does not separate; where the option is given several times, a text that names nothing is one path, too.
 */
export function paths(placeholder: string, description: string): OptionSpec<readonly string[]> {
  return {
    ...common(`${placeholder},…`, description, {}),
    fallback: [],
    parse: (given, flag) => {
      const found = given.flatMap((text) => {
        const split = splitPaths(text);
        return given.length === 1 || split.every((path) => existsSync(path)) ? split : [text];
      });
      if (found.includes('')) throw new ArgumentError(`${flag}: expected ${placeholder}, got an empty text`);
      return found;
    },
  };
}

/** The option, and also `--no-name` to go without it, which gives null. */
export function negatable<T>(option: OptionSpec<T>): OptionSpec<T | null> {
  return { ...option, negative: null };
}

/** An integer within a range. */
export function integer<D extends number | undefined = undefined>(
  placeholder: string,
  description: string,
  settings: Settings<D> & Range = {},
): OptionSpec<number | D> {
  return single(placeholder, description, settings, (given, flag) => parseInteger(given, flag, settings));
}

/** A finite number within a range. */
export function number<D extends number | undefined = undefined>(
  placeholder: string,
  description: string,
  settings: Settings<D> & OpenRange = {},
): OptionSpec<number | D> {
  return single(placeholder, description, settings, (given, flag) => parseNumber(given, flag, settings));
}

/** One of the given names. `word`: what a name is, in the message about one that is unknown; by default the option's own name. */
export function choice<const Name extends string, D extends NoInfer<Name> | undefined = undefined>(
  placeholder: string,
  names: readonly Name[],
  description: string,
  settings: Settings<D> & { word?: string } = {},
): OptionSpec<Name | D> {
  return single(placeholder, withNames(description, names), settings, (given, flag) =>
    parseChoice(given, flag, names, settings.word),
  );
}

/** Some of the given names: `--variant a,b` or `--variant a --variant b`; each name once. */
export function choices<const Name extends string, D extends readonly NoInfer<Name>[] | undefined = undefined>(
  placeholder: string,
  names: readonly Name[],
  description: string,
  settings: Settings<D> = {},
): OptionSpec<readonly Name[] | D> {
  return list(placeholder, withNames(description, names), settings, (given, flag) => parseChoice(given, flag, names));
}

/** Integers within a range, e.g. lengths: `1024,4096`; each once. */
export function integers<D extends readonly number[] | undefined = undefined>(
  placeholder: string,
  description: string,
  settings: Settings<D> & Range = {},
): OptionSpec<readonly number[] | D> {
  return list(placeholder, description, settings, (given, flag) => parseInteger(given, flag, settings));
}

/** Finite numbers: `0.25,0.5`; each once. */
export function numbers<D extends readonly number[] | undefined = undefined>(
  placeholder: string,
  description: string,
  settings: Settings<D> & Range = {},
): OptionSpec<readonly number[] | D> {
  return list(placeholder, description, settings, (given, flag) => parseNumber(given, flag, settings));
}

/** An option whose last given text counts. */
function single<T, D>(
  placeholder: string,
  description: string,
  settings: Settings<D>,
  parse: (given: string, flag: string) => T,
): OptionSpec<T | D> {
  return {
    ...common(placeholder, description, settings),
    parse: (texts, flag) => parse(texts[texts.length - 1], flag),
  };
}

function list<T, D>(
  placeholder: string,
  description: string,
  settings: Settings<D>,
  parse: (given: string, flag: string) => T,
): OptionSpec<readonly T[] | D> {
  return {
    ...common(`${placeholder},…`, description, settings),
    parse: (texts, flag) => {
      const parts = texts.flatMap((given) => given.split(','));
      return [...new Set(parts.map((part) => parse(part.trim(), flag)))];
    },
  };
}

function common<D>(placeholder: string, description: string, settings: Settings<D>) {
  // A missing default is undefined, and D then is too.
  const fallback = settings.default as D;
  const written = Array.isArray(fallback) ? fallback.join(',') : String(fallback ?? '');
  return {
    description,
    placeholder,
    short: settings.short,
    fallback,
    fallbackText: settings.defaultText ?? written,
  };
}

function withNames(description: string, names: readonly string[]): string {
  return `${description}: ${names.join(', ')}`;
}

function parseInteger(given: string, flag: string, range: Range): number {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = range;
  // Also 1e3 and 1.5e3, which people write for lengths and seeds.
  const value = /^[-+]?\d+((\.\d+)?e\+?\d+)?$/i.test(given) ? Number(given) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= minimum && value <= maximum) return value;
  throw new ArgumentError(`${flag}: expected an integer${inRange(minimum, maximum)}, got ${given || 'nothing'}`);
}

function parseNumber(given: string, flag: string, range: OpenRange): number {
  const { maximum = Number.POSITIVE_INFINITY } = range;
  const value = given.trim() === '' ? Number.NaN : Number(given);
  const refuse = (words: string) => new ArgumentError(`${flag}: expected a number${words}, got ${given || 'nothing'}`);
  const isBelow = Number.isFinite(value) && value <= maximum;
  if ('above' in range) {
    if (isBelow && value > range.above) return value;
    throw refuse(` above ${range.above}${Number.isFinite(maximum) ? `, at most ${maximum}` : ''}`);
  }
  const { minimum = Number.NEGATIVE_INFINITY } = range;
  if (isBelow && value >= minimum) return value;
  throw refuse(inRange(minimum, maximum));
}

function parseChoice<Name extends string>(
  given: string,
  flag: string,
  names: readonly Name[],
  word = flag.replace(/^--/, ''),
): Name {
  const found = names.find((name) => name === given);
  if (found !== undefined) return found;
  throw new ArgumentError(`${flag}: ${unknownName(word, given, names)}`);
}

function inRange(minimum: number, maximum: number): string {
  if (Number.isFinite(minimum) && Number.isFinite(maximum)) return ` from ${minimum} to ${maximum}`;
  if (Number.isFinite(minimum)) return ` of at least ${minimum}`;
  return Number.isFinite(maximum) ? ` of at most ${maximum}` : '';
}
