/** A command of the command line: a name, a description for `--help`, and a body. */
import { type ParsedArguments, parseArguments } from '../terminal/arguments.ts';
import { CLEARED, type TerminalStream } from '../terminal/colour.ts';
import type { CommandSpec } from '../terminal/help.ts';
import type { OptionSpecs } from '../terminal/options.ts';
import { Stop } from '../terminal/stop.ts';
import { widthOf } from '../terminal/width.ts';
import { type CommandName, summaries } from './summaries.ts';

export { widthOf };

/** Where a command writes: results to `stdout`, messages about them to `stderr` where stdout is taken. */
export interface Host {
  stdout: TerminalStream;
  stderr: TerminalStream;
}

/** What a command's body gets in addition to its values. */
export interface Running extends Host {
  /** Asked by loops that run long. */
  stop: Stop;
}

export interface Command {
  readonly name: CommandName;
  /** Called for every run of the command, because it lists the variants registered by then. */
  describe(): CommandSpec<OptionSpecs>;
  /** The exit code. Throws ArgumentError for invalid arguments, before any work. */
  run(args: readonly string[], host: Host): Promise<number>;
}

/** What a command's body gets. */
export type Given<Specs extends OptionSpecs> = Exclude<ParsedArguments<Specs>, { help: string }>;

/** How this program is called: installed, which is the built package, or from a checkout. */
export const PROGRAM = isInstalled() ? 'efficient-transformers' : 'npm start --';

/** A file for an example: one of this repository in a checkout, else a file name that a user might have. */
export function exampleFile(inCheckout: string, ofUser: string): string {
  return isInstalled() ? ofUser : inCheckout;
}

function isInstalled(): boolean {
  return /\/dist\/commands\/[^/]*$/.test(import.meta.url);
}

/** A command whose body gets typed values; `--help` is answered here, with the summary of summaries.ts. */
export function defineCommand<Specs extends OptionSpecs>(
  name: CommandName,
  describeOptions: () => Omit<CommandSpec<Specs>, 'summary'>,
  body: (given: Given<Specs>, host: Running) => Promise<number>,
): Command {
  const describe = () => ({ summary: summaries[name], ...describeOptions() });
  return {
    name,
    describe,
    async run(args, host) {
      const parsed = parseArguments(describe(), args, widthOf(host.stdout));
      if (parsed.help !== null) {
        host.stdout.write(`${parsed.help}\n`);
        return 0;
      }
      const stop = new Stop();
      try {
        return await body(parsed, { stdout: host.stdout, stderr: host.stderr, stop });
      } finally {
        stop.end();
      }
    },
  };
}

/** The message for the first signal: `when` the work ends, e.g. `after this step`. */
export function announceStop({ stderr }: Host, when: string): (signal: string) => void {
  // A progress bar may be on the line.
  return (signal) => stderr.write(`${CLEARED}${signal}: stopping ${when}; once more ends at once\n`);
}
