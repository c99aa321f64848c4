/**
 * The .safetensors format (https://huggingface.co/docs/safetensors, "Format"): the header's length in 8 bytes, the
 * header as JSON (for each tensor its dtype, its shape and where its bytes are; under `__metadata__` texts by name),
 * then the bytes. Everything is little-endian and row-major.
 */
import { createHash } from '#platform/crypto';
import { ArgumentError, describe } from '../errors.ts';
import { expectIterable, expectList, expectText } from '../expect.ts';
import { dtypeOf, type NumericArray } from '../memory.ts';
import { writeFileAtomically } from './atomic.ts';
import { type FileOrBytes, openGiven } from './given.ts';
import type { ByteSource, Complain } from './input-file.ts';
import {
  type ArrayToStore,
  decode,
  expectFilled,
  littleEndianBytes,
  NUMBER_KINDS,
  type StoredArray,
} from './numbers.ts';
import { METADATA_KEY, parseHeader } from './safetensors-header.ts';

const LENGTH_BYTES = 8;
/** The limit of the reference implementation, against headers that are made to exhaust memory. */
const LONGEST_HEADER = 100_000_000;
/** So that numbers of 8 bytes lie at a multiple of 8. */
const ALIGNMENT = 8;
const CHUNK = 2 ** 22;

/** The tensors of a safetensors file, and the texts of its header. */
export interface Safetensors {
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredArray>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A safetensors file that was opened: its tensors are read when they are loaded. */
export interface OpenedSafetensors extends Safetensors {
  /**
   * Reads all of the file, and throws FileFormatError unless its bytes match the digest in its metadata. Returns false if it
   * has none, as files of other programs: then damage cannot be detected.
   */
  verify(): boolean;
}

/**
 * Opens a file, by its path or its bytes: reads and checks its header, and no tensor until its `load` is called. F16 and
 * BF16 are widened to float32, integers become int32. Throws FileFormatError for a file that is missing or malformed in any
 * way, ArgumentError unless it is a path or bytes.
 *
 * @example
 * ```ts
 * const { tensors } = readSafetensors('model.safetensors');
 * for (const [name, { shape }] of tensors) console.log(name, shape);
 * ```
 */
export function readSafetensors(file: FileOrBytes): OpenedSafetensors {
  const source = openGiven(file);
  if (source.size < LENGTH_BYTES)
    throw source.error(`expected a header's length in 8 bytes, got ${source.size} bytes in all`);
  const length = new DataView(source.read(0, LENGTH_BYTES)).getBigUint64(0, true);
  const rest = source.size - LENGTH_BYTES;
  if (length > rest && length > LONGEST_HEADER) {
    throw source.error('not a .safetensors file: its first 8 bytes are not the length of a header');
  }
  if (length > rest) {
    throw source.error(`truncated, or not a .safetensors file: expected a header of ${length} bytes, got ${rest}`);
  }
  if (length > LONGEST_HEADER) throw source.error(`header: expected at most ${LONGEST_HEADER} bytes, got ${length}`);

  const dataStart = LENGTH_BYTES + Number(length);
  const json = decodeText(source, dataStart);
  const header = parseHeader(json, source.size - dataStart, (problem) => source.error(problem));
  const tensors = header.entries.map(({ name, dtype, number, shape, begin, end }): [string, StoredArray] => {
    const complain: Complain = (problem) => source.error(`${name}: ${problem}`);
    const load = (): NumericArray => decode(source.read(dataStart + begin, dataStart + end), number, true, complain);
    return [name, { shape, storedAs: dtype, dtype: NUMBER_KINDS[number].dtype, load }];
  });
  const verify = () => {
    const digest = header.metadata.get(DIGEST_KEY);
    if (digest === undefined) return false;
    const blank = exchangeDigest(json, digest, NO_DIGEST);
    if (blank !== null && digest === digestOf(headerBytes(blank), chunksOf(source, dataStart))) return true;
    throw source.error('damaged: its bytes do not match the digest in its metadata');
  };
  return { tensors: new Map(tensors), metadata: header.metadata, verify };
}

/** The file from a byte on, read as it is asked for. */
function* chunksOf(file: ByteSource, begin: number): Iterable<Uint8Array> {
  for (let at = begin; at < file.size; at += CHUNK) {
    yield new Uint8Array(file.read(at, Math.min(file.size, at + CHUNK)));
  }
}

/**
 * Writes tensors by name (a Map, or the entries of a record) as F64, F32, I32 or U8, and texts as metadata. The same
 * content gives the same bytes, in whatever order it comes: tensors lie by the size of their numbers, the largest first,
 * which keeps each aligned, and then by name. The file is there whole or not at all. With `digest` it holds a digest of
 * itself, under that name in the metadata, for `verify`.
 *
 * Throws ArgumentError for a name that is taken or reserved and for metadata that are no texts, ShapeError for numbers
 * that do not fill their shape, FileWriteError if the system refuses.
 *
 * @example
 * ```ts
 * writeSafetensors('qkv.safetensors', [['queries', { shape: queries.shape, data: queries.toArray() }]]);
 * ```
 */
export function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [name: string, array: ArrayToStore]>,
  metadata: Iterable<readonly [key: string, text: string]> = [],
  { digest = false }: { digest?: boolean } = {},
): void {
  expectText('path', path);
  const texts = entriesOf('metadata', metadata);
  if (digest) texts.push([DIGEST_KEY, NO_DIGEST]);
  texts.sort(([a], [b]) => compareTexts(a, b));
  const unsorted = entriesOf('tensors', tensors);
  for (const [name, array] of unsorted) expectFilled(name, array);
  const arrays = unsorted.sort(([nameA, a], [nameB, b]) => {
    return b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || compareTexts(nameA, nameB);
  });
  expectDistinct('metadata', texts);
  expectDistinct('tensors', [[METADATA_KEY], ...arrays]);

  const members: string[] = [];
  if (texts.length > 0) members.push(member(METADATA_KEY, jsonObject(texts.map(metadataMember))));
  let end = 0;
  for (const [name, array] of arrays) {
    const { shape, data } = array;
    const begin = end;
    end += data.byteLength;
    const info = { dtype: WRITTEN_DTYPES[dtypeOf(data)], shape, data_offsets: [begin, end] };
    members.push(member(name, JSON.stringify(info)));
  }
  const chunks = arrays.map(([, { data }]) => littleEndianBytes(data));
  const json = padded(jsonObject(members));
  const own = digest ? exchangeDigest(json, NO_DIGEST, digestOf(headerBytes(json), chunks)) : null;
  writeFileAtomically(path, [...headerBytes(own ?? json), ...chunks]);
}

