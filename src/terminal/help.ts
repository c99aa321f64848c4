/** The text of `--help`, which commander lays out. */

import { Command, type Help, type Option } from 'commander';
import { flagName, type OptionSpec, type OptionSpecs } from './options.ts';
import { displayWidth, formatPairs, proseWidth, wrap, wrapLines } from './width.ts';

/** A command, as `--help` describes it and `parseArguments` reads it. */
export interface CommandSpec<Specs extends OptionSpecs> {
  /** What the user types, e.g. `npm start -- compare`. */
  usage: string;
  /** One sentence. */
  summary: string;
  /** More sentences, after the summary. */
  details?: string;
  /** Names and what they mean, under the details: a title, then a line for each name. */
  lists?: readonly NamedList[];
  options: Specs;
  /** Names of the arguments without a flag, in order, for `--help`. None is required; more than these are an error. */
  positionals?: readonly string[];
  examples?: readonly Example[];
}

export interface NamedList {
  title: string;
  entries: readonly { name: string; summary: string }[];
}

export interface Example {
  command: string;
  explanation: string;
}

/** A program of several commands. */
export interface OverviewSpec {
  usage: string;
  summary: string;
  commands: readonly { name: string; summary: string }[];
  examples: readonly Example[];
  ending: string;
}

export const HELP_FLAGS = ['-h', '--help'] as const;

/** Usage, summary, options with their defaults, examples; for a terminal of `columns`, ends without a newline. */
export function formatHelp<Specs extends OptionSpecs>(command: CommandSpec<Specs>, columns?: number): string {
  const width = proseWidth(columns);
  const { summary, details, lists = [], options, examples = [] } = command;
  const byFlag = new Map(Object.entries(options).map(([key, spec]) => [flagName(key), spec]));
  const program = toCommander(command).description(
    [details === undefined ? summary : `${summary} ${details}`, ...formatLists(lists, width)].join('\n\n'),
  );
  const of = (option: Option, text: (spec: OptionSpec<unknown>) => string, own: string): string => {
    const spec = byFlag.get(option.name());
    return spec === undefined ? own : text(spec);
  };
  const help = layOut(program, width, {
    optionTerm: (option) => of(option, (spec) => termOf(option.name(), spec), option.flags),
    optionDescription: (option) => of(option, descriptionOf, option.description),
  });
  return [help, ...formatExamples(examples, width)].join('\n\n');
}

/** The help of a program: its commands, one a line, its examples and the closing text. */
export function formatOverview(program: OverviewSpec, columns?: number): string {
  const width = proseWidth(columns);
  const { usage, summary, commands, examples, ending } = program;
  const all = new Command(usage).usage('[COMMAND] [options]').description(summary);
  all
    .helpOption(HELP_FLAGS.join(', '), 'Show this text, or the help of a command')
    .option('--version', 'Show the version')
    .option(
      '--import FILE',
      'First load this module, which registers your own variants; examples/own-variant.mjs is one',
    );
  all.helpCommand('help [COMMAND]', 'Show what a command does, its options and examples');
  for (const command of commands) all.command(command.name).description(command.summary);
  return [layOut(all, width), ...formatExamples(examples, width), wrapLines(ending, width)].join('\n\n');
}

/** The help that commander writes for a program, wrapped to `width` columns, without a newline at the end. */
function layOut(program: Command, width: number, terms: Partial<Help> = {}): string {
  program.configureHelp({ helpWidth: width, minWidthToWrap: 1, displayWidth, ...terms });
  return program.helpInformation().trimEnd();
}

/** Wrapped here: commander would wrap the lines, but not indent what follows of them. */
function formatLists(lists: readonly NamedList[], width: number): string[] {
  return lists.map(({ title, entries }) => {
    const pairs = entries.map(({ name, summary }) => [name, summary] as const);
    return `${title}:\n${formatPairs(pairs, width - 2).replace(/^/gm, '  ')}`;
  });
}

function formatExamples(examples: readonly Example[], width: number): string[] {
  if (examples.length === 0) return [];
  const lines = examples.flatMap(({ command, explanation }) => {
    return [formatCommand(command, width), ...wrap(explanation, width - 6).map((line) => `      ${line}`)];
  });
  return [`Examples:\n${lines.join('\n')}`];
}

/** Break before an option, so that the option keeps its value. */
const COMMAND_BREAKS = / (?=--?[a-z])/;

/** A command to copy, on its own lines. Backslashes join several lines; on Windows, whose shells have none, it stays one line. */
export function formatCommand(command: string, width = Number.POSITIVE_INFINITY): string {
  const isWhole = displayWidth(command) + 2 <= width || process.platform === 'win32';
  const parts = isWhole ? [command] : wrap(command, width - 6, COMMAND_BREAKS);
  return `  ${parts.join(' \\\n    ')}`;
}

/**
 * The options as commander knows them, under the names that users type, and `--help`. Values are optional here, so that
 * commander does not take the next option for a value; `parseArguments` reports a missing value.
 */
export function toCommander<Specs extends OptionSpecs>({
  usage,
  options,
  positionals = [],
}: CommandSpec<Specs>): Command {
  const program = new Command(usage).helpOption(HELP_FLAGS.join(', '), 'Show this text');
  for (const name of positionals) program.argument(`[${name}]`);
  for (const [key, { short, placeholder, negative }] of Object.entries(options)) {
    const letter = short === undefined ? '' : `-${short}, `;
    program.option(`${letter}--${flagName(key)}${placeholder === null ? '' : ' [value]'}`);
    if (negative !== undefined) program.addOption(program.createOption(`--no-${flagName(key)}`).hideHelp());
  }
  return program;
}

function termOf(name: string, { short, placeholder, fallback }: OptionSpec<unknown>): string {
  const letter = short === undefined ? '' : `-${short}, `;
  const negatable = placeholder === null && fallback === true;
  return `${letter}--${negatable ? '[no-]' : ''}${name}${placeholder === null ? '' : ` ${placeholder}`}`;
}

function descriptionOf({ description, fallbackText }: OptionSpec<unknown>): string {
  return fallbackText === '' ? description : `${description} (default: ${fallbackText})`;
}
