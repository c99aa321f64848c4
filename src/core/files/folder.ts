/** Makes folders, one level at a time: Node's own recursion never ends where a file system has no such folders, as below /proc. */
import { mkdirSync } from '#platform/fs';
import { dirname } from '#platform/path';
import { expectText } from '../expect.ts';
import { entryAt, isFolder, isMissing, writing } from './system-error.ts';

/** Makes a folder and its parents; one that is there stays as it is. Throws FileWriteError, which names `path`. */
export function makeFolder(path: string): void {
  expectText('path', path);
  writing(path, () => make(path));
}

function make(path: string): void {
  if (isFolder(path)) return;
  if (!isMissing(path)) {
    // Throws the reason before any of the parents is made.
    mkdirSync(path);
  }
  const around = dirname(path);
  if (around !== path && entryAt(around) === null) make(around);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!isFolder(path)) throw error;
  }
}
