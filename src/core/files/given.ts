/** What a reader takes: the path of a file, or the bytes of one that the caller has, as a page has and a download is. */
import { adviceForText } from '../advice.ts';
import { FileFormatError, wrongKind } from '../errors.ts';
import { type ByteSource, InputFile } from './input-file.ts';

/** The path of a file, or its bytes, which are read until the last `load` and must not change meanwhile. */
export type FileOrBytes = string | Uint8Array | ArrayBuffer;

/** Opens it. Throws FileFormatError as InputFile does for a path, ArgumentError unless it is a path or bytes. */
export function openGiven(given: FileOrBytes): ByteSource {
  if (typeof given === 'string') return new InputFile(given);
  if (given instanceof Uint8Array) return new BytesInHand(given);
  if (given instanceof ArrayBuffer) return new BytesInHand(new Uint8Array(given));
  throw wrongKind('file', 'a path, or bytes as a Uint8Array or an ArrayBuffer', given, adviceForText('file', given));
}

class BytesInHand implements ByteSource {
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.size = bytes.length;
  }

  read(begin: number, end: number): ArrayBuffer {
    if (end > this.size) throw this.error(`truncated: expected ${end} bytes, got ${this.size}`);
    // Into a buffer of its own, which theirs may not be: a part of a larger one, or one that threads share.
    return Uint8Array.from(this.#bytes.subarray(begin, end)).buffer;
  }

  error(problem: string): FileFormatError {
    return new FileFormatError(`the bytes given: ${problem}`);
  }
}
