/** Paths of files in one text, with commas between them, where a path may have commas of its own. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

/** More commas than anyone writes: such a text is split at all of them, without checking the disk for each part. */
const MOST_PIECES = 32;

interface Reading {
  /** Pieces within paths where nothing is; twice those in folders that are not there. */
  doubt: number;
  found: number;
  paths: string[];
}

/**
 * The paths that a text names: it is split at commas, but not at those of a file that is there. Of several readings it is
 * the one with the fewest pieces that lead nowhere, of those the one with the fewest files, and else each comma separates.
 */
export function splitPaths(text: string, exists: (path: string) => boolean = existsSync): string[] {
  const pieces = text.split(',');
  if (pieces.length > MOST_PIECES) return pieces;
  /** By the piece that they begin at, the best readings of the rest. */
  const best: Reading[] = [];
  best[pieces.length] = { doubt: 0, found: 0, paths: [] };
  for (let begin = pieces.length - 1; begin >= 0; begin--) {
    for (let end = begin + 1; end <= pieces.length; end++) {
      const path = pieces.slice(begin, end).join(',');
      const isThere = path !== '' && exists(path);
      const doubt = isThere ? 0 : (end - begin) * (exists(dirname(path)) ? 1 : 2);
      const rest = best[end];
      const reading: Reading = {
        doubt: doubt + rest.doubt,
        found: (isThere ? 1 : 0) + rest.found,
        paths: [path, ...rest.paths],
      };
      if (best[begin] === undefined || isBetter(reading, best[begin])) best[begin] = reading;
    }
  }
  return best[0].paths;
}

function isBetter(a: Reading, b: Reading): boolean {
  if (a.doubt !== b.doubt) return a.doubt < b.doubt;
  return a.found === b.found ? a.paths.length > b.paths.length : a.found < b.found;
}
