/** What a command is to the command line: a name, a description that `--help` is made of, and a body. */
import { type ParsedArguments, parseArguments } from '../terminal/arguments.ts';
import { CLEARED, type TerminalStream } from '../terminal/colour.ts';
import type { CommandSpec } from '../terminal/help.ts';
import type { OptionSpecs } from '../terminal/options.ts';
import { Stop } from '../terminal/stop.ts';
import { widthOf } from '../terminal/width.ts';
import { type CommandName, summaries } from './summaries.ts';

export { widthOf };

/** Where a command speaks: results to `stdout`, everything about them to `stderr` where stdout is taken. */
export interface Host {
  stdout: TerminalStream;
  stderr: TerminalStream;
}

/** What a command's body gets beside its values. */
export interface Running extends Host {
  /** Asked by loops that run long. */
  stop: Stop;
}

export interface Command {
  readonly name: CommandName;
  /** Made anew for every call, because it lists the variants that are registered by then. */
  describe(): CommandSpec<OptionSpecs>;
  /** The exit code. Throws ArgumentError for invalid arguments, before any work. */
  run(args: readonly string[], host: Host): Promise<number>;
}

/** What a command's body gets. */
export type Given<Specs extends OptionSpecs> = Exclude<ParsedArguments<Specs>, { help: string }>;

/** How this program is called: installed, which is the built package, or from a checkout. */
export const PROGRAM = isInstalled() ? 'efficient-transformers' : 'npm start --';

/** A file that an example names: one of this repository, or where that is not at hand one by a name of the user's. */
export function exampleFile(inCheckout: string, ofUser: string): string {
  return isInstalled() ? ofUser : inCheckout;
}

function isInstalled(): boolean {
  return /\/dist\/commands\/[^/]*$/.test(import.meta.url);
}

/** A command whose body gets typed values; `--help` is answered here, and says the summary of summaries.ts. */
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

/** What is said of the first signal: `when` the work ends, e.g. `after this step`. */
export function tellStop({ stderr }: Host, when: string): (signal: string) => void {
  // A bar may be on the line.
  return (signal) => stderr.write(`${CLEARED}${signal}: stopping ${when}; once more ends at once\n`);
}
