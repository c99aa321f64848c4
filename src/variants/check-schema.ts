/** The required parts of an option's declaration, checked where it is written and where a variant is made from it. */
import {
  type Check,
  expectBoolean,
  expectFunction,
  expectRecord,
  expectText,
  integerOf,
  listOf,
  numberOf,
  oneOf,
  optional,
} from '../core/expect.ts';
import type { OptionSchema } from './options.ts';

export const OPTION_KINDS: readonly OptionSchema['kind'][] = ['integer', 'number', 'choice', 'boolean', 'integers'];

const anyNumber = numberOf(-Number.MAX_VALUE, Number.MAX_VALUE);
const may = optional(expectFunction);

/** A default, or a function that computes it. */
const valueOr =
  (check: Check): Check =>
  (name, value) => {
    if (typeof value !== 'function') check(name, value);
  };

/** The parts of an option of each kind besides its description: its limits or its words, and its default. */
const MEMBERS: Readonly<Record<OptionSchema['kind'], Readonly<Record<string, Check>>>> = {
  integer: {
    ...{ minimum: anyNumber, maximum: may, limit: optional(anyNumber), multipleOf: optional(integerOf(1)) },
    default: valueOr(integerOf(Number.MIN_SAFE_INTEGER)),
  },
  number: { minimum: anyNumber, maximum: anyNumber, default: valueOr(anyNumber) },
  choice: { choices: listOf(expectText, 1), default: valueOr(expectText) },
  boolean: { default: valueOr(expectBoolean) },
  integers: { per: oneOf('head', 'position'), minimum: anyNumber, maximum: may, default: valueOr(listOf(anyNumber)) },
};

/** Throws ArgumentError unless it is the declaration of an option. */
export function expectSchema(name: string, value: unknown): void {
  expectRecord(name, value, { kind: oneOf(...OPTION_KINDS) });
  expectEntry(name, value, value.kind as OptionSchema['kind']);
}

/** Throws ArgumentError unless it is a declaration of an option of this kind; the declaration need not name the kind. */
export function expectEntry(name: string, value: unknown, kind: OptionSchema['kind']): void {
  expectRecord(name, value, { symbol: optional(expectText), description: expectText, ...MEMBERS[kind] });
}
