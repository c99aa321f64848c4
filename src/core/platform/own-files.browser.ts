/** Files of the package itself on a page: what its bundle holds (embedded.d.ts), or a thread was sent. */
import { files } from 'embedded:package';
import { UnsupportedError } from '../errors.ts';

let held = files;

/** Takes the files that another thread holds, which this thread's script does not repeat. */
export function adoptFiles(sent: typeof files): void {
  held = sent;
}

/** What `adoptFiles` of a thread takes. */
export function filesToSend(): typeof files {
  return held;
}

/** The bytes of a file. Throws UnsupportedError for one that is only in the package on a disk. */
export function ownBytes(path: string): Uint8Array<ArrayBuffer> {
  const bytes = held[path];
  if (bytes !== undefined) return bytes;
  throw new UnsupportedError(`${path}: is in the package on a disk, and not in its bundle for browsers`);
}

/** The name under which a page can put a file (page-files.browser.ts). */
export function ownPath(path: string): string {
  return path.replace(/^(\.\.\/)+/, '');
}
