/** `npm run learn`: the exercises in the terminal. */
import { existsSync, readFileSync } from 'node:fs';
import { runProgram } from '../../scripts/program.ts';
import { ArgumentError, UnsupportedError } from '../../src/core/errors.ts';
import { writeFileAtomically } from '../../src/core/files/atomic.ts';
import { text } from '../../src/terminal/options.ts';
import { screen } from '../../src/terminal/screen.ts';
import { nearestName } from '../../src/terminal/suggest.ts';
import { proseWidth, widthOf, wrap } from '../../src/terminal/width.ts';
import type { Exercise } from '../exercise.ts';
import { exercises, fileNameOf, findExercise } from '../exercises/index.ts';
import { asLearner } from '../hole.ts';
import { exported, imported, named, nextOf, reset } from './files.ts';
import { gradeFolder } from './grade-folder.ts';
import { readProgress, writeProgress } from './progress.ts';
import { Runner } from './runner.ts';
import { follow, gradeOnce, introduce, LEARN, type Session, say } from './session.ts';
import { solutionOf } from './texts.ts';

const FAILED = 1;

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
    folder: text('DIR', 'The folder of your files', { default: 'out/learn' }),
    json: text('FILE', 'Of grade: write the result to this file too'),
  },
  examples: [
    { command: 'npm run learn', explanation: 'Begin, or go on with the first exercise that is not solved' },
    { command: 'npm run learn -- run softmax', explanation: 'Grade one exercise; by its name or its number' },
    { command: 'npm run learn -- grade students/ada --json ada.json', explanation: 'Grade a folder' },
  ],
};

type Body = (session: Session, word: string | undefined, json: string | undefined) => Promise<number> | number;

const commands: Readonly<Record<string, Body>> = {
  list(session) {
    const { solved } = readProgress(session.folder);
    const lines = exercises.map(
      (each) => `${solved[each.name] === undefined ? '·' : '✓'} ${fileNameOf(each).padEnd(26)} ${each.title}`,
    );
    const count = exercises.filter(({ name }) => solved[name] !== undefined).length;
    say(session, `${lines.join('\n')}\n\n${count} of ${exercises.length} solved`);
    return 0;
  },
  async run(session, word) {
    const exercise = current(session, word);
    introduce(session, exercise);
    return (await gradeOnce(session, exercise)) ? 0 : FAILED;
  },
  hint(session, word) {
    const exercise = current(session, word);
    const progress = readProgress(session.folder);
    const count = Math.min(exercise.hints.length, (progress.hints[exercise.name] ?? 0) + 1);
    writeProgress(session.folder, { ...progress, hints: { ...progress.hints, [exercise.name]: count } });
    const shown = exercise.hints.slice(0, count).map((hint, n) => `Hint ${n + 1} of ${exercise.hints.length}: ${hint}`);
    const lines = shown.map((hint) => wrap(hint, proseWidth(widthOf(process.stdout))).join('\n'));
    say(session, [exercise.title, ...lines].join('\n\n'));
    return 0;
  },
  solution(session, word) {
    say(session, asLearner(solutionOf(current(session, word))).trimEnd());
    return 0;
  },
  reset(session, word) {
    const exercise = named(required(word, 'reset', 'the name of an exercise'), findExercise);
    const kept = reset(session.folder, exercise);
    say(session, `${fileNameOf(exercise)} has its hole again.${kept === null ? '' : ` What you wrote is in ${kept}.`}`);
    return 0;
  },
  export(session, word) {
    const path = required(word, 'export', 'a file to write');
    if (existsSync(path)) throw new ArgumentError(`export: ${path} is there already, and is not replaced`);
    writeFileAtomically(path, exported(session.folder));
    say(session, `Written to ${path}.`);
    return 0;
  },
  import(session, word) {
    const path = required(word, 'import', 'a file that export wrote');
    if (!existsSync(path)) throw new ArgumentError(`import: there is no file ${path}`);
    const left = imported(session.folder, readFileSync(path, 'utf8'), path);
    const kept = left.length === 0 ? '' : ` These files of yours differ and stay as they are: ${left.join(', ')}.`;
    say(session, `Read from ${path}.${kept}`);
    return left.length === 0 ? 0 : FAILED;
  },
  async grade(session, word, json) {
    const folder = required(word, 'grade', 'a folder of exercises');
    const result = await gradeFolder(folder, session.runner, ({ exercise, status, sentence, line, mistake }) => {
      const why = sentence === null ? '' : `: ${sentence}${line === null ? '' : `, line ${line}`}`;
      session.stream.write(
        `${status.padEnd(6)}  ${exercise}${why}${mistake === null ? '' : ` (known mistake: ${mistake})`}\n`,
      );
    });
    say(session, `\n${result.passed} of ${result.total} passed`);
    if (json !== undefined) writeFileAtomically(json, `${JSON.stringify(result, null, 2)}\n`);
    return result.passed === result.total ? 0 : FAILED;
  },
};

/** The exercise that a word names; without a word, the first that is not solved. */
function current(session: Session, word: string | undefined): Exercise {
  if (word !== undefined) return named(word, findExercise);
  const next = nextOf(readProgress(session.folder));
  if (next === null)
    throw new UnsupportedError(`all exercises are solved: name one, such as ${fileNameOf(exercises[0])}`);
  return next;
}

function required(word: string | undefined, name: string, what: string): string {
  if (word === undefined || word === '') throw new ArgumentError(`${name}: expected ${what} after it`);
  return word;
}

/** Watches on a terminal, else grades once. */
async function begin(session: Session, isTerminal: boolean): Promise<number> {
  if (nextOf(readProgress(session.folder)) === null) {
    say(
      session,
      `All ${exercises.length} exercises are solved. ${LEARN} list shows them; ${LEARN} run NAME grades one again.`,
    );
    return 0;
  }
  if (!isTerminal) return commands.run(session, undefined, undefined);
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  await follow(session, ending.signal);
  return 0;
}

await runProgram(command, async ({ folder, json }, _stop, [name, word]) => {
  const session: Session = { folder, runner: new Runner(), stream: screen(process.stdout) };
  try {
    if (json !== undefined && name !== 'grade')
      throw new ArgumentError('--json: expected the command grade FOLDER beside it');
    if (name === undefined) return await begin(session, process.stdout.isTTY === true && process.stdin.isTTY === true);
    if (!Object.hasOwn(commands, name)) {
      const nearest = nearestName(name, Object.keys(commands));
      throw new ArgumentError(
        `unknown command ${name}: ${nearest === undefined ? 'see --help' : `did you mean ${nearest}?`}`,
      );
    }
    return await commands[name](session, word, json);
  } finally {
    session.runner.end();
  }
});
