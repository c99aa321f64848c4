/** Reading parts of a file: opened for each part, so that nothing stays open between them. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { FileFormatError, MemoryError } from '../errors.ts';
import { systemReason } from './system-error.ts';

/** A system call reads at most this much: some cannot go to 2 GiB. */
const LONGEST_READ = 2 ** 30;

/** Makes an error about what is read, to be thrown. */
export type Complain = (problem: string) => FileFormatError;

/** Text that may come from a file: no control character of it gets to a terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}

export class InputFile {
  readonly path: string;
  /** In bytes. */
  readonly size: number;

  /** Throws FileFormatError unless `path` is a file, of the ordinary kind that can be read from any byte. */
  constructor(path: string) {
    this.path = path;
    const found = this.#asked(() => statSync(path));
    if (found.isDirectory()) throw this.error('cannot be read: it is a folder');
    if (!found.isFile()) throw this.error('cannot be read: it is a device or a pipe, not a file');
    this.size = found.size;
  }

  /**
   * Bytes `begin` to `end` (exclusive), in a buffer of their own. Throws FileFormatError if the file ends before, and
   * MemoryError if they are too many to hold.
   */
  read(begin: number, end: number): ArrayBuffer {
    const bytes = this.#reserve(end - begin);
    this.#asked(() => {
      const file = openSync(this.path, 'r');
      try {
        for (let done = 0; done < bytes.length; ) {
          const count = readSync(file, bytes, done, Math.min(bytes.length - done, LONGEST_READ), begin + done);
          if (count === 0) throw this.error(`truncated: expected ${end} bytes, got ${begin + done}`);
          done += count;
        }
      } finally {
        closeSync(file);
      }
    });
    return bytes.buffer;
  }

  /** An error about this file, to be thrown. */
  error(problem: string): FileFormatError {
    return new FileFormatError(`${this.path}: ${printable(problem)}`);
  }

  #reserve(length: number): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(length);
    } catch (error) {
      throw new MemoryError(`${this.path}: ${length} bytes are too many to hold at once`, { cause: error });
    }
  }

  #asked<T>(ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      const reason = systemReason(error);
      if (reason === undefined) throw error;
      throw new FileFormatError(`${this.path}: cannot be read: ${reason}`, { cause: error });
    }
  }
}
