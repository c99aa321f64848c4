/** One exercise after the other: grades the learner's file on each save, and goes on to the next when it is right. */
import { watch } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { FileFormatError } from '../../src/core/errors.ts';
import { isMissing } from '../../src/core/files/system-error.ts';
import { supportsColour, type TerminalStream } from '../../src/terminal/colour.ts';
import { proseWidth, widthOf, wrap } from '../../src/terminal/width.ts';
import type { Exercise } from '../exercise.ts';
import { exercises, fileNameOf } from '../exercises/index.ts';
import { taskOf } from '../hole.ts';
import { nextOf, pathOf, prepared } from './files.ts';
import { textOfFile } from './folder.ts';
import { readProgress, writeProgress } from './progress.ts';
import type { Grader } from './runner.ts';
import { formatVerdict } from './show.ts';
import { solutionOf } from './texts.ts';

/** An editor may write a file in several steps. */
const SETTLE_MILLISECONDS = 80;

export interface Session {
  readonly folder: string;
  readonly runner: Grader;
  readonly stream: TerminalStream;
}

/** Where the learner's files are unless they say otherwise. */
export const DEFAULT_FOLDER = 'out/learn';

/** How commands are written. */
export const LEARN = 'npm run learn --';

/** Prints a paragraph. */
export function say({ stream }: Session, text: string): void {
  stream.write(`${text}\n\n`);
}

/** The heading and, of a file that is new, the task. */
export function introduce(session: Session, exercise: Exercise): void {
  const { path, isNew } = prepared(session.folder, exercise);
  const solved = readProgress(session.folder).solved[exercise.name] === undefined ? '' : ', solved';
  const place = `Exercise ${exercises.indexOf(exercise) + 1} of ${exercises.length}${solved}`;
  say(session, `${place}: ${exercise.title}\nYour file: ${shown(path)}`);
  if (isNew) say(session, wrapped(taskOf(solutionOf(exercise)), session));
}

/** Paragraphs to the width of the terminal; what is indented, such as an equation, stays. */
function wrapped(task: string, { stream }: Session): string {
  const width = proseWidth(widthOf(stream));
  const paragraphs = task.split('\n\n').map((each) => {
    return /^ /m.test(each) ? each : wrap(each.replaceAll('\n', ' '), width).join('\n');
  });
  return paragraphs.join('\n\n');
}

/** A command as the learner types it in this session. */
function typed({ folder }: Session, words: string): string {
  return `${LEARN} ${words}${folder === DEFAULT_FOLDER ? '' : ` --folder ${folder}`}`;
}

/** Grades the learner's file once, prints the verdict and keeps the progress; true if it passes. */
export async function gradeOnce(session: Session, exercise: Exercise): Promise<boolean> {
  const { folder, runner, stream } = session;
  const { path } = prepared(folder, exercise);
  const verdict = await runner.grade(exercise, textOfFile(path));
  const look = { colour: supportsColour(stream), width: widthOf(stream) };
  say(session, formatVerdict(exercise, verdict, shown(path), look));
  if (!verdict.passed) {
    if (verdict.failure?.kind === 'hole') say(session, `Write it in ${shown(path)} and save.`);
    const { name } = exercise;
    say(
      session,
      `One more hint:  ${typed(session, `hint ${name}`)}\nOur solution:   ${typed(session, `solution ${name}`)}`,
    );
    return false;
  }
  const progress = readProgress(folder);
  const solved = { ...progress.solved, [exercise.name]: progress.solved[exercise.name] ?? new Date().toISOString() };
  writeProgress(folder, { ...progress, solved });
  say(
    session,
    `Solved.\nOur solution:        ${typed(session, `solution ${exercise.name}`)}\nIn this project:     ${exercise.see}`,
  );
  const next = nextOf({ ...progress, solved });
  if (next === null) say(session, 'That was the last exercise: all are solved.');
  return true;
}

/** Grades on every save until `signal` says to stop; begins with the first exercise that is not solved. */
export async function follow(session: Session, signal: AbortSignal): Promise<void> {
  const { folder } = session;
  let current = nextOf(readProgress(folder));
  if (current === null) return;
  introduce(session, current);
  const seen = new Map<string, string>();
  const look = async (exercise: Exercise) => {
    const text = textOf(session, pathOf(folder, exercise));
    if (text === null || text === seen.get(exercise.name)) return;
    seen.set(exercise.name, text);
    const passed = await gradeOnce(session, exercise);
    if (!passed || exercise !== current) return;
    current = nextOf(readProgress(folder));
    if (current === null) return;
    introduce(session, current);
    await look(current);
  };
  await look(current);
  say(session, 'Waiting for you to save the file; Ctrl-C ends.');
  for await (const name of saves(folder, signal)) {
    const exercise = exercises.find((each) => `${fileNameOf(each)}.ts` === name);
    // A file that an editor made of an earlier exercise is graded too, and says nothing if nothing changed.
    if (exercise !== undefined) await look(exercise);
    if (current === null) return;
  }
}

/** Names of files of a folder that change, each once they have settled. */
async function* saves(folder: string, signal: AbortSignal): AsyncGenerator<string> {
  const changed = new Set<string>();
  let wake = () => {};
  const watcher = watch(folder, (_event, name) => {
    if (name === null) return;
    setTimeout(() => {
      changed.add(name);
      wake();
    }, SETTLE_MILLISECONDS);
  });
  signal.addEventListener('abort', () => wake());
  try {
    while (!signal.aborted) {
      for (const name of [...changed]) {
        changed.delete(name);
        yield name;
      }
      if (changed.size === 0 && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  } finally {
    watcher.close();
  }
}

/** Null for a file that is not there, as between the two steps of an editor's save, or cannot be read, which is said. */
function textOf(session: Session, path: string): string | null {
  if (isMissing(path)) return null;
  try {
    return textOfFile(path);
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    say(session, error.message);
    return null;
  }
}

/** From the working folder, where that is shorter. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith(`..${sep}..`) ? path : join(short);
}
