/** The learner's folder: an exercise's file is created once and then only the learner changes it. */
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ArgumentError } from '../../src/core/errors.ts';
import { writeFileAtomically } from '../../src/core/files/atomic.ts';
import { isMissing, writing } from '../../src/core/files/system-error.ts';
import type { Exercise } from '../exercise.ts';
import { exercises, fileNameOf } from '../exercises/index.ts';
import { holeOf } from '../hole.ts';
import { type Exported, joined, type Progress, parseExported } from '../progress.ts';
import { ensureFolder, expectFile, textOfFile } from './folder.ts';
import { readProgress, writeProgress } from './progress.ts';
import { solutionOf } from './texts.ts';

const GIVEN = fileURLToPath(new URL('../given.ts', import.meta.url));

/** Where the learner's file of an exercise is. */
export function pathOf(folder: string, exercise: Exercise): string {
  return join(folder, `${fileNameOf(exercise)}.ts`);
}

/** The path of the file, which is created from the hole if it is not there. */
export function prepared(folder: string, exercise: Exercise): { path: string; isNew: boolean } {
  const path = pathOf(folder, exercise);
  ensureFolder(folder);
  const isNew = isMissing(path);
  // `wx` writes to no file that came between.
  if (isNew) writing(path, () => writeFileSync(path, holeIn(folder, exercise), { flag: 'wx' }));
  return { path, isNew };
}

/** What a learner begins with. It imports what is given from where it is, so that an editor finds it. */
function holeIn(folder: string, exercise: Exercise): string {
  const given = relative(resolve(folder), GIVEN).split(sep).join('/');
  return holeOf(solutionOf(exercise), given);
}

/** Puts the hole back. What was there stays under a name of its own, which is returned; null if nothing was there. */
export function reset(folder: string, exercise: Exercise): string | null {
  const path = pathOf(folder, exercise);
  let kept: string | null = null;
  ensureFolder(folder);
  if (!isMissing(path)) {
    expectFile(path);
    for (let n = 1; kept === null; n++) {
      const candidate = `${path}.before-reset-${n}`;
      if (!existsSync(candidate)) kept = candidate;
    }
    const copy = kept;
    writing(copy, () => copyFileSync(path, copy));
  }
  writeFileAtomically(path, holeIn(folder, exercise));
  const { [exercise.name]: _, ...solved } = readProgress(folder).solved;
  writeProgress(folder, { ...readProgress(folder), solved });
  return kept;
}

/** Progress and the learner's files, as one JSON text. */
export function exported(folder: string): string {
  const own = exercises.filter((each) => !isMissing(pathOf(folder, each)));
  const files = Object.fromEntries(own.map((each) => [each.name, textOfFile(pathOf(folder, each))]));
  return `${JSON.stringify({ progress: readProgress(folder), files } satisfies Exported, null, 2)}\n`;
}

/**
 * Adds what `exported` wrote. A file that is there and differs stays as it is; the paths of these are returned. Throws
 * FileFormatError for a text that `exported` did not write.
 */
export function imported(folder: string, text: string, name: string): string[] {
  const { progress, files } = parseExported(text, name);
  const left: string[] = [];
  ensureFolder(folder);
  for (const exercise of exercises) {
    const content = files[exercise.name];
    const path = pathOf(folder, exercise);
    if (content === undefined) continue;
    if (isMissing(path)) writing(path, () => writeFileSync(path, content, { flag: 'wx' }));
    else if (textOfFile(path) !== content) left.push(path);
  }
  writeProgress(folder, joined(readProgress(folder), progress));
  return left;
}

/** The first that is not solved; null if all are. */
export function nextOf({ solved }: Progress): Exercise | null {
  return exercises.find(({ name }) => solved[name] === undefined) ?? null;
}

/** An exercise for a word of the command line. */
export function named(word: string, find: (text: string) => Exercise | undefined): Exercise {
  const found = find(word);
  if (found === undefined) {
    throw new ArgumentError(
      `no exercise ${word}: expected a number from 1 to ${exercises.length} or a name, see npm run learn -- list`,
    );
  }
  return found;
}
