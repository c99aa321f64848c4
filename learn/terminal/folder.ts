/** The learner's folder and the files in it, before anything is read or written there. */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { ArgumentError } from '../../src/core/errors.ts';
import { makeFolder } from '../../src/core/files/folder.ts';
import { InputFile } from '../../src/core/files/input-file.ts';
import { entryAt, isFolder, isMissing, reading } from '../../src/core/files/system-error.ts';
import { readText } from '../../src/core/files/text.ts';

/** Of an exercise's file. */
export const MOST_BYTES = 2 ** 20;

/**
 * Throws ArgumentError where something else than a folder is, or stands in its path, and FileFormatError for a folder that
 * may not be read. One that is not there yet is as good as an empty one.
 */
export function expectFolder(folder: string): void {
  for (let path = folder; ; path = dirname(path)) {
    if (entryAt(path) !== null && !isFolder(path)) {
      const what = path === folder ? 'which is none' : `but ${path} is none`;
      throw new ArgumentError(`--folder: expected a folder, got ${folder}, ${what}`);
    }
    if (!isMissing(path) || path === dirname(path)) break;
  }
  if (!isMissing(folder)) reading(folder, () => accessSync(folder, constants.R_OK | constants.X_OK));
}

/** Creates the folder if it is not there. Throws as expectFolder does, and FileWriteError where none can be made. */
export function ensureFolder(folder: string): void {
  expectFolder(folder);
  makeFolder(folder);
}

/** The text of an exercise's file. Throws FileFormatError for what is no file, or a very large one; waits for no pipe. */
export function textOfFile(path: string): string {
  return readText(path, MOST_BYTES);
}

/** Throws FileFormatError for what is no ordinary file. */
export function expectFile(path: string): void {
  new InputFile(path);
}
