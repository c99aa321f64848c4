/** What a learner has solved and which hints they have seen: a small file beside their exercises. */
import { join } from 'node:path';
import { writeFileAtomically } from '../../src/core/files/atomic.ts';
import { isMissing } from '../../src/core/files/system-error.ts';
import { readText } from '../../src/core/files/text.ts';
import { NO_PROGRESS, type Progress, parseProgress } from '../progress.ts';
import { ensureFolder, expectFolder } from './folder.ts';

const FILE = 'progress.json';

/** Of a folder without the file, no progress. Throws FileFormatError for a file that says something else, and as expectFolder. */
export function readProgress(folder: string): Progress {
  expectFolder(folder);
  const path = join(folder, FILE);
  return isMissing(path) ? NO_PROGRESS : parseProgress(readText(path), path);
}

/** Creates the folder, and replaces the file whole or not at all. */
export function writeProgress(folder: string, progress: Progress): void {
  ensureFolder(folder);
  writeFileAtomically(join(folder, FILE), `${JSON.stringify(progress, null, 2)}\n`);
}
