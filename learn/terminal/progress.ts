/** What a learner has solved and which hints they have seen: a small file beside their exercises. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../../src/core/files/atomic.ts';
import { makeFolder } from '../../src/core/files/folder.ts';
import { NO_PROGRESS, type Progress, parseProgress } from '../progress.ts';

const FILE = 'progress.json';

/** Of a folder without the file, no progress. Throws FileFormatError for a file that says something else. */
export function readProgress(folder: string): Progress {
  const path = join(folder, FILE);
  return existsSync(path) ? parseProgress(readFileSync(path, 'utf8'), path) : NO_PROGRESS;
}

/** Creates the folder, and replaces the file whole or not at all. */
export function writeProgress(folder: string, progress: Progress): void {
  makeFolder(folder);
  writeFileAtomically(join(folder, FILE), `${JSON.stringify(progress, null, 2)}\n`);
}
