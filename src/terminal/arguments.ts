/** From a command's arguments to typed values: commander splits them, and each option says what its texts mean. */

import type { Option } from 'commander';
import { ArgumentError } from '../core/errors.ts';
import { type CommandSpec, formatHelp, HELP_FLAGS, toCommander } from './help.ts';
import { flagName, type OptionSpec, type OptionSpecs, type OptionValues } from './options.ts';
import { nearestName } from './suggest.ts';

export type ParsedArguments<Specs extends OptionSpecs> =
  | { help: string }
  | { help: null; values: OptionValues<Specs>; positionals: string[]; given: ReadonlySet<keyof Specs> };

/** What was written of one option: its texts (a flag has none), that it was switched off, or that a value is missing. */
interface Written {
  texts: string[];
  isNegated: boolean;
  lacksValue: boolean;
}

/**
 * What the arguments (without node and the script) say. `--help` or `-h` gives the help text instead, for a terminal of
 * `columns`, whatever else is there; `given` holds the options that were written out. Throws ArgumentError for an
 * unknown option (naming the nearest), a missing or a wrong value, and a stray word.
 */
export function parseArguments<Specs extends OptionSpecs>(
  command: CommandSpec<Specs>,
  args: readonly string[],
  columns?: number,
): ParsedArguments<Specs> {
  const byName = new Map(Object.keys(command.options).map((key): [string, keyof Specs] => [flagName(key), key]));
  const written = new Map<keyof Specs, Written>();
  const parser = toCommander(command);
  for (const [name, key] of byName) {
    const of = () => written.get(key) ?? { texts: [], isNegated: false, lacksValue: false };
    parser.on(`option:${name}`, (text?: string | null) => {
      const { texts, lacksValue } = of();
      const added = typeof text === 'string' ? [...texts, text] : texts;
      written.set(key, { texts: added, isNegated: false, lacksValue: lacksValue || text === null });
    });
    parser.on(`option:no-${name}`, () => written.set(key, { ...of(), texts: [], isNegated: true }));
  }
  const { operands, unknown } = parser.parseOptions([...args]);
  if (unknown.some((word) => (HELP_FLAGS as readonly string[]).includes(word)))
    return { help: formatHelp(command, columns) };

  const names = [...byName.keys()];
  for (const [key, { lacksValue }] of written) {
    if (lacksValue) throw missingValue(flagName(String(key)), command.options[key], args);
  }
  if (unknown.length > 0) throw unknownOption(unknown[0], names, parser.options);
  const allowed = command.positionals?.length ?? 0;
  if (operands.length > allowed) throw strayWord(operands[allowed], allowed, names);

  const values: Partial<Record<keyof Specs, unknown>> = {};
  for (const [name, key] of byName) {
    const spec = command.options[key];
    const own = written.get(key);
    if (own === undefined) values[key] = spec.fallback;
    else values[key] = own.isNegated ? spec.negative : spec.parse(own.texts, `--${name}`);
  }
  return { help: null, values: values as OptionValues<Specs>, positionals: operands, given: new Set(written.keys()) };
}

function missingValue(name: string, { placeholder }: OptionSpec<unknown>, args: readonly string[]): ArgumentError {
  const next = args.find((word, n) => args[n - 1] === `--${name}` && word.startsWith('-'));
  const instead =
    next === undefined ? '' : `, got the option ${next}; a value that begins so is written --${name}=${next}`;
  return new ArgumentError(`--${name}: expected a value, ${placeholder}, after it${instead}`);
}

function unknownOption(word: string, names: readonly string[], known: readonly Option[]): ArgumentError {
  const [flag, value] = word.split(/=(.*)/s);
  if (known.some(({ long, short }) => flag === long || flag === short)) {
    return new ArgumentError(`${flag}: takes no value, got '${value}'`);
  }
  const nearest = nearestName(flag.replace(/^-+/, ''), [...names, 'help']);
  const question = nearest === undefined ? 'see --help' : `did you mean --${nearest}?`;
  return new ArgumentError(`unknown option ${flag}: ${question}`);
}

function strayWord(word: string, allowed: number, names: readonly string[]): ArgumentError {
  const isOption = names.includes(word) || names.includes(word.split('=')[0]);
  const hint = isOption ? `did you mean --${word}?` : 'see --help';
  const expected = allowed === 0 ? 'options only' : `at most ${allowed} without a flag`;
  return new ArgumentError(`unexpected argument '${word}': expected ${expected}; ${hint}`);
}