const WRITTEN_DTYPES = { float64: 'F64', float32: 'F32', int32: 'I32', uint8: 'U8' } as const;

/** The length of a header, and the header. */
function headerBytes(json: string): Uint8Array[] {
  const text = new TextEncoder().encode(json);
  const length = new DataView(new ArrayBuffer(LENGTH_BYTES));
  length.setBigUint64(0, BigInt(text.length), true);
  return [new Uint8Array(length.buffer), text];
}

/** With spaces, so that the data begin where they should. */
function padded(json: string): string {
  const { length } = new TextEncoder().encode(json);
  return json + ' '.repeat(-length & (ALIGNMENT - 1));
}

/** A record would put names like `10` before all others, so objects are put together from their members' text. */
function jsonObject(members: readonly string[]): string {
  return `{${members.join(',')}}`;
}

function member(name: string, json: string): string {
  return `${JSON.stringify(name)}:${json}`;
}

/** Throws ArgumentError unless these are pairs of a name and something. */
function entriesOf<T>(argument: string, named: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  const entries = [...expectIterable(argument, named)];
  for (const [n, entry] of entries.entries()) {
    expectList(`${argument}[${n}]`, entry, undefined, 2);
    expectText(`${argument}[${n}][0]`, entry[0]);
  }
  return entries;
}

function metadataMember([key, text]: readonly [string, string]): string {
  if (typeof text !== 'string') throw new ArgumentError(`metadata: expected a text for ${key}, got ${describe(text)}`);
  return member(key, JSON.stringify(text));
}

function expectDistinct(argument: string, named: Iterable<readonly [string, ...unknown[]]>): void {
  const names = new Set<string>();
  for (const [name] of named) {
    if (names.has(name)) throw new ArgumentError(`${argument}: the name ${name} is taken`);
    names.add(name);
  }
}

/** By UTF-16 code units, whatever the locale. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function decodeText(file: ByteSource, end: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file.read(LENGTH_BYTES, end));
  } catch (error) {
    if (error instanceof TypeError) throw file.error('header: expected UTF-8 text, got other bytes');
    throw error;
  }
}

/**
 * Under this name in its metadata a file holds a digest of itself: SHA-256 of all its bytes, with zeros where the digest
 * stands. A bit that flipped anywhere, in a number too, is noticed by it.
 */
export const DIGEST_KEY = 'digest';

const ALGORITHM = 'sha256';
/** In the digest's place while it is computed; as long as one. */
export const NO_DIGEST = `${ALGORITHM}:${'0'.repeat(64)}`;

/** Of a header that has `NO_DIGEST` in the digest's place, and of the data. */
export function digestOf(...parts: Iterable<Uint8Array>[]): string {
  const hash = createHash(ALGORITHM);
  for (const part of parts) for (const chunk of part) hash.update(chunk);
  return `${ALGORITHM}:${hash.digest('hex')}`;
}

/** The header's JSON with one digest in the place of another; null where it has none of that value. */
export function exchangeDigest(json: string, from: string, to: string): string | null {
  // Within a text, quotes would be escaped.
  const member = (digest: string) => `${JSON.stringify(DIGEST_KEY)}:${JSON.stringify(digest)}`;
  return json.includes(member(from)) ? json.replace(member(from), member(to)) : null;
}
