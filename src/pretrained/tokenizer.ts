/**
 * The tokeniser of a checkpoint, from its `tokenizer.json`, by @huggingface/tokenizers: an optional dependency, which is
 * loaded when it is asked for.
 */

import { join } from 'node:path';
import { expectNumbers } from '../core/dtype.ts';
import { ArgumentError, FileFormatError, UnsupportedError } from '../core/errors.ts';
import { expectFunction, expectList, expectOptions, expectText, integerOf } from '../core/expect.ts';
import { readJsonObject } from '../core/files/json.ts';
import { fromNumbers } from '../core/tensor.ts';
import type { TextInputs } from './architecture.ts';

const PACKAGE = '@huggingface/tokenizers';

/** What is used of the package. Its own types would be needed by whoever compiles against ours. */
interface Tokenizer {
  encode(
    text: string,
    options: { text_pair?: string | null; add_special_tokens?: boolean; return_token_type_ids?: true },
  ): { ids: number[]; token_type_ids?: number[] };
  decode(tokens: number[], options: { skip_special_tokens: boolean }): string;
  token_to_id(token: string): number | undefined;
}
interface Tokenizers {
  Tokenizer: new (json: object, config: object) => Tokenizer;
}

export interface EncodeOptions {
  /** Longer texts are cut, between the special tokens; absent: none is. */
  maxLength?: number;
}

/** A text, or two of which the second begins a segment of its own. */
export type Text = string | readonly [string, string];

export interface TextTokenizer {
  /**
   * What a model takes for these texts, [texts, length] each: with special tokens, and padding behind up to the longest.
   * Throws ArgumentError for no texts, for a text without any token, and for a pair that is longer than `maxLength`.
   */
  encode(
    texts: readonly Text[],
    options?: EncodeOptions,
  ): Required<Pick<TextInputs, 'tokens' | 'keyMask' | 'tokenTypes'>>;
  /** The text of tokens, without the special ones. */
  decode(tokens: ArrayLike<number>): string;
}

/**
 * Throws UnsupportedError where @huggingface/tokenizers is not installed, FileFormatError for files that are missing or
 * that it cannot read. `tokenizer_config.json` may be absent.
 */
export async function loadTokenizer(
  directory: string,
  load: () => Promise<Tokenizers> = () => import('@huggingface/tokenizers'),
): Promise<TextTokenizer> {
  expectText('directory', directory);
  expectFunction('load', load);
  const path = join(directory, 'tokenizer.json');
  const json = readJsonObject(path);
  const config = optionalConfig(join(directory, 'tokenizer_config.json'));
  const { Tokenizer } = (await imported(load)) ?? {};
  expectFunction('load: Tokenizer', Tokenizer);
  let tokenizer: Tokenizer;
  try {
    tokenizer = new Tokenizer(json, config);
  } catch (error) {
    throw new FileFormatError(`${path}: ${PACKAGE} cannot read it: ${(error as Error).message}`, { cause: error });
  }
  return new LoadedTokenizer(tokenizer, paddingOf(json, config, tokenizer));
}

class LoadedTokenizer implements TextTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #padding: number;

  constructor(tokenizer: Tokenizer, padding: number) {
    this.#tokenizer = tokenizer;
    this.#padding = padding;
  }

  encode(texts: readonly Text[], options: EncodeOptions = {}) {
    const { maxLength } = expectOptions('options', options, { maxLength: integerOf(1) });
    expectList('texts', texts, undefined, 1);
    const encoded = texts.map((text, at) => this.#encodeOne(text, `texts[${at}]`, maxLength));
    const length = Math.max(...encoded.map(({ ids }) => ids.length));
    const shape = [texts.length, length];
    const filled = (of: (text: Encoded) => readonly number[], fill: number) =>
      encoded.flatMap((text) => [...of(text), ...new Array<number>(length - text.ids.length).fill(fill)]);
    const [ids, flags, types] = [
      filled((text) => text.ids, this.#padding),
      filled((text) => text.ids.map(() => 1), 0),
      filled((text) => text.types, 0),
    ];
    return {
      tokens: fromNumbers('tokens', ids, shape, 'int32'),
      keyMask: fromNumbers('keyMask', flags, shape, 'uint8'),
      tokenTypes: fromNumbers('tokenTypes', types, shape, 'int32'),
    };
  }

  decode(tokens: ArrayLike<number>): string {
    expectNumbers('tokens', tokens, 'int32');
    return this.#tokenizer.decode(Array.from(tokens), { skip_special_tokens: true });
  }

  #encodeOne(text: Text, name: string, maxLength = Number.POSITIVE_INFINITY): Encoded {
    if (typeof text !== 'string') expectList(name, text, expectText, 2);
    if (text.length > 2 && typeof text !== 'string') {
      throw new ArgumentError(`${name}: expected a text or a pair, got ${text.length} texts`);
    }
    const [first, second] = typeof text === 'string' ? [text, null] : text;
    const options = { text_pair: second, return_token_type_ids: true } as const;
    const { ids, token_type_ids: types = ids.map(() => 0) } = this.#tokenizer.encode(first, options);
    if (ids.length === 0) throw new ArgumentError(`${name}: expected a text with tokens, got '${first}'`);
    const surplus = ids.length - maxLength;
    if (surplus <= 0) return { ids, types };
    if (second !== null)
      throw new ArgumentError(`${name}: expected at most ${maxLength} tokens of a pair, got ${ids.length}`);
    return cut({ ids, types }, this.#tokenizer.encode(first, { add_special_tokens: false }).ids, surplus, name);
  }
}

interface Encoded {
  ids: number[];
  types: number[];
}

/** Without the last `surplus` of the text's own tokens, which are somewhere between the special ones. */
function cut({ ids, types }: Encoded, own: readonly number[], surplus: number, name: string): Encoded {
  const start = ids.findIndex((_, at) => own.every((id, n) => ids[at + n] === id));
  if (surplus > own.length || start < 0) {
    throw new ArgumentError(`maxLength: expected room for the special tokens of ${name}, got ${ids.length - surplus}`);
  }
  const end = start + own.length;
  const without = (list: readonly number[]) => [...list.slice(0, end - surplus), ...list.slice(end)];
  return { ids: without(ids), types: without(types) };
}

async function imported<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new UnsupportedError(
      `tokenizer: needs the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}`,
      {
        cause: error,
      },
    );
  }
}

function optionalConfig(path: string): Record<string, unknown> {
  try {
    return readJsonObject(path);
  } catch (error) {
    const reason = error instanceof FileFormatError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (reason?.code === 'ENOENT') return {};
    throw error;
  }
}

/** The padding token: of `tokenizer.json` where it pads, else of the config; 0 where neither says, as then nothing asks. */
function paddingOf(json: Record<string, unknown>, config: Record<string, unknown>, tokenizer: Tokenizer): number {
  const { pad_id } = (json.padding ?? {}) as { pad_id?: unknown };
  if (typeof pad_id === 'number') return pad_id;
  const { pad_token } = config as { pad_token?: string | { content?: string } | null };
  const token = typeof pad_token === 'object' ? pad_token?.content : pad_token;
  return (token === undefined ? undefined : tokenizer.token_to_id(token)) ?? 0;
}
