/** From the arguments to a command, and from an error to a message and an exit code. */
import { packageVersion } from '../compare/environment.ts';
import { ArgumentError } from '../core/errors.ts';
import { formatOverview } from '../terminal/help.ts';
import { screen } from '../terminal/screen.ts';
import { unknownName } from '../terminal/suggest.ts';
import { type Command, type Host, PROGRAM, widthOf } from './command.ts';
import { compareCommand } from './compare.ts';
import { doctorCommand } from './doctor.ts';
import { evalCommand } from './eval.ts';
import { exportCommand } from './export.ts';
import { tellFailure } from './failure.ts';
import { generateCommand } from './generate.ts';
import { importCommand } from './import.ts';
import { patternsCommand } from './patterns.ts';
import { trainCommand } from './train.ts';
import { variantsCommand } from './variants.ts';

export const commands: readonly Command[] = [
  compareCommand,
  patternsCommand,
  trainCommand,
  generateCommand,
  evalCommand,
  exportCommand,
  importCommand,
  variantsCommand,
  doctorCommand,
];

/** Runs what `args` (without node and the script) ask for and returns the exit code. Throws nothing. */
export async function run(args: readonly string[], { stdout, stderr }: Host): Promise<number> {
  const host = { stdout: screen(stdout), stderr: screen(stderr) };
  let command: Command | null = null;
  try {
    const [first, ...rest] = args;
    if (first === '--version') return answer(packageVersion(), host);
    if (first === '--help' || first === '-h') return answer(overview(host), host);
    if (first === 'help') {
      const asked = rest.find((word) => !word.startsWith('-'));
      return asked === undefined ? answer(overview(host), host) : await commandNamed(asked).run(['--help'], host);
    }
    const named = first !== undefined && !first.startsWith('-');
    command = named ? commandNamed(first) : compareCommand;
    return await command.run(named ? rest : args, host);
  } catch (error) {
    return tellFailure(error, command, host);
  }
}

function answer(text: string, { stdout }: Host): number {
  stdout.write(`${text}\n`);
  return 0;
}

function commandNamed(name: string): Command {
  const found = commands.find((command) => command.name === name);
  if (found !== undefined) return found;
  const known = commands.map((command) => command.name);
  throw new ArgumentError(unknownName('command', name, known));
}

function overview({ stdout }: Host): string {
  const examples = [
    { words: '', explanation: 'Compare every variant with full attention on the shipped input' },
    { words: '--variant full --length 1024', explanation: 'Without a command, the options are those of compare' },
    { words: 'help compare', explanation: 'The options of a command, with examples' },
  ].map(({ words, explanation }) => ({ command: `${PROGRAM} ${words}`.replace(/(?: --)? $/, ''), explanation }));
  const spec = {
    usage: PROGRAM,
    summary: 'Efficient variants of attention, beside full attention.',
    commands: commands.map(({ name, describe }) => ({ name, summary: describe().summary })),
    examples,
    ending:
      'Exit code: 0; 2 for invalid arguments; 1 for any other failure, or 128 and the number of the signal that cut the work short.',
  };
  return formatOverview(spec, widthOf(stdout));
}
