/** JSON in files that are not trusted: how deep and how large it is, is known before it becomes objects. */
import { type Complain, InputFile } from './input-file.ts';
import { decodeText } from './text.ts';

export interface JsonLimits {
  /** In bytes. */
  size: number;
  /** Lists and objects within each other. What walks through the value may call itself as deep. */
  depth: number;
  /** Entries of all lists and objects together. Each may take some 50 bytes when it has become an object. */
  values: number;
}

/** Ample for what has any use: the largest tokenisers have two million entries, a dozen levels deep. */
export const JSON_LIMITS: JsonLimits = { size: 2 ** 28, depth: 100, values: 2 ** 23 };

/** The value in a file. Throws FileFormatError for one that is missing, is no file or no JSON, or is beyond the limits. */
export function readJson(path: string, limits: Partial<JsonLimits> = {}): unknown {
  return valueIn(new InputFile(path, limits.size ?? JSON_LIMITS.size), limits);
}

/** A file whose value is an object. Throws FileFormatError for any other, or none, or one beyond the limits. */
export function readJsonObject(path: string, limits: Partial<JsonLimits> = {}): Record<string, unknown> {
  const file = new InputFile(path, limits.size ?? JSON_LIMITS.size);
  const value = valueIn(file, limits);
  if (isObject(value)) return value;
  throw file.error('expected a JSON object, got another value');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function valueIn(file: InputFile, limits: Partial<JsonLimits>): unknown {
  return parseJson(new Uint8Array(file.readAll()), (problem) => file.error(problem), limits);
}

/** The value of JSON in UTF-8, or in a text. Throws what `complain` makes for text that is not JSON, or is beyond the limits. */
export function parseJson(json: Uint8Array | string, complain: Complain, limits: Partial<JsonLimits> = {}): unknown {
  const bytes = typeof json === 'string' ? new TextEncoder().encode(json) : json;
  expectSmall(bytes, complain, { ...JSON_LIMITS, ...limits });
  const text = typeof json === 'string' ? json : decodeText(bytes, complain);
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw complain(`expected JSON, got a text that is not (${error.message})`);
  }
}

const [QUOTE, BACKSLASH, COMMA] = ['"', '\\', ','].map((each) => each.charCodeAt(0));
/** `[` and `{`, `]` and `}` differ in one bit. */
const CASE_BIT = 0x20;
const [OPENING, CLOSING] = ['{', '}'].map((each) => each.charCodeAt(0));

/** One pass over the bytes, of which those that are not ASCII are within texts. */
function expectSmall(bytes: Uint8Array, complain: Complain, { size, depth: deepest, values: most }: JsonLimits): void {
  if (bytes.length > size) throw complain(`expected at most ${size} bytes of JSON, got ${bytes.length}`);
  let [depth, values] = [0, 0];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      for (at++; at < bytes.length && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
    } else if ((byte | CASE_BIT) === OPENING) {
      values++;
      if (++depth > deepest) throw complain(`expected JSON of at most ${deepest} levels, got more at byte ${at}`);
    } else if ((byte | CASE_BIT) === CLOSING) depth--;
    else if (byte === COMMA) values++;
    if (values > most) throw complain(`expected JSON of at most ${most} values, got more at byte ${at}`);
  }
}
