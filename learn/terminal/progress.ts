/** What a learner has solved and which hints they have seen: a small file beside their exercises. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FileFormatError } from '../../src/core/errors.ts';
import { writeFileAtomically } from '../../src/core/files/atomic.ts';

export interface Progress {
  readonly version: 1;
  /** When each exercise was first solved (ISO 8601), by its name. */
  readonly solved: Readonly<Record<string, string>>;
  /** How many hints of each were shown. */
  readonly hints: Readonly<Record<string, number>>;
}

export const NO_PROGRESS: Progress = { version: 1, solved: {}, hints: {} };
const FILE = 'progress.json';

/** Of a folder without the file, no progress. Throws FileFormatError for a file that says something else. */
export function readProgress(folder: string): Progress {
  const path = join(folder, FILE);
  return existsSync(path) ? parseProgress(readFileSync(path, 'utf8'), path) : NO_PROGRESS;
}

/** Creates the folder, and replaces the file whole or not at all. */
export function writeProgress(folder: string, progress: Progress): void {
  mkdirSync(folder, { recursive: true });
  writeFileAtomically(join(folder, FILE), `${JSON.stringify(progress, null, 2)}\n`);
}

/** Throws FileFormatError, naming `path`. */
export function parseProgress(text: string, path: string): Progress {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    throw new FileFormatError(`${path}: expected JSON; move it away to begin anew, or restore it`);
  }
  const { version, solved, hints } = (read ?? {}) as Partial<Progress>;
  const isRecordOf = (value: unknown, type: string) =>
    typeof value === 'object' && value !== null && Object.values(value).every((each) => typeof each === type);
  if (version !== 1 || !isRecordOf(solved, 'string') || !isRecordOf(hints, 'number')) {
    throw new FileFormatError(
      `${path}: expected { version: 1, solved, hints }; move it away to begin anew, or restore it`,
    );
  }
  return { version, solved: solved!, hints: hints! };
}
