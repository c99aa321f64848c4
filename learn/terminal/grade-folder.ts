/** For teachers: grades every exercise of a student's folder, as a table and as JSON. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ArgumentError } from '../../src/core/errors.ts';
import { entryAt, isFolder, isMissing } from '../../src/core/files/system-error.ts';
import type { Exercise } from '../exercise.ts';
import { exercises, fileNameOf } from '../exercises/index.ts';
import { MOST_BYTES } from './folder.ts';
import type { Grader } from './runner.ts';

/** One line of the JSON; the fields stay as they are. */
export interface Graded {
  readonly exercise: string;
  readonly status: 'passed' | 'failed' | 'absent';
  /** What went wrong, in a sentence; null where nothing did. */
  readonly sentence: string | null;
  /** The kind of failure, the law that failed, the line of the student's file and the name of a known mistake. */
  readonly kind: string | null;
  readonly law: string | null;
  readonly line: number | null;
  readonly mistake: string | null;
}

export interface FolderResult {
  readonly version: 1;
  readonly passed: number;
  readonly total: number;
  readonly exercises: readonly Graded[];
}

/** Takes files by the name of the learner's folder, `01-softmax.ts`. Throws ArgumentError if there is no such folder. */
export async function gradeFolder(
  folder: string,
  runner: Grader,
  onGraded: (graded: Graded) => void,
): Promise<FolderResult> {
  if (!isFolder(folder)) {
    throw new ArgumentError(`grade: expected a folder of exercises, got ${folder}`);
  }
  const results: Graded[] = [];
  for (const exercise of exercises) {
    const graded = await gradeOne(folder, exercise, runner);
    results.push(graded);
    onGraded(graded);
  }
  const passed = results.filter(({ status }) => status === 'passed').length;
  return { version: 1, passed, total: results.length, exercises: results };
}

async function gradeOne(folder: string, exercise: Exercise, runner: Grader): Promise<Graded> {
  const path = join(folder, `${fileNameOf(exercise)}.ts`);
  const nothing = { exercise: fileNameOf(exercise), sentence: null, kind: null, law: null, line: null, mistake: null };
  const file = entryAt(path);
  if (file === null && isMissing(path)) return { ...nothing, status: 'absent' };
  // A student may leave anything there, such as a folder, or a link to what never ends.
  const unreadable = { ...nothing, status: 'failed', kind: 'file' } as const;
  if (file !== null && !file.isFile()) return { ...unreadable, sentence: 'this is no file' };
  if (file !== null && file.size > MOST_BYTES)
    return { ...unreadable, sentence: `the file is larger than ${MOST_BYTES / 2 ** 20} MB` };
  let source: string;
  try {
    source = readFileSync(path, 'utf8');
  } catch (error) {
    return { ...unreadable, sentence: `the file cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  const { failure } = await runner.grade(exercise, source);
  if (failure === null) return { ...nothing, status: 'passed' };
  const { sentence, kind, law, line, mistake } = failure;
  return {
    exercise: fileNameOf(exercise),
    status: 'failed',
    sentence,
    kind,
    law,
    line,
    mistake: mistake?.name ?? null,
  };
}
