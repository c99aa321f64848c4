/** Options of variants as they are written on a command line: `attentionWindow=64`, `longformer.globalPositions=0,5`. */

import { ArgumentError } from '../core/errors.ts';
import { unknownName } from '../terminal/suggest.ts';
import type { OptionSchema, OptionSchemas } from '../variants/options.ts';
import type { AnyVariant } from '../variants/registry.ts';

/** What has options: a variant, or a kind of feed-forward layer. */
export interface Optioned {
  readonly name: string;
  readonly options: OptionSchemas;
}

/** The parsed options of each variant; `checkOptions` checks their ranges when the length is known. */
export type WrittenOptions = ReadonlyMap<AnyVariant, Readonly<Record<string, unknown>>>;

/**
 * `NAME=VALUE` sets an option of every chosen variant that has it, `VARIANT.NAME=VALUE` of that one. Throws
 * ArgumentError for a text of another form, a name that no chosen variant has, or a value of the wrong kind; `flag` is
 * the name of the option in the message, e.g. `--option`, and `what` the word for what has options.
 */
export function parseOptionTexts<Owner extends Optioned = AnyVariant>(
  variants: readonly Owner[],
  texts: readonly string[],
  flag: string,
  what = 'variant',
): ReadonlyMap<Owner, Readonly<Record<string, unknown>>> {
  const written = new Map(variants.map((variant) => [variant, {} as Record<string, unknown>]));
  for (const text of texts) {
    const [, owner, name, value] = /^(?:([\w-]+)\.)?(\w+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw new ArgumentError(`${flag}: expected NAME=VALUE, got '${text}'`);
    const meant = owner === undefined ? variants : variants.filter((variant) => variant.name === owner);
    if (meant.length === 0) {
      throw new ArgumentError(
        `${flag}: ${unknownName(
          what,
          owner,
          variants.map((variant) => variant.name),
        )}`,
      );
    }
    const having = meant.filter((variant) => Object.hasOwn(schemasOf(variant), name));
    if (having.length === 0) {
      const known = [...new Set(meant.flatMap((variant) => Object.keys(schemasOf(variant))))];
      throw new ArgumentError(`${flag}: ${unknownName('option', name, known)}`);
    }
    for (const variant of having) {
      const values = written.get(variant) as Record<string, unknown>;
      values[name] = parseValue(schemasOf(variant)[name], value, `${flag} ${name}`);
    }
  }
  return written;
}

/** `NAME=A/B/…` as lists of values, one for each layer, of every variant that has the option. Throws as `parseOptionTexts`. */
export function parseLayerOptionTexts(
  variants: readonly AnyVariant[],
  texts: readonly string[],
  flag: string,
): ReadonlyMap<AnyVariant, Record<string, unknown[]>> {
  const found = new Map<AnyVariant, Record<string, unknown[]>>();
  for (const written of texts) {
    const [, name, list] = /^([^=]*)=(.*)$/s.exec(written) ?? [];
    if (name === undefined) throw new ArgumentError(`${flag}: expected NAME=A/B/…, got '${written}'`);
    for (const value of list.split('/')) {
      for (const [variant, options] of parseOptionTexts(variants, [`${name}=${value}`], flag)) {
        const lists = found.get(variant) ?? {};
        for (const [option, parsed] of Object.entries(options)) lists[option] = [...(lists[option] ?? []), parsed];
        if (Object.keys(options).length > 0) found.set(variant, lists);
      }
    }
  }
  return found;
}

/** `attentionWindow = 64, globalPositions = 0 5`, for captions: the options that differ from `except`. */
export function formatOptions(options: object, except: object = {}): string {
  const others = except as Record<string, unknown>;
  return Object.entries(options)
    .filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(others[name]))
    .map(([name, value]) => `${name} = ${Array.isArray(value) ? value.join(' ') || 'none' : String(value)}`)
    .join(', ');
}

function schemasOf(variant: Optioned): Record<string, OptionSchema> {
  return variant.options;
}

function parseValue(schema: OptionSchema, text: string, name: string): unknown {
  if (schema.kind === 'choice') {
    if (schema.choices.includes(text)) return text;
    throw new ArgumentError(`${name}: ${unknownName('choice', text, schema.choices)}`);
  }
  if (schema.kind === 'boolean') {
    if (text === 'true' || text === 'false') return text === 'true';
    throw new ArgumentError(`${name}: expected true or false, got '${text}'`);
  }
  if (schema.kind === 'integers') {
    // An empty value is an empty list.
    return text.trim() === '' ? [] : text.split(',').map((part) => parseNumber(part, name));
  }
  return parseNumber(text, name);
}

function parseNumber(text: string, name: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new ArgumentError(`${name}: expected a number, got '${text}'`);
}
