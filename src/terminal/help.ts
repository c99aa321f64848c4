/** The text of `--help`. */

import { displayWidth } from './colour.ts';
import { flagName, type OptionSpecs } from './options.ts';

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
  examples?: readonly { command: string; explanation: string }[];
}

const WIDTH = 100;
const INDENT = '  ';

/** Summary, usage, options with their defaults, examples; wrapped to 100 columns, ends without a newline. */
export function formatHelp<Specs extends OptionSpecs>(command: CommandSpec<Specs>): string {
  const { usage, summary, details, options, positionals = [], examples = [] } = command;
  const words = positionals.map((name) => ` [${name}]`).join('');
  const rows = Object.entries(options).map(([key, { short, placeholder, description, fallback, fallbackText }]) => {
    const negatable = placeholder === null && fallback === true;
    const letter = short === undefined ? '' : `-${short}, `;
    const left = `${letter}--${negatable ? '[no-]' : ''}${flagName(key)}${placeholder === null ? '' : ` ${placeholder}`}`;
    return [left, fallbackText === '' ? description : `${description} (default: ${fallbackText})`];
  });
  const parts = [
    wrap(details === undefined ? summary : `${summary} ${details}`, WIDTH).join('\n'),
    `Usage: ${usage}${words} [options]`,
    `Options:\n${formatRows([...rows, ['-h, --help', 'Show this text']])}`,
  ];
  const shown = examples.map(({ command, explanation }) => `${INDENT}${command}\n${INDENT.repeat(3)}${explanation}`);
  if (shown.length > 0) parts.push(`Examples:\n${shown.join('\n')}`);
  return parts.join('\n\n');
}

/** Two columns, the second wrapped: options and what they do, or commands and their summaries. */
export function formatRows(rows: readonly (readonly string[])[]): string {
  const leftWidth = Math.min(32, Math.max(...rows.map(([left]) => displayWidth(left))));
  const hanging = `\n${' '.repeat(INDENT.length + leftWidth + 2)}`;
  const lines = rows.map(([left, right]) => {
    const space = leftWidth - displayWidth(left);
    // A left part too long for its column has the line to itself.
    const gap = space < 0 ? hanging : ' '.repeat(space + 2);
    return `${INDENT}${left}${gap}${wrap(right, WIDTH - INDENT.length - leftWidth - 2).join(hanging)}`;
  });
  return lines.join('\n');
}

/** Lines of at most `width` columns, broken between words; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(`${line} ${word}`) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
