/** The text of `--help`, which commander lays out. */

import { Command, type Help, type Option } from 'commander';
import { flagName, type OptionSpec, type OptionSpecs } from './options.ts';
import { displayWidth, proseWidth, wrap, wrapLines } from './width.ts';

/** A command as `--help` describes it and `parseArguments` reads it. */
export interface CommandSpec<Specs extends OptionSpecs> {
  /** As it is typed, e.g. `npm start -- compare`. */
  usage: string;
  /** One sentence. */
  summary: string;
  /** What else there is to say, under the summary. */
  details?: string;
  options: Specs;
  /** Names of what comes without a flag, in order, for `--help`; more than these is an error. None are required. */
  positionals?: readonly string[];
  examples?: readonly Example[];
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
  const { summary, details, options, examples = [] } = command;
  const byFlag = new Map(Object.entries(options).map(([key, spec]) => [flagName(key), spec]));
  const program = toCommander(command).description(details === undefined ? summary : `${summary} ${details}`);
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

/** The same of a program: its commands, a line each, and what there is to say at the end. */
export function formatOverview(program: OverviewSpec, columns?: number): string {
  const width = proseWidth(columns);
  const { usage, summary, commands, examples, ending } = program;
  const all = new Command(usage).usage('[COMMAND] [options]').description(summary);
  all
    .helpOption(HELP_FLAGS.join(', '), 'Show this text, or after a command its own')
    .option('--version', 'Show the version')
    .option('--import FILE', 'Load this module first: one that registers variants of your own');
  all.helpCommand('help [COMMAND]', 'Show what a command does, its options and examples');
  for (const command of commands) all.command(command.name).description(command.summary);
  return [layOut(all, width), ...formatExamples(examples, width), wrapLines(ending, width)].join('\n\n');
}

/** What commander says of a program, wrapped to `width` columns, without a newline at the end. */
function layOut(program: Command, width: number, terms: Partial<Help> = {}): string {
  program.configureHelp({ helpWidth: width, minWidthToWrap: 1, displayWidth, ...terms });
  return program.helpInformation().trimEnd();
}

function formatExamples(examples: readonly Example[], width: number): string[] {
  if (examples.length === 0) return [];
  const lines = examples.flatMap(({ command, explanation }) => {
    return [formatCommand(command, width), ...wrap(explanation, width - 6).map((line) => `      ${line}`)];
  });
  return [`Examples:\n${lines.join('\n')}`];
}

/** Before an option, so that it keeps its value. */
const COMMAND_BREAKS = / (?=--?[a-z])/;

/** A command to copy, on lines of its own: several are joined by backslashes, and are one where shells know none of these. */
export function formatCommand(command: string, width = Number.POSITIVE_INFINITY): string {
  const isWhole = displayWidth(command) + 2 <= width || process.platform === 'win32';
  const parts = isWhole ? [command] : wrap(command, width - 6, COMMAND_BREAKS);
  return `  ${parts.join(' \\\n    ')}`;
}

/**
 * The options under the names that they are written with, and the help. Values are optional, because commander then leaves
 * what looks like an option alone; `parseArguments` says what is missing.
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
