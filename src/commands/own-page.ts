/** Pages of one name, `report.html` and `curves.html`, are written wherever a command is called: they must not replace what is not ours. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { GENERATOR } from '../compare/report/page.ts';
import { ArgumentError } from '../core/errors.ts';

/** The mark is in the head of a page. */
const HEAD_BYTES = 1024;

/**
 * Throws ArgumentError if there is a file at `path` that is neither empty nor a page of this tool, with `advice` on what to
 * do. Standard output (`-`), devices and pipes are no such file; what cannot be read counts as one.
 */
export function expectOwnPage(flag: string, path: string, advice: string): void {
  if (path !== '-' && isForeign(path)) {
    throw new ArgumentError(`${flag}: ${path} exists, and this tool did not write it; ${advice}`);
  }
}

function isForeign(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || stats.size === 0) return false;
  const head = Buffer.alloc(HEAD_BYTES);
  try {
    const file = openSync(path, 'r');
    try {
      const count = readSync(file, head, 0, HEAD_BYTES, 0);
      return !head.toString('utf8', 0, count).includes(GENERATOR);
    } finally {
      closeSync(file);
    }
  } catch {
    return true;
  }
}
