/** In Node, paths are those of the disk. */
import { UnsupportedError } from '../errors.ts';
import type { PageFiles } from './page-files.ts';

/** What is added to a message about a file that is missing. */
export const MISSING_FILE_HINT = '';

function refuse(): never {
  throw new UnsupportedError('pageFiles: only a page has these; in Node, give the path of a file on the disk');
}

export const pageFiles: PageFiles = { put: refuse, get: refuse, remove: refuse, names: refuse };
