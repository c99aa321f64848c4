/** A script with options: its arguments, help, errors and exit codes, and how it stops. */
import { ArgumentError, EfficientTransformersError, UnsupportedError } from '../src/core/errors.ts';
import { parseArguments } from '../src/terminal/arguments.ts';
import type { CommandSpec } from '../src/terminal/help.ts';
import type { OptionSpecs, OptionValues } from '../src/terminal/options.ts';
import { Stop } from '../src/terminal/stop.ts';
import { endProgram, guardStreams } from '../src/terminal/streams.ts';
import { widthOf } from '../src/terminal/width.ts';

const [FAILED, MISUSED] = [1, 2];

/**
 * Runs `body`, whose result is the exit code, with the options and the words of this process. A typed error takes one line, with code 2
 * for invalid arguments, else 1.
 */
export async function runProgram<Specs extends OptionSpecs>(
  command: CommandSpec<Specs>,
  body: (values: OptionValues<Specs>, stop: Stop, words: readonly string[]) => Promise<number> | number,
): Promise<void> {
  guardStreams();
  const stop = new Stop();
  let code: number;
  try {
    const parsed = parseArguments(command, process.argv.slice(2), widthOf(process.stdout));
    if (parsed.help !== null) console.log(parsed.help);
    code = parsed.help === null ? await body(parsed.values, stop, parsed.positionals) : 0;
  } catch (error) {
    if (!(error instanceof EfficientTransformersError)) throw error;
    console.error(`Error: ${error.message}`);
    code = error instanceof ArgumentError || error instanceof UnsupportedError ? MISUSED : FAILED;
  } finally {
    stop.end();
  }
  await endProgram(code);
}
