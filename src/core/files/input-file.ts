/**
 * Reading parts of a file: opened for each part, so that nothing stays open between them. All that is read from outside is
 * read here: only ordinary files, no more of them than their size says, and no other content than was opened.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from '#platform/fs';
import { FileFormatError, MemoryError } from '../errors.ts';
import { expectText } from '../expect.ts';
import { BLOCK, FileIdentity, readInto } from './file-identity.ts';
import { reading } from './system-error.ts';

/** Neither waits for the other end of a pipe nor takes a terminal; Windows has no such flags. */
const FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** A pointer of Git LFS (its specification, "The Pointer") has fewer than 1024 bytes, and begins so. */
const LONGEST_POINTER = 1024;
const POINTER = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\r?\n/;

/** Makes an error about what is read, to be thrown. */
export type Complain = (problem: string) => FileFormatError;

/** Bytes that are read in parts: a file, or a member of one. */
export interface ByteSource {
  /** In bytes. */
  readonly size: number;
  /** Bytes `begin` to `end` (exclusive), in a buffer of their own. Throws FileFormatError for bytes that cannot be read. */
  read(begin: number, end: number): ArrayBuffer;
  /** An error about these bytes, to be thrown. */
  error(problem: string): FileFormatError;
}

export class InputFile implements ByteSource {
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly #identity: FileIdentity;

  /**
   * Throws FileFormatError unless `path` is a file, of the ordinary kind that can be read from any byte, and of `most`
   * bytes at most, or if it is no more than a pointer of Git LFS. A pipe or a device is not waited for.
   */
  constructor(path: string, most = Number.MAX_SAFE_INTEGER) {
    expectText('path', path);
    this.path = path;
    const { size, identity } = this.#opened((file) => {
      const { size } = fstatSync(file);
      if (size > most) throw this.error(`expected at most ${most} bytes, got ${size}`);
      if (size <= LONGEST_POINTER) this.#expectNoPointer(file, size);
      return { size, identity: new FileIdentity(file) };
    });
    this.size = size;
    this.#identity = identity;
  }

  /**
   * Bytes `begin` to `end` (exclusive), in a buffer of their own. Throws FileFormatError if the file ends before, or is no
   * longer the one that was opened, and MemoryError if they are too many to hold.
   */
  read(begin: number, end: number): ArrayBuffer {
    const identity = this.#identity;
    // Where blocks are compared, they are read whole.
    const first = identity.comparesBlocks ? begin - (begin % BLOCK) : begin;
    const last = identity.comparesBlocks ? Math.min(this.size, Math.ceil(end / BLOCK) * BLOCK) : end;
    const bytes = this.#reserve(last - first);
    this.#opened((file) => {
      const got = readInto(bytes, file, first);
      if (first + got < end) throw this.error(`truncated: expected ${end} bytes, got ${first + got}`);
      // After reading: what is written meanwhile is noticed too.
      if (identity.isOf(file) && identity.hasBlocks(bytes.subarray(0, got), first)) return;
      throw this.error('has changed since it was opened: read it again');
    });
    return first === begin && last === end ? bytes.buffer : bytes.buffer.slice(begin - first, end - first);
  }

  /** The whole of it. */
  readAll(): ArrayBuffer {
    return this.read(0, this.size);
  }

  /** An error about this file, to be thrown. */
  error(problem: string): FileFormatError {
    return new FileFormatError(`${this.path}: ${problem}`);
  }

  /** What `body` makes of the open file. */
  #opened<T>(body: (file: number) => T): T {
    return reading(this.path, () => {
      // A device may act on being opened, so it is checked first; and it may take the place of the file after that.
      this.#expectFile(statSync(this.path));
      const file = openSync(this.path, FLAGS);
      try {
        this.#expectFile(fstatSync(file));
        return body(file);
      } finally {
        closeSync(file);
      }
    });
  }

  #expectFile(found: { isFile(): boolean; isDirectory(): boolean }): void {
    if (found.isDirectory()) throw this.error('cannot be read: it is a folder');
    if (!found.isFile()) throw this.error('cannot be read: it is a device or a pipe, not a file');
  }

  /** Of a large file a checkout has only this until it is fetched: every reader has to know, whatever it expected. */
  #expectNoPointer(file: number, size: number): void {
    const bytes = new Uint8Array(size);
    const text = new TextDecoder('latin1').decode(bytes.subarray(0, readInto(bytes, file, 0)));
    if (!POINTER.test(text)) return;
    const [, whole] = /^size (\d+)\r?$/m.exec(text) ?? [];
    const missing = whole === undefined ? 'the file itself' : `the file itself, of ${whole} bytes`;
    throw this.error(`a pointer of Git LFS, not ${missing}: run git lfs pull in its repository, or download the file`);
  }

  #reserve(length: number): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(length);
    } catch (error) {
      throw new MemoryError(`${this.path}: ${length} bytes are too many to hold at once`, { cause: error });
    }
  }
}
