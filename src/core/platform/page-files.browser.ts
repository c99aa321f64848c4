/** On a page, paths are names of files in memory. */
import { ArgumentError, describe, FileFormatError } from '../errors.ts';
import { expectText } from '../expect.ts';
import { dropFile, fileNamed, fileNames, putFile } from './memory-files.browser.ts';
import type { PageFiles } from './page-files.ts';

/** What is added to a message about a file that is missing. */
export const MISSING_FILE_HINT = ' (a page reads no disk: hand files in with pageFiles.put(name, bytes))';

export const pageFiles: PageFiles = {
  put(name, bytes) {
    expectText('name', name);
    if (bytes instanceof ArrayBuffer) putFile(name, new Uint8Array(bytes));
    else if (bytes instanceof Uint8Array) putFile(name, bytes);
    else throw new ArgumentError(`bytes: expected a Uint8Array or an ArrayBuffer, got ${describe(bytes)}`);
  },
  get(name) {
    expectText('name', name);
    const bytes = fileNamed(name);
    if (bytes === undefined) throw new FileFormatError(`${name}: there is no such file${MISSING_FILE_HINT}`);
    return Uint8Array.from(bytes);
  },
  remove(name) {
    expectText('name', name);
    dropFile(name);
  },
  names: fileNames,
};
