/**
 * Options of a variant, each declared once: its TypeScript type, validation, default, command-line form, documentation and
 * random draws in the laws all follow from the entry.
 *
 *     const options = {
 *       attentionWindow: integer({ symbol: 'w', minimum: 1, default: 512, description: 'tokens in the window' }),
 *     };
 *     type Options = OptionsOf<typeof options>;        // { causal: boolean; attentionWindow: number }
 */
import { ArgumentError, describe, expectInteger } from '../core/errors.ts';
import { expectEntry } from './check-schema.ts';
import type { CommonOptions } from './variant.ts';

/**
 * The given options, and the defaults of the entries above. A default can depend on these, so that it does not contradict
 * them.
 */
export type Known = Readonly<Record<string, unknown>>;

/** The value if none is given; it may depend on the sequence length. */
export type Default<Value> = Value | ((sequenceLength: number, known: Known) => Value);

interface Described<Value> {
  /** The paper's symbol, if it has one. */
  symbol?: string;
  description: string;
  default: Default<Value>;
  /** Only for training, like dropout: evaluation sets the option to 0. */
  trainingOnly?: true;
  /** Only a layer reads it, to make the gates: `attend` gets these from outside, and computes the same with any value. */
  layerOnly?: true;
}

/** A whole number; the limits may depend on the sequence length. */
export interface IntegerOption extends Described<number> {
  kind: 'integer';
  minimum: number;
  maximum?: (sequenceLength: number) => number;
  /** The most at any length, where there is no `maximum`: more would be a mistake and would take forever. */
  limit?: number;
  /** Must be a multiple of this. */
  multipleOf?: number;
}

/** An option that is a number within limits. */
export interface NumberOption extends Described<number> {
  kind: 'number';
  minimum: number;
  maximum: number;
}

/** An option that takes one of a few words. */
export interface ChoiceOption<Choice extends string = string> extends Described<Choice> {
  kind: 'choice';
  choices: readonly Choice[];
}

/** An option that is true or false. */
export interface BooleanOption extends Described<boolean> {
  kind: 'boolean';
}

/** A list of whole numbers: one for each head, or distinct positions of the sequence. */
export interface IntegerListOption extends Described<readonly number[]> {
  kind: 'integers';
  per: 'head' | 'position';
  minimum: number;
  maximum?: (sequenceLength: number) => number;
}

/** The description of one option: its kind, its limits, its default and what it means. */
export type OptionSchema = IntegerOption | NumberOption | ChoiceOption | BooleanOption | IntegerListOption;
export type OptionSchemas = Readonly<Record<string, OptionSchema>>;

/** Declares an option that is a whole number, of at least `minimum`. Throws ArgumentError for an entry that lacks a part. */
export function integer(entry: Omit<IntegerOption, 'kind'>): IntegerOption {
  expectEntry('entry', entry, 'integer');
  return { ...entry, kind: 'integer' };
}

/** Declares an option that is a number from `minimum` to `maximum`. Throws ArgumentError for an entry that lacks a part. */
export function number(entry: Omit<NumberOption, 'kind'>): NumberOption {
  expectEntry('entry', entry, 'number');
  return { ...entry, kind: 'number' };
}

/** Declares an option that is true or false. Throws ArgumentError for an entry that lacks a part. */
export function boolean(entry: Omit<BooleanOption, 'kind'>): BooleanOption {
  expectEntry('entry', entry, 'boolean');
  return { ...entry, kind: 'boolean' };
}

/**
 * Declares an option that is a list of whole numbers: one for each head, or distinct positions. Throws ArgumentError for an
 * entry that lacks a part.
 */
export function integers(entry: Omit<IntegerListOption, 'kind'>): IntegerListOption {
  expectEntry('entry', entry, 'integers');
  return { ...entry, kind: 'integers' };
}

/**
 * Declares an option that is one of the words `choices`; its type is that of these words. Throws ArgumentError for an entry
 * that lacks a part.
 */
export function choice<const Choice extends string>(entry: Omit<ChoiceOption<Choice>, 'kind'>): ChoiceOption<Choice> {
  expectEntry('entry', entry, 'choice');
  return { ...entry, kind: 'choice' };
}

type ValueOf<Schema> =
  Schema extends ChoiceOption<infer Choice>
    ? Choice
    : Schema extends BooleanOption
      ? boolean
      : Schema extends IntegerListOption
        ? number[]
        : number;

/** The options that entries declare, and those of every variant. Doc comments of the entries are kept. */
export type OptionsOf<Schemas> = CommonOptions & { -readonly [Name in keyof Schemas]: ValueOf<Schemas[Name]> };

/** The option of every variant. It is true for one that reads in one direction only (see `supports.bidirectional`). */
export const causalOption: BooleanOption = boolean({
  default: false,
  description: 'whether a token sees only itself and those before it',
});

/** All options: the given ones, and defaults for the others, filled in one after another. */
export function withDefaults(schemas: OptionSchemas, sequenceLength: number, asked: Known): Record<string, unknown> {
  const known: Record<string, unknown> = { ...asked };
  for (const [name, { default: value }] of Object.entries<{ default: unknown }>(schemas)) {
    if (known[name] !== undefined) continue;
    const made = typeof value === 'function' ? value(sequenceLength, known) : value;
    known[name] = Array.isArray(made) ? [...made] : made;
  }
  return Object.fromEntries(Object.keys(schemas).map((name) => [name, known[name]]));
}

/** The largest value of an integer option at this length; undefined: any. */
export function largestOf({ maximum, limit }: IntegerOption, sequenceLength: number): number | undefined {
  return maximum?.(sequenceLength) ?? limit;
}

/** Throws ArgumentError unless `value` fits its schema at this length. `name` names it in the message. */
export function checkOption(name: string, value: unknown, schema: OptionSchema, sequenceLength: number): void {
  if (schema.kind === 'integer') {
    expectInteger(name, value, schema.minimum, largestOf(schema, sequenceLength));
    const step = schema.multipleOf ?? 1;
    if ((value as number) % step !== 0)
      throw new ArgumentError(`${name}: expected a multiple of ${step}, got ${describe(value)}`);
  } else if (schema.kind === 'number') {
    if (typeof value !== 'number' || !(value >= schema.minimum && value <= schema.maximum)) {
      throw new ArgumentError(
        `${name}: expected a number from ${schema.minimum} to ${schema.maximum}, got ${describe(value)}`,
      );
    }
  } else if (schema.kind === 'choice') {
    if (!schema.choices.includes(value as string)) {
      throw new ArgumentError(`${name}: expected one of ${schema.choices.join(', ')}, got ${describe(value)}`);
    }
  } else if (schema.kind === 'boolean') {
    if (typeof value !== 'boolean') throw new ArgumentError(`${name}: expected true or false, got ${describe(value)}`);
  } else {
    checkList(name, value, schema, sequenceLength);
  }
}

function checkList(name: string, value: unknown, schema: IntegerListOption, sequenceLength: number): void {
  if (!Array.isArray(value)) throw new ArgumentError(`${name}: expected a list of integers, got ${describe(value)}`);
  const maximum = schema.per === 'position' ? sequenceLength - 1 : schema.maximum?.(sequenceLength);
  for (const [index, entry] of value.entries()) expectInteger(`${name}[${index}]`, entry, schema.minimum, maximum);
  if (schema.per === 'position' && new Set(value).size !== value.length) {
    throw new ArgumentError(`${name}: expected distinct positions, got ${value.join(', ')}`);
  }
}
