/** What the commands of `npm run learn` do; each returns the exit code. */
import { existsSync } from 'node:fs';
import { ArgumentError, FileWriteError, UnsupportedError } from '../../src/core/errors.ts';
import { tryToWrite, writeFileAtomically } from '../../src/core/files/atomic.ts';
import { readText } from '../../src/core/files/text.ts';
import { proseWidth, widthOf, wrap } from '../../src/terminal/width.ts';
import type { Exercise } from '../exercise.ts';
import { exercises, fileNameOf, findExercise } from '../exercises/index.ts';
import { asLearner } from '../hole.ts';
import { exported, imported, named, nextOf, reset } from './files.ts';
import { gradeFolder } from './grade-folder.ts';
import { readProgress, writeProgress } from './progress.ts';
import { gradeOnce, introduce, type Session, say } from './session.ts';
import { solutionOf } from './texts.ts';

const FAILED = 1;

/** `json` is that of the command grade. */
type Command = (session: Session, word: string | undefined, json?: string) => Promise<number> | number;

export const commands: Readonly<Record<string, Command>> = {
  list(session, word) {
    if (word !== undefined) throw new ArgumentError(`list: expected nothing after it, got ${word}`);
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
    const lines = shown.map((hint) => wrap(hint, proseWidth(widthOf(session.stream))).join('\n'));
    const isLast = count === exercise.hints.length;
    const end = isLast ? ['That was the last hint. The command solution shows ours.'] : [];
    say(session, [exercise.title, ...lines, ...end].join('\n\n'));
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
    const left = imported(session.folder, readText(path), path);
    const kept = left.length === 0 ? '' : ` These files of yours differ and stay as they are: ${left.join(', ')}.`;
    say(session, `Read from ${path}.${kept}`);
    return left.length === 0 ? 0 : FAILED;
  },
  async grade(session, word, json) {
    const folder = required(word, 'grade', 'a folder of exercises');
    if (json !== undefined) expectWritable(json);
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

/** Before the work whose result is written there. */
function expectWritable(json: string): void {
  try {
    tryToWrite(json);
  } catch (error) {
    throw error instanceof FileWriteError ? new FileWriteError(`--json ${error.message}`, { cause: error }) : error;
  }
}

function required(word: string | undefined, name: string, what: string): string {
  if (word === undefined || word === '') throw new ArgumentError(`${name}: expected ${what} after it`);
  return word;
}
