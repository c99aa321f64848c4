/**
 * Text in files is UTF-8. Bytes of another encoding are refused, never replaced: replacement characters would silently
 * give wrong numbers.
 */
import { ArgumentError } from '../errors.ts';
import { type ByteSource, type Complain, InputFile } from './input-file.ts';

/** In bytes. A string cannot hold much more. */
const LONGEST_TEXT = 2 ** 28;
/** Bytes that are checked together. */
const CHUNK = 2 ** 20;
/** Bytes by which a text of two-byte characters is recognised. */
const SAMPLE = 2 ** 12;

/** The text of a file. Throws FileFormatError for a file that is missing, is no UTF-8 or has more than `most` bytes. */
export function readText(path: string, most = LONGEST_TEXT): string {
  const file = new InputFile(path, most);
  return decodeText(new Uint8Array(file.readAll()), (problem) => file.error(problem));
}

/** The beginning of a text, and how much of its file that is. */
export interface TextBeginning {
  text: string;
  /** Bytes that were read, and those of the file. */
  bytes: number;
  of: number;
}

/**
 * The first characters of a file, of at most `most` bytes, and no half of one. The rest is not read, however
 * long it is. Throws FileFormatError for a file that is missing, and for bytes that are no UTF-8.
 */
export function readTextBeginning(path: string, most: number): TextBeginning {
  const file = new InputFile(path);
  const read = new Uint8Array(file.read(0, Math.min(most, file.size)));
  const bytes = read.length < file.size ? read.subarray(0, endOfCharacters(read)) : read;
  return { text: decodeText(bytes, (problem) => file.error(problem)), bytes: bytes.length, of: file.size };
}

/** Where the last whole character ends: before a lead that wants more bytes than follow it. */
function endOfCharacters(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if (byte >> 6 === 2) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** The text of these bytes; a byte order mark is dropped. Throws what `complain` makes unless they are UTF-8. */
export function decodeText(bytes: Uint8Array, complain: Complain): string {
  return new TextDecoder().decode(expectText(bytes, complain));
}

/**
 * The bytes of a text, without a byte order mark. Throws what `complain` makes, with a guess at what they are, unless they
 * are UTF-8.
 */
export function expectText(bytes: Uint8Array, complain: Complain): Uint8Array {
  expectNoOther(bytes, complain);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for (let begin = 0; begin < bytes.length; begin += CHUNK) {
      decoder.decode(bytes.subarray(begin, begin + CHUNK), { stream: true });
    }
    decoder.decode();
  } catch {
    throw faultIn(bytes, complain);
  }
  return startsWith(bytes, UTF8_MARK) ? bytes.subarray(UTF8_MARK.length) : bytes;
}

function expectNoOther(bytes: Uint8Array, complain: Complain): void {
  const other = otherEncoding(bytes);
  if (other !== undefined) throw complain(`expected UTF-8 text, got ${other}: convert it to UTF-8`);
}

/** An error about the first byte that belongs to no character; `from` is where in their file the bytes begin. */
function faultIn(bytes: Uint8Array, complain: Complain, from = 0): Error {
  const at = firstFault(bytes);
  const byte = `0x${bytes[at].toString(16).padStart(2, '0')}`;
  const fault = `got byte ${byte} at ${from + at}, ${faultOf(bytes, at)}`;
  return complain(`expected UTF-8 text, ${fault}: convert it to UTF-8`);
}

/**
 * For a model of bytes: those of a text, as `expectText` has them, or of a file that is no text in any encoding, as they
 * are. Throws what `complain` makes for text in another encoding than UTF-8.
 */
export function expectTextOrBinary(bytes: Uint8Array, complain: Complain): Uint8Array {
  return isText(bytes) ? expectText(bytes, complain) : bytes;
}

/**
 * The same for a source that is not held in memory: reads it in parts, and returns where its text begins, after a byte order
 * mark. Throws FileFormatError for text in another encoding than UTF-8.
 */
