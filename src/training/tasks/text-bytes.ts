/** The bytes of a text that examples are cut from. Only the parts that are needed are in memory. */
import type { InputFile } from '../../core/files/input-file.ts';
import { beginOfTextOrBinary, expectTextOrBinary } from '../../core/files/text.ts';

/** In bytes. Shorter texts are kept in memory from the start. */
const SHORT = 2 ** 24;

export class TextBytes {
  /** Without a byte order mark. */
  readonly length: number;
  readonly #file: InputFile;
  readonly #begin: number;
  #held: Uint8Array | null = null;

  /**
   * Reads the whole file, even if it does not keep it, so that a text in another encoding than UTF-8 is refused before it is
   * used. Throws FileFormatError for such a text, and for a file that cannot be read.
   */
  constructor(file: InputFile, short = SHORT) {
    this.#file = file;
    if (file.size <= short) {
      this.#held = expectTextOrBinary(new Uint8Array(file.readAll()), (problem) => file.error(problem));
      this.#begin = file.size - this.#held.length;
    } else this.#begin = beginOfTextOrBinary(file);
    this.length = file.size - this.#begin;
  }

  /**
   * Bytes `begin` to `end` (exclusive). With `hold` the whole text stays in memory from then on. Training needs this: it
   * takes many parts each second and must continue if the file changes. Otherwise the bytes are read from the file. Throws
   * FileFormatError if the file has changed.
   */
  part(begin: number, end: number, hold: boolean): Uint8Array {
    if (hold) this.#held ??= new Uint8Array(this.#file.readAll()).subarray(this.#begin);
    if (this.#held !== null) return this.#held.subarray(begin, end);
    return new Uint8Array(this.#file.read(this.#begin + begin, this.#begin + end));
  }
}
