/** A script with options: its arguments, its help, and what it says and returns where it is used wrongly. */
import { EfficientTransformersError } from '../src/core/errors.ts';
import { parseArguments } from '../src/terminal/arguments.ts';
import type { CommandSpec } from '../src/terminal/help.ts';
import type { OptionSpecs, OptionValues } from '../src/terminal/options.ts';

/** Runs `body`, whose result is the exit code, with what this process was called with; 2 for an error that has a type. */
export async function runProgram<Specs extends OptionSpecs>(
  command: CommandSpec<Specs>,
  body: (values: OptionValues<Specs>) => Promise<number>,
): Promise<void> {
  try {
    const parsed = parseArguments(command, process.argv.slice(2));
    if (parsed.help !== null) console.log(parsed.help);
    else process.exitCode = await body(parsed.values);
  } catch (error) {
    if (!(error instanceof EfficientTransformersError)) throw error;
    console.error(`Error: ${error.message}`);
    process.exitCode = 2;
  }
}
