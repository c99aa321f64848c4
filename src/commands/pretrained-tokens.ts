/** What a model of Hugging Face reads: the tokens of a text, or numbers of tokens from a file. */
import { join } from 'node:path';
import { ArgumentError, FileFormatError } from '../core/errors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { readTextBeginning, type TextBeginning } from '../core/files/text.ts';
import { visible } from '../core/visible.ts';
import { loadTokenizer, type TextTokenizer } from '../pretrained/tokenizer.ts';
import { formatBytes } from '../terminal/format.ts';

/** In bytes. Only the first tokens are read, as many as a model has positions. */
const LARGEST_INPUT = 2 ** 24;
/** How much of a file is read at first, and how that grows until it suffices. */
const FIRST_LOOK = 2 ** 12;
const BYTES_PER_TOKEN = 16;
const GROWTH = 4;

export interface TokensChoice {
  pretrained: string;
  text: string | undefined;
  /** A file of token numbers in place of a text. */
  ids: string | undefined;
}

/** The tokens of a file, and how much of it was read for them. */
export interface ReadTokens {
  /** The first tokens, at most so many. */
  first(most: number): number[];
  read: { file: string; bytes: number; of: number };
}

/**
 * The first tokens of the text, up to `most`: of a tokenizer with its special tokens, of --ids as they are. A long file is
 * read as far as they need. Throws ArgumentError, or FileFormatError for a tokenizer, where one is not of the vocabulary.
 */
export async function tokensOf(
  { pretrained, text, ids }: TokensChoice,
  most: number,
  vocabulary: number,
): Promise<ReadTokens> {
  if ((text === undefined) === (ids === undefined)) {
    throw new ArgumentError('--text: with --pretrained, expected either --text or --ids');
  }
  if (ids !== undefined) return idsIn(ids, most, vocabulary);
  const path = join(pretrained, 'tokenizer.json');
  if (entryAt(path) === null) {
    throw new ArgumentError(`--text: ${pretrained} has no tokenizer.json; give token numbers with --ids FILE`);
  }
  // Errors of the text come before a tokeniser is loaded.
  beginningOf('--text', text as string, firstLook(most));
  const found = textIn(text as string, most, await loadTokenizer(pretrained));
  const beyond = found.first(most).find((id) => id >= vocabulary);
  if (beyond === undefined) return found;
  throw new FileFormatError(`${path}: expected tokens 0 to ${vocabulary - 1}, as the model has, got ${beyond}`);
}

/** Lengthens the beginning until its first tokens are those of a beginning several times as long. */
function textIn(file: string, most: number, tokenizer: TextTokenizer): ReadTokens {
  const tokensOf = (text: string, maxLength: number) => [...tokenizer.encode([text], { maxLength }).tokens.toArray()];
  let before: number[] = [];
  for (let size = firstLook(most); ; size *= GROWTH) {
    const { text, bytes, of } = beginningOf('--text', file, size);
    const found = { first: (length: number) => tokensOf(text, length), read: { file, bytes, of } };
    if (isAll({ bytes, of })) return found;
    const tokens = text.trim() === '' ? [] : tokensOf(text, most);
    if (before.length >= most && before.every((id, n) => id === tokens[n])) return found;
    before = tokens;
  }
}

function idsIn(file: string, most: number, vocabulary: number): ReadTokens {
  for (let size = firstLook(most); ; size *= GROWTH) {
    const { text, bytes, of } = beginningOf('--ids', file, size);
    const words = text.split(/[\s,]+/);
    // The last one may continue beyond the part that was read.
    if (bytes < of) words.pop();
    const numbers = words.filter((word) => word !== '');
    const wrong = numbers.find((word) => !/^\d+$/.test(word));
    if (wrong !== undefined) throw new ArgumentError(`--ids: expected integers in ${file}, got '${wrong}'`);
    if (numbers.length < most && !isAll({ bytes, of })) continue;
    if (numbers.length === 0) throw new ArgumentError(`--ids: expected at least one integer in ${file}, got none`);
    const tokens = numbers.slice(0, most).map(Number);
    const beyond = tokens.find((token) => token >= vocabulary);
    if (beyond === undefined) return { first: (length) => tokens.slice(0, length), read: { file, bytes, of } };
    throw new ArgumentError(`--ids: expected 0 to ${vocabulary - 1} in ${file}, as the model has, got ${beyond}`);
  }
}

/** Whether the whole file was read. */
function isAll({ bytes, of }: { bytes: number; of: number }): boolean {
  // A character may be cut off at the end.
  return bytes === of || bytes > LARGEST_INPUT - 4;
}

/** `the first 9.77 KiB of story.txt (45.8 MiB)` */
export function formatRead({ file, bytes, of }: ReadTokens['read']): string {
  const whole = `${file} (${formatBytes(of)})`;
  return bytes === of ? `all of ${whole}` : `the first ${formatBytes(bytes)} of ${whole}`;
}

const firstLook = (tokens: number) => FIRST_LOOK + BYTES_PER_TOKEN * tokens;

function beginningOf(flag: string, path: string, size: number): TextBeginning {
  try {
    return readTextBeginning(path, Math.min(LARGEST_INPUT, size));
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    // Their messages begin with the path.
    const reason = error.message.slice(`${visible(path)}: `.length).replace(/^cannot be read: /, '');
    throw new ArgumentError(`${flag}: cannot read ${path}: ${reason}`, { cause: error });
  }
}
