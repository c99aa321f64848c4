/** A file out of a package of Debian's: an ar archive (deb(5)) with a tar archive of what it installs. */
import { spawnSync } from 'node:child_process';
import { FetchError } from '../download.ts';

const MAGIC = '!<arch>\n';
const HEADER_BYTES = 60;
const LARGEST = 2 ** 26;

/** A member of an ar archive. Throws FetchError if it is not there. */
export function memberOfAr(archive: Buffer, wanted: string): Buffer {
  const text = (begin: number, end: number) => archive.toString('latin1', begin, end).trim();
  if (archive.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new FetchError('the package is no ar archive');
  for (let at = MAGIC.length; at + HEADER_BYTES <= archive.length; ) {
    const [name, size] = [text(at, at + 16), Number(text(at + 48, at + 58))];
    const begin = at + HEADER_BYTES;
    if (name.replace(/\/$/, '') === wanted) return archive.subarray(begin, begin + size);
    // Members begin at even places.
    at = begin + size + (size % 2);
  }
  throw new FetchError(`the package has no ${wanted}`);
}

/**
 * A member of a tar archive that xz has compressed, by the system's `tar`, because Node reads no xz: GNU's calls `xz`, those of macOS
 * and Windows read it themselves. Throws FetchError with what it said.
 */
export function memberOfTarXz(archive: Buffer, wanted: string): Buffer {
  const { error, status, stdout, stderr } = spawnSync('tar', ['-xJOf', '-', wanted], {
    input: archive,
    maxBuffer: LARGEST,
  });
  if (error === undefined && status === 0) return stdout;
  // Where tar began and failed, what it said explains more than the pipe that broke.
  const said = stderr?.toString('utf8').trim().split('\n')[0] || error?.message;
  throw new FetchError(`tar cannot unpack what xz has compressed; install tar and xz-utils: ${said}`);
}
