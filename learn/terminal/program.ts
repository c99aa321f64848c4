/** The commands of `npm run learn`, and what they print. */
import { runProgram } from '../../scripts/program.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { text } from '../../src/terminal/options.ts';
import { screen } from '../../src/terminal/screen.ts';
import { nearestName } from '../../src/terminal/suggest.ts';
import { exercises } from '../exercises/index.ts';
import { commands } from './commands.ts';
import { nextOf } from './files.ts';
import { readProgress } from './progress.ts';
import type { Runner } from './runner.ts';
import { DEFAULT_FOLDER, follow, LEARN, type Session, say } from './session.ts';

const command = {
  usage: 'npm run learn --',
  summary:
    'Write attention yourself: each exercise is a file with a hole, and laws say what is wrong with what you wrote.',
  details: 'Without a command, it grades the next exercise on each save of its file; where there is no terminal, once.',
  lists: [
    {
      title: 'Commands',
      entries: [
        { name: 'list', summary: 'List the exercises, and which are solved' },
        { name: 'run [NAME]', summary: 'Grade one exercise once' },
        { name: 'hint [NAME]', summary: 'Show one more hint; there are three' },
        { name: 'solution [NAME]', summary: 'Show our solution' },
        { name: 'reset NAME', summary: 'Put the hole back; what you wrote is kept under another name' },
        { name: 'export FILE', summary: 'Write your progress and your files to one file' },
        { name: 'import FILE', summary: 'Read them from there; no file of yours is replaced' },
        { name: 'grade FOLDER', summary: 'Grade all exercises of a student’s folder; exits with 1 unless all pass' },
      ],
    },
  ],
  positionals: ['COMMAND', 'NAME'],
  options: {
    folder: text('DIR', 'The folder of your files', { default: DEFAULT_FOLDER }),
    json: text('FILE', 'Of grade: write the result to this file too'),
  },
  examples: [
    { command: 'npm run learn', explanation: 'Begin, or go on with the first exercise that is not solved' },
    { command: 'npm run learn -- run softmax', explanation: 'Grade one exercise; by its name or its number' },
    { command: 'npm run learn -- grade students/ada --json ada.json', explanation: 'Grade a folder' },
  ],
};

/** Watches on a terminal, else grades once. */
async function begin(session: Session, isTerminal: boolean): Promise<number> {
  if (nextOf(readProgress(session.folder)) === null) {
    say(
      session,
      `All ${exercises.length} exercises are solved. ${LEARN} list shows them; ${LEARN} run NAME grades one again.`,
    );
    return 0;
  }
  if (!isTerminal) return commands.run(session, undefined);
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  await follow(session, ending.signal);
  return 0;
}

/** The caller ends `runner`. */
export const learn = (runner: Runner) =>
  runProgram(command, async ({ folder, json }, _stop, [name, word]) => {
    const session: Session = { folder, runner, stream: screen(process.stdout) };
    if (json !== undefined && name !== 'grade')
      throw new ArgumentError('--json: expected the command grade FOLDER beside it');
    if (name === undefined) return begin(session, process.stdout.isTTY === true && process.stdin.isTTY === true);
    if (!Object.hasOwn(commands, name)) {
      const nearest = nearestName(name, Object.keys(commands));
      throw new ArgumentError(
        `unknown command ${name}: ${nearest === undefined ? 'see --help' : `did you mean ${nearest}?`}`,
      );
    }
    return commands[name](session, word, json);
  });
