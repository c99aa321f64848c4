/** What the operating system said about a file, in words. */
import { FileWriteError } from '../errors.ts';

const REASONS: Record<string, string> = {
  ENOENT: 'no such file or folder',
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
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ELOOP: 'its links lead in a circle',
};

/** The reason behind an error of node:fs; undefined for any other error. */
export function systemReason(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // A path with a null character, or an option of the wrong type, is refused before the system is asked.
  if (!('syscall' in error)) return error.code === 'ERR_INVALID_ARG_VALUE' ? 'no such path can exist' : undefined;
  return REASONS[error.code] ?? error.message;
}

/** What `body` returns. Throws FileWriteError for what the system refuses it to do with `path`. */
export function writing<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const reason = systemReason(error);
    if (reason === undefined) throw error;
    throw new FileWriteError(`${path}: cannot be written: ${reason}`, { cause: error });
  }
}
