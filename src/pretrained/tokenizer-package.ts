/**
 * Calls @huggingface/tokenizers, an optional dependency: loads it on first use, and lets none of its errors, warnings or
 * endless loops through.
 */

import { withinTime } from '#platform/within-time';
import { EfficientTransformersError, UnsupportedError } from '../core/errors.ts';
import type { Complain } from '../core/files/input-file.ts';

const PACKAGE = '@huggingface/tokenizers';

/**
 * The part of the package that is used here. Without it, code that compiles against our types would need the package's types.
 */
export interface Tokenizer {
  encode(
    text: string,
    options: { text_pair?: string | null; add_special_tokens?: boolean; return_token_type_ids?: true },
  ): { ids: number[]; token_type_ids?: number[] };
  decode(tokens: number[], options: { skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
  id_to_token(id: number): string | undefined;
}
export interface Tokenizers {
  Tokenizer: new (json: object, config: object) => Tokenizer;
}

/** Limits of work that even a machine twenty times slower than ours stays within. */
export const MILLISECONDS = { load: 10_000, call: 1000, each: 0.05 };

/** The result of the package. Errors that it throws, and a lack of time, are blamed on the file. */
export function guarded<T>(body: () => T, milliseconds: number, what: string, complain: Complain): T {
  const warned: string[] = [];
  const { warn } = console;
  // Parts that the package skips with a warning would change the tokens; and its messages quote the file.
  console.warn = (...words: unknown[]) =>
    warned.push(words.map((word) => (word instanceof Object ? '…' : word)).join(' '));
  try {
    const result = withinTime(milliseconds, body);
    if (warned.length === 0) return result;
    throw complain(`${PACKAGE} cannot ${what} as it is: ${warned[0]}`);
  } catch (error) {
    if (error instanceof EfficientTransformersError) throw error;
    const { message } = error as Error;
    throw Object.assign(complain(`${PACKAGE} cannot ${what}: ${message}`), { cause: error });
  } finally {
    console.warn = warn;
  }
}

/** The imported package. Throws UnsupportedError if it is not installed. */
export async function importPackage<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UnsupportedError(
      `tokenizer: needs the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}`,
      {
        cause: error,
      },
    );
  }
}
