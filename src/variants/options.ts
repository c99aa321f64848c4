/**
 * Option schemas: a few words of data about each option, from which come its validation, its command-line form, its
 * documentation and its random draws in the laws.
 */
import { ArgumentError, describe, expectInteger } from '../core/errors.ts';

interface Described {
  /** The paper's symbol, if it has one. */
  symbol?: string;
  description: string;
  /** Only for training, like dropout: an evaluation sets the option to 0. */
  trainingOnly?: true;
}

/** A whole number; the limits may depend on the sequence length. */
export interface IntegerOption extends Described {
  kind: 'integer';
  minimum: number;
  maximum?: (sequenceLength: number) => number;
  /** The most at any length, where none sets a limit: more would be a slip of the pen, and work without an end. */
  limit?: number;
  /** Must be a multiple of this. */
  multipleOf?: number;
}

export interface NumberOption extends Described {
  kind: 'number';
  minimum: number;
  maximum: number;
}

export interface ChoiceOption extends Described {
  kind: 'choice';
  choices: readonly string[];
}

export interface BooleanOption extends Described {
  kind: 'boolean';
}

/** A list of whole numbers: one for each head, or distinct positions of the sequence. */
export interface IntegerListOption extends Described {
  kind: 'integers';
  per: 'head' | 'position';
  minimum: number;
  maximum?: (sequenceLength: number) => number;
}

export type OptionSchema = IntegerOption | NumberOption | ChoiceOption | BooleanOption | IntegerListOption;

export const OPTION_KINDS: readonly OptionSchema['kind'][] = ['integer', 'number', 'choice', 'boolean', 'integers'];

/** The largest value of an integer option at this length; undefined: any. */
export function largestOf({ maximum, limit }: IntegerOption, sequenceLength: number): number | undefined {
  return maximum?.(sequenceLength) ?? limit;
}

/** Throws ArgumentError unless `value` fits its schema at this length. `name` is how the message calls it. */
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
