/** What a model of Hugging Face reads: the tokens of a text, or numbers of tokens from a file. */
import { join } from 'node:path';
import { ArgumentError, FileFormatError } from '../core/errors.ts';
import { entryAt } from '../core/files/system-error.ts';
import { readText } from '../core/files/text.ts';
import { visible } from '../core/visible.ts';
import { loadTokenizer } from '../pretrained/tokenizer.ts';

/** In bytes. Only the first tokens are read, as many as a model has positions. */
const LARGEST_INPUT = 2 ** 24;

export interface TokensChoice {
  pretrained: string;
  text: string | undefined;
  /** A file of token numbers in place of a text. */
  ids: string | undefined;
}

/**
 * The first tokens of the text: of a tokenizer with its special tokens, of --ids as they are. Throws ArgumentError, or
 * FileFormatError for a tokenizer, where one is not of the vocabulary.
 */
export async function tokensOf(
  { pretrained, text, ids }: TokensChoice,
  most: number,
  vocabulary: number,
): Promise<(n: number) => number[]> {
  if ((text === undefined) === (ids === undefined)) {
    throw new ArgumentError('--text: with --pretrained, expected a text or --ids, one of the two');
  }
  if (ids !== undefined) {
    const words = contentOf('--ids', ids)
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    const wrong = words.find((word) => !/^\d+$/.test(word));
    if (wrong !== undefined) throw new ArgumentError(`--ids: expected integers in ${ids}, got '${wrong}'`);
    if (words.length === 0) throw new ArgumentError(`--ids: expected at least one integer in ${ids}, got none`);
    const tokens = words.slice(0, most).map(Number);
    const beyond = tokens.find((token) => token >= vocabulary);
    if (beyond === undefined) return (length) => tokens.slice(0, length);
    throw new ArgumentError(`--ids: expected 0 to ${vocabulary - 1} in ${ids}, as the model has, got ${beyond}`);
  }
  const path = join(pretrained, 'tokenizer.json');
  if (entryAt(path) === null) {
    throw new ArgumentError(`--text: ${pretrained} has no tokenizer.json; give token numbers with --ids FILE`);
  }
  const content = contentOf('--text', text as string);
  const tokenizer = await loadTokenizer(pretrained);
  const beyond = tokenizer
    .encode([content], { maxLength: most })
    .tokens.toArray()
    .find((id) => id >= vocabulary);
  if (beyond !== undefined) {
    throw new FileFormatError(`${path}: expected tokens 0 to ${vocabulary - 1}, as the model has, got ${beyond}`);
  }
  return (maxLength) => [...tokenizer.encode([content], { maxLength }).tokens.toArray()];
}

function contentOf(flag: string, path: string): string {
  try {
    return readText(path, LARGEST_INPUT);
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    // Their messages begin with the path.
    const reason = error.message.slice(`${visible(path)}: `.length).replace(/^cannot be read: /, '');
    throw new ArgumentError(`${flag}: cannot read ${path}: ${reason}`, { cause: error });
  }
}
