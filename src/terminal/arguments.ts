/** From a command's arguments to typed values, on `parseArgs` of node:util for the splitting. */

import { parseArgs } from 'node:util';
import { ArgumentError } from '../core/errors.ts';
import { type CommandSpec, formatHelp } from './help.ts';
import { flagName, type OptionSpec, type OptionSpecs, type OptionValues } from './options.ts';
import { nearestName } from './suggest.ts';

export type ParsedArguments<Specs extends OptionSpecs> =
  | { help: string }
  | { help: null; values: OptionValues<Specs>; positionals: string[]; given: ReadonlySet<keyof Specs> };

/**
 * What the arguments (without node and the script) say. `--help` or `-h` gives the help text instead, whatever else
 * is there; `given` holds the options that were written out. Throws ArgumentError for an unknown option (naming the
 * nearest), a missing or a wrong value, and a stray word.
 */
export function parseArguments<Specs extends OptionSpecs>(
  command: CommandSpec<Specs>,
  args: readonly string[],
): ParsedArguments<Specs> {
  const byName = namesOf(command.options);
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries([...byName].map(([name, { spec }]) => [name, parserOption(spec)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  // Without `strict`, an option it does not know is a flag: `--helpp` must not hide behind that.
  const asksForHelp = tokens.some((token) => token.kind === 'option' && (token.name === 'help' || token.name === 'h'));
  if (asksForHelp) return { help: formatHelp(command) };

  const texts = new Map<keyof Specs, string[]>();
  const negated = new Set<keyof Specs>();
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const positive = byName.get(token.name);
    const negative = token.name.startsWith('no-') ? byName.get(token.name.slice(3)) : undefined;
    const option = positive ?? (negative?.spec.negative === undefined ? undefined : negative);
    if (option === undefined) throw unknownOption(token.rawName, [...byName.keys()]);
    negated.delete(option.key);
    if (positive === undefined) negated.add(option.key);
    if (option.spec.placeholder === null || positive === undefined) {
      if (token.value !== undefined) throw new ArgumentError(`${token.rawName}: takes no value, got '${token.value}'`);
      texts.set(option.key, []);
      continue;
    }
    texts.set(option.key, [...(texts.get(option.key) ?? []), valueAfter(token, option.spec.placeholder)]);
  }
  const allowed = command.positionals?.length ?? 0;
  if (positionals.length > allowed) throw strayWord(positionals[allowed], allowed, [...byName.keys()]);

  const values: Partial<Record<keyof Specs, unknown>> = {};
  for (const [name, { key, spec }] of byName) {
    const given = texts.get(key);
    if (negated.has(key)) values[key] = spec.negative;
    else values[key] = given === undefined ? spec.fallback : spec.parse(given, `--${name}`);
  }
  return { help: null, values: values as OptionValues<Specs>, positionals, given: new Set(texts.keys()) };
}

function namesOf<Specs extends OptionSpecs>(
  options: Specs,
): Map<string, { key: keyof Specs; spec: OptionSpec<unknown> }> {
  return new Map(Object.entries(options).map(([key, spec]) => [flagName(key), { key, spec }]));
}

function parserOption({ placeholder, short }: OptionSpec<unknown>) {
  const type = placeholder === null ? ('boolean' as const) : ('string' as const);
  return short === undefined ? { type } : { type, short };
}

function valueAfter(token: { rawName: string; value?: string; inlineValue?: boolean }, placeholder: string): string {
  const looksLikeFlag = token.inlineValue !== true && token.value !== undefined && /^--?[a-z]/i.test(token.value);
  if (token.value !== undefined && !looksLikeFlag) return token.value;
  const instead = looksLikeFlag ? `, got the option ${token.value}` : '';
  throw new ArgumentError(`${token.rawName}: expected a value, ${placeholder}, after it${instead}`);
}

function unknownOption(rawName: string, names: readonly string[]): ArgumentError {
  const nearest = nearestName(rawName.replace(/^-+/, ''), [...names, 'help']);
  const question = nearest === undefined ? 'see --help' : `did you mean --${nearest}?`;
  return new ArgumentError(`unknown option ${rawName}: ${question}`);
}

function strayWord(word: string, allowed: number, names: readonly string[]): ArgumentError {
  const isOption = names.includes(word) || names.includes(word.split('=')[0]);
  const hint = isOption ? `did you mean --${word}?` : 'see --help';
  const expected = allowed === 0 ? 'options only' : `at most ${allowed} without a flag`;
  return new ArgumentError(`unexpected argument '${word}': expected ${expected}; ${hint}`);
}
