/** The bytes of a text that examples are cut from, held in memory only as far as needed. */
import type { InputFile } from '../../core/files/input-file.ts';
import { beginOfTextOrBinary, expectTextOrBinary } from '../../core/files/text.ts';

/** In bytes. Shorter texts are held from the beginning. */
const SHORT = 2 ** 24;

export class TextBytes {
  /** Without a byte order mark. */
  readonly length: number;
  readonly #file: InputFile;
  readonly #begin: number;
  #held: Uint8Array | null = null;

  /**
   * Reads all of the file, whether or not it holds it: a text in another encoding than UTF-8 is refused before it is used.
   * Throws FileFormatError for one, and for a file that cannot be read.
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
   * Bytes `begin` to `end` (exclusive). With `hold` all are held from then on, as for a training, which wants a part many
   * times in a second and is to go on if the file changes; else they are read where they are. Throws FileFormatError if the
   * file has changed.
   */
  part(begin: number, end: number, hold: boolean): Uint8Array {
    if (hold) this.#held ??= new Uint8Array(this.#file.readAll()).subarray(this.#begin);
    if (this.#held !== null) return this.#held.subarray(begin, end);
    return new Uint8Array(this.#file.read(this.#begin + begin, this.#begin + end));
  }
}
