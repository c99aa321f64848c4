/** What the operating system said about a file, in words, and questions to it that have no error for an answer. */
import { readdirSync, type Stats, statSync } from '#platform/fs';
import { MISSING_FILE_HINT } from '#platform/page-files';
import { FileFormatError, FileWriteError } from '../errors.ts';

const REASONS: Record<string, string> = {
  ENOENT: `no such file or folder${MISSING_FILE_HINT}`,
  ENOTDIR: 'a part of the path is not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'a file of that name is there',
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
  ENXIO: 'it is a socket, or a device that is not there',
  ENODEV: 'it is a device that is not there',
  ENOTEMPTY: 'the folder is not empty',
  EXDEV: 'it is on another file system',
  EIO: 'the disk does not answer as it should',
  ESTALE: 'the file system has lost it',
};

/** The reason behind an error of node:fs; undefined for any other error. */
export function systemReason(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // A path with a null character, or an option of the wrong type, is refused before the system is asked.
  if (!('syscall' in error)) return error.code === 'ERR_INVALID_ARG_VALUE' ? 'no such path can exist' : undefined;
  return REASONS[error.code] ?? error.message;
}

/** What `body` returns. Throws FileFormatError for what the system refuses it to do with `path`. */
export function reading<T>(path: string, body: () => T): T {
  return named(body, (reason, cause) => new FileFormatError(`${path}: cannot be read: ${reason}`, { cause }));
}

/** What `body` returns. Throws FileWriteError for what the system refuses it to do with `path`. */
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
 * What a path leads to; null where nothing is, also where none can be (below a file, beyond a name's length). Throws
 * nothing: a path that must not be looked at is distinguished when it is used.
 */
export function entryAt(path: string): Stats | null {
  try {
    return statSync(path);
  } catch (error) {
    if (systemReason(error) === undefined) throw error;
    return null;
  }
}

/** Whether nothing is there, rather than something that one must not look at. */
export function isMissing(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as { code?: string }).code ?? '');
  }
}

/** Names in a folder; none where none is, or none that may be looked at. */
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
