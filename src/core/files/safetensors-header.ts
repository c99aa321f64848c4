/**
 * The header of a .safetensors file: JSON text, of which nothing is trusted. Each number in it is checked before
 * it is used, and the tensors must tile the data exactly, as the format demands: no gap, no overlap, nothing left over.
 */
import { formatShape } from '../errors.ts';
import type { Complain } from './input-file.ts';
import { isObject, parseJson } from './json.ts';
import { countElements, isExtent, NUMBER_KINDS, type StoredNumber } from './numbers.ts';

const DTYPES: ReadonlyMap<string, StoredNumber> = new Map([
  ['F64', 'float64'],
  ['F32', 'float32'],
  ['F16', 'float16'],
  ['BF16', 'bfloat16'],
  ['I64', 'int64'],
  ['U64', 'uint64'],
  ['I32', 'int32'],
  ['U32', 'uint32'],
  ['I16', 'int16'],
  ['U16', 'uint16'],
  ['I8', 'int8'],
  ['U8', 'uint8'],
  ['BOOL', 'bool'],
]);

export const METADATA_KEY = '__metadata__';

export interface HeaderEntry {
  readonly name: string;
  /** As the header spells it, and what it means. */
  readonly dtype: string;
  readonly number: StoredNumber;
  readonly shape: readonly number[];
  /** Bytes from `begin` to `end` (exclusive) of the data. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  /** In the order of their bytes. */
  readonly entries: readonly HeaderEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Reads the header's text and holds it against the number of data bytes that follow it; throws what `complain` makes. */
export function parseHeader(text: string, dataBytes: number, complain: Complain): Header {
  const members = new Map(Object.entries(parseObject(text, complain)));
  const metadata = parseMetadata(members.get(METADATA_KEY) ?? {}, complain);
  members.delete(METADATA_KEY);
  const entries = [...members].map(([name, info]) => parseEntry(name, info, complain));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  expectTiling(entries, dataBytes, complain);
  return { entries, metadata };
}

/** The format has three levels; and some nine values for each tensor, so that this is half a million of them. */
const LIMITS = { depth: 16, values: 2 ** 22 };

function parseObject(text: string, complain: Complain): Record<string, unknown> {
  // Also what a byte order mark or leading space would fail: the format wants the brace first.
  if (!text.startsWith('{')) {
    throw complain(`header: expected JSON that begins with {, got ${shorten(text) || 'nothing'}`);
  }
  const header = parseJson(text, (problem) => complain(`header: ${problem}`), LIMITS) as Record<string, unknown>;
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw complain(`header: ${JSON.stringify(repeated)} occurs twice in one object`);
  return header;
}

/** A key that some object of this valid JSON text has twice. JSON.parse silently keeps the last. */
function repeatedKey(text: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{' || text[at] === '[') open.push(new Set());
    else if (text[at] === '}' || text[at] === ']') open.pop();
    else if (text[at] === '"') {
      const start = at++;
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
      let next = at + 1;
      while (/\s/.test(text[next])) next++;
      if (text[next] !== ':') continue;
      const key = JSON.parse(text.slice(start, at + 1)) as string;
      const keys = open[open.length - 1];
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}

function parseEntry(name: string, info: unknown, complain: Complain): HeaderEntry {
  const field = (key: string): unknown => (isObject(info) && Object.hasOwn(info, key) ? info[key] : undefined);
  const wrong = (key: string, expected: string): Error =>
    complain(`${name}: ${key}: expected ${expected}, got ${excerpt(field(key))}`);

  const [dtype, shape, offsets] = [field('dtype'), field('shape'), field('data_offsets')];
  const number = typeof dtype === 'string' ? DTYPES.get(dtype) : undefined;
  if (typeof dtype !== 'string' || number === undefined) {
    throw wrong('dtype', `one of ${[...DTYPES.keys()].join(', ')}`);
  }
  if (!isListOfExtents(shape)) throw wrong('shape', 'a list of integers of at least 0');
  if (!isListOfExtents(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw wrong('data_offsets', '[begin, end] with 0 ≤ begin ≤ end');
  }
  const [begin, end] = offsets;
  const bytes = countElements(shape) * NUMBER_KINDS[number].bytes;
  if (bytes !== end - begin) {
    throw complain(`${name}: expected ${bytes} bytes for ${dtype} ${formatShape(shape)}, got ${end - begin}`);
  }
  return { name, dtype, number, shape, begin, end };
}

function isListOfExtents(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isExtent);
}

function expectTiling(entries: readonly HeaderEntry[], dataBytes: number, complain: Complain): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin < covered) throw complain(`${name}: overlaps another tensor: begins at ${begin}, before ${covered}`);
    if (begin > covered) throw complain(`${name}: ${begin - covered} bytes before it belong to no tensor`);
    if (end > dataBytes) throw complain(`${name}: truncated: ends at data byte ${end} of ${dataBytes}`);
    covered = end;
  }
  if (covered < dataBytes) throw complain(`${dataBytes - covered} bytes at the end belong to no tensor`);
}

function parseMetadata(metadata: unknown, complain: Complain): ReadonlyMap<string, string> {
  const got = `got ${excerpt(metadata)}`;
  if (!isObject(metadata)) throw complain(`${METADATA_KEY}: expected an object, ${got}`);
  const texts = Object.entries(metadata);
  if (!texts.every((each): each is [string, string] => typeof each[1] === 'string')) {
    throw complain(`${METADATA_KEY}: expected an object of texts, ${got}`);
  }
  return new Map(texts);
}

/** Enough of a value of JSON to recognise it by. */
function excerpt(value: unknown): string {
  return value === undefined ? 'nothing' : shorten(JSON.stringify(value));
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
