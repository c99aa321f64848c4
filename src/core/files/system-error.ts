/** Errors of the operating system about files, in words, and queries that never throw one. */
import { readdirSync, type Stats, statSync } from '#platform/fs';
import { MISSING_FILE_HINT } from '#platform/page-files';
import { FileFormatError, FileWriteError } from '../errors.ts';

const REASONS: Record<string, string> = {
  ENOENT: `no such file or folder${MISSING_FILE_HINT}`,
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'a file of that name exists already',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the disk',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be too large',
  EBUSY: 'another program is using it',
  ETXTBSY: 'another program is using it',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
  ENXIO: 'it is a socket, or a missing device',
  ENODEV: 'it is a missing device',
  ENOTEMPTY: 'the folder is not empty',
  EXDEV: 'it is on another file system',
  EIO: 'the disk reports an error',
  ESTALE: 'the file system has lost it',
};

/** The reason behind an error of node:fs; undefined for any other error. */
export function systemReason(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // A path with a null character, or an option of the wrong type, is refused before the system is asked.
  if (!('syscall' in error)) return error.code === 'ERR_INVALID_ARG_VALUE' ? 'no such path can exist' : undefined;
  return REASONS[error.code] ?? error.message;
}

/** The result of `body`. Throws FileFormatError if the system refuses an operation on `path`. */
export function reading<T>(path: string, body: () => T): T {
  return named(body, (reason, cause) => new FileFormatError(`${path}: cannot be read: ${reason}`, { cause }));
}

/** The result of `body`. Throws FileWriteError if the system refuses an operation on `path`. */
export function writing<T>(path: string, body: () => T): T {
  return named(body, (reason, cause) => new FileWriteError(`${path}: cannot be written: ${reason}`, { cause }));
}

function named<T>(body: () => T, refusal: (reason: string, cause: unknown) => Error): T {
  try {
    return body();
  } catch (error) {
    const reason = systemReason(error);
    throw reason === undefined ? error : refusal(reason, error);
  }
}

/**
 * The entry at a path; null if there is none, also where none can be (below a file, beyond a name's length). Throws nothing:
 * a path without permission is reported when it is used.
 */
export function entryAt(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (systemReason(error) === undefined) throw error;
    return null;
  }
}

/** Whether nothing exists there, as opposed to an entry without permission. */
export function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '');
  }
}

/** Names in a folder; empty if it does not exist or may not be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemReason(error) === undefined) throw error;
    return [];
  }
}

export function isFolder(path: string): boolean {
  return entryAt(path)?.isDirectory() ?? false;
}
