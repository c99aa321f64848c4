/** From the arguments to a command, and from an error to a message and an exit code. */
import { packageVersion } from '../compare/package-version.ts';
import { ArgumentError } from '../core/errors.ts';
import { formatOverview } from '../terminal/help.ts';
import { screen } from '../terminal/screen.ts';
import { unknownName } from '../terminal/suggest.ts';
import { type Command, type Host, PROGRAM, widthOf } from './command.ts';
import { setImported } from './imported.ts';
import { type CommandName, commandNames, summaries } from './summaries.ts';

/** Each command is loaded when it is called: most of the program serves the others. */
const loaders: Readonly<Record<CommandName, () => Promise<Command>>> = {
  compare: async () => (await import('./compare-options.ts')).compareCommand,
  patterns: async () => (await import('./patterns.ts')).patternsCommand,
  train: async () => (await import('./train-command.ts')).trainCommand,
  generate: async () => (await import('./generate.ts')).generateCommand,
  eval: async () => (await import('./eval.ts')).evalCommand,
  export: async () => (await import('./export.ts')).exportCommand,
  import: async () => (await import('./import.ts')).importCommand,
  reproduce: async () => (await import('./reproduce.ts')).reproduceCommand,
  convert: async () => (await import('./convert.ts')).convertCommand,
  variants: async () => (await import('./variants.ts')).variantsCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
};

/** All of them, in the order of the program's `--help`. */
export function loadCommands(): Promise<Command[]> {
  return Promise.all(commandNames.map((name) => loaders[name]()));
}

/** Runs the command in `args` (without node and the script) and returns the exit code. Throws nothing. */
export async function run(words: readonly string[], { stdout, stderr }: Host): Promise<number> {
  const host = { stdout: screen(stdout), stderr: screen(stderr) };
  let name: CommandName | null = null;
  try {
    setImported([]);
    const asks = words.some((word) => /^--import(=|$)/.test(word));
    const args = asks ? await (await import('./import-first.ts')).importFirst(words) : words;
    const [first, ...rest] = args;
    if (first === '--version') return answer(packageVersion(), host);
    if (first === '--help' || first === '-h') return answer(overview(host), host);
    if (first === 'help') {
      const asked = rest.find((word) => !word.startsWith('-'));
      if (asked === undefined) return answer(overview(host), host);
      return await (await loaders[nameOf(asked)]()).run(['--help'], host);
    }
    const isNamed = first !== undefined && !first.startsWith('-');
    name = isNamed ? nameOf(first) : 'compare';
    const command = await loaders[name]();
    return await command.run(isNamed ? rest : args, host);
  } catch (error) {
    const { reportFailure } = await import('./failure.ts');
    return reportFailure(error, name, host);
  }
}

function answer(text: string, { stdout }: Host): number {
  stdout.write(`${text}\n`);
  return 0;
}

function nameOf(word: string): CommandName {
  const found = commandNames.find((name) => name === word);
  if (found !== undefined) return found;
  throw new ArgumentError(unknownName('command', word, commandNames));
}

function overview({ stdout }: Host): string {
  const examples = [
    { words: '', explanation: 'Compare every variant with full attention on the shipped input' },
    { words: '--variant full --length 1024', explanation: 'Without a command, the options of compare apply' },
    { words: 'help compare', explanation: 'Show the options of a command, with examples' },
    {
      words: '--import mine.mjs',
      explanation: 'Compare your own variants, which the module registers',
    },
  ].map(({ words, explanation }) => ({ command: `${PROGRAM} ${words}`.replace(/(?: --)? $/, ''), explanation }));
  const program = {
    usage: PROGRAM,
    summary: 'Compare efficient variants of attention with full attention.',
    commands: commandNames.map((name) => ({ name, summary: summaries[name] })),
    examples,
    ending:
      'Output fits the width of the terminal or of the variable COLUMNS; in a pipe or a file nothing is left out.\n' +
      'Exit code: 0 for success; 2 for invalid arguments; 1 for any other failure; 128 plus the number of the signal that ended the work.',
  };
  return formatOverview(program, widthOf(stdout));
}