export function beginOfTextOrBinary(file: ByteSource): number {
  const complain: Complain = (problem) => file.error(problem);
  const head = new Uint8Array(file.read(0, Math.min(file.size, SAMPLE)));
  if (!isText(head)) return 0;
  expectNoOther(head, complain);
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let begin = 0; begin < file.size; begin += CHUNK) {
    const end = Math.min(begin + CHUNK, file.size);
    try {
      decoder.decode(file.read(begin, end), { stream: end < file.size });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      // With the character that may have begun before, and what would end one that begins here.
      const from = Math.max(0, begin - 3);
      const bytes = new Uint8Array(file.read(from, Math.min(end + 3, file.size)));
      const first = from === 0 ? 0 : bytes.findIndex((byte) => byte >> 6 !== 2);
      throw faultIn(bytes.subarray(first), complain, from + first);
    }
  }
  return startsWith(head, UTF8_MARK) ? UTF8_MARK.length : 0;
}

function isText(bytes: Uint8Array): boolean {
  return otherEncoding(bytes) !== undefined || !bytes.subarray(0, SAMPLE).some(isControl);
}

/** What no text has, in whatever encoding of one byte a character: control characters but for white space. */
function isControl(byte: number): boolean {
  return byte < 0x09 || (byte > 0x0d && byte < 0x20) || byte === 0x7f;
}

/**
 * The bytes of a text that a caller gave. Throws ArgumentError, under this name, for half of a surrogate pair and for the
 * replacement character: there the text was lost before it came here, as from a terminal that is not in UTF-8.
 */
export function encodeText(name: string, text: string): Uint8Array {
  const at = text.search(LOST);
  if (at < 0) return new TextEncoder().encode(text);
  const code = text.charCodeAt(at).toString(16).toUpperCase();
  throw new ArgumentError(`${name}: expected text that is whole in UTF-8, got U+${code} at character ${at}`);
}

const LOST = /[\p{Cs}\ufffd]/u;

const UTF8_MARK = [0xef, 0xbb, 0xbf];
/** Byte order marks, the longer ones first: that of UTF-16 begins that of UTF-32. */
const MARKS: readonly [mark: readonly number[], name: string][] = [
  [[0xff, 0xfe, 0, 0], 'UTF-32, little-endian'],
  [[0, 0, 0xfe, 0xff], 'UTF-32, big-endian'],
  [[0xff, 0xfe], 'UTF-16, little-endian'],
  [[0xfe, 0xff], 'UTF-16, big-endian'],
];

function otherEncoding(bytes: Uint8Array): string | undefined {
  const marked = MARKS.find(([mark]) => startsWith(bytes, mark));
  if (marked !== undefined) return `${marked[1]} (by its byte order mark)`;
  // Western text in UTF-16 is valid UTF-8 too, with a zero in every other byte.
  const pairs = Math.min(bytes.length, SAMPLE) >> 1;
  let [first, second] = [0, 0];
  for (let pair = 0; pair < pairs; pair++) {
    if (bytes[2 * pair] === 0) first++;
    if (bytes[2 * pair + 1] === 0) second++;
  }
  const most = Math.max(first, second);
  if (most * 3 <= pairs || Math.min(first, second) * 4 > most) return undefined;
  return `UTF-16, ${first > second ? 'big' : 'little'}-endian (by the zeros in it)`;
}

function startsWith(bytes: Uint8Array, mark: readonly number[]): boolean {
  return mark.every((byte, n) => bytes[n] === byte);
}

/** Where the first byte stands that belongs to no character. */
function firstFault(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const length = characterAt(bytes, at);
    if (length === 0) return at;
    at += length;
  }
  return at;
}

/** Bytes of the character that begins here; 0 where none does (RFC 3629, section 4). */
function characterAt(bytes: Uint8Array, at: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The first byte after some leads has a shorter range: no longer forms, no surrogates, nothing above U+10FFFF.
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let n = 1; n < length; n++) {
    const byte = bytes[at + n];
    const [low, high] = n === 1 ? [least, most] : [0x80, 0xbf];
    if (!(byte >= low && byte <= high)) return 0;
  }
  return length;
}

function faultOf(bytes: Uint8Array, at: number): string {
  const rest = [...bytes.subarray(at, at + 4)];
  const isCutOff = rest.length < 4 && rest[0] >= 0xc2 && rest.slice(1).every((byte) => byte >> 6 === 2);
  if (isCutOff && at + rest.length === bytes.length) return 'where the file ends in the middle of a character';
  return 'as in Latin-1 or Windows-1252 text, or in a file that is no text';
}
