/** The part of `node:zlib` that the library uses, by `fflate`: a browser's own streams answer by promises, which no caller can await. */
import { type FlateError, FlateErrorCode, Inflate, inflateSync, zlibSync } from 'fflate';

/** How much of the input has to be there: what is cut off gives what it can (Z_SYNC_FLUSH), or an error. */
export const constants = { Z_SYNC_FLUSH: 2, Z_FINISH: 4 } as const;

/** As `node:zlib` names what goes wrong. */
class InflateError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The zlib format (RFC 1950) of bytes; `level` from 0, stored as they are, to 9, the smallest. */
export function deflateSync(bytes: Uint8Array, { level }: { level: Level }): Uint8Array {
  return zlibSync(bytes, { level });
}

type Level = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/**
 * The bytes that a raw deflate stream (RFC 1951) holds: what lies behind its end is passed over, and with `finishFlush:
 * Z_SYNC_FLUSH` a stream that is cut off gives what it can, of a stored block nothing until all of it is there. Throws errors
 * with a code: ERR_BUFFER_TOO_LARGE for more than `maxOutputLength` bytes, Z_DATA_ERROR for what is no such stream,
 * Z_BUF_ERROR for one that is cut off; RangeError where so much memory is not to be had.
 *
 * A whole stream takes memory for `maxOutputLength` bytes and one more, whatever is in it. One that may be cut off takes
 * twice what it holds: at most 2064 bytes for each of its own.
 */
export function inflateRawSync(
  bytes: Uint8Array,
  { maxOutputLength, finishFlush }: { maxOutputLength: number; finishFlush: number },
): Uint8Array {
  const inflated =
    finishFlush === constants.Z_SYNC_FLUSH ? inflatedSoFar(bytes) : inflatedWithin(bytes, maxOutputLength + 1);
  if (inflated.length > maxOutputLength) throw tooLarge(maxOutputLength);
  return inflated;
}

/** At most the first `most` bytes: what would come behind them is dropped. */
function inflatedWithin(bytes: Uint8Array, most: number): Uint8Array {
  if (bytes.length === 0) throw new InflateError('Z_BUF_ERROR', 'unexpected end of file');
  const out = new Uint8Array(most);
  try {
    return inflateSync(bytes, { out });
  } catch (error) {
    // A stored block that does not fit; single bytes that do not fit are dropped without a word.
    if (error instanceof RangeError) return out;
    throw named(error);
  }
}

function inflatedSoFar(bytes: Uint8Array): Uint8Array {
  let inflated = new Uint8Array();
  try {
    new Inflate((found) => {
      inflated = found;
    }).push(bytes);
  } catch (error) {
    throw error instanceof RangeError ? error : named(error);
  }
  return inflated;
}

function tooLarge(most: number): InflateError {
  return new InflateError('ERR_BUFFER_TOO_LARGE', `more than ${most} bytes`);
}

function named(error: unknown): InflateError {
  const { code, message } = error as FlateError;
  const name = code === FlateErrorCode.UnexpectedEOF ? 'Z_BUF_ERROR' : 'Z_DATA_ERROR';
  return new InflateError(name, message, { cause: error });
}
