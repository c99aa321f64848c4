/**
 * The tokeniser of a checkpoint, from its `tokenizer.json`, by @huggingface/tokenizers: an optional dependency, loaded on
 * first use.
 */

import { join } from '#platform/path';
import { expectNumbers } from '../core/dtype.ts';
import { ArgumentError, FileFormatError } from '../core/errors.ts';
import { expectFunction, expectList, expectOptions, expectText, integerOf } from '../core/expect.ts';
import type { Complain } from '../core/files/input-file.ts';
import { readJsonObject } from '../core/files/json.ts';
import { fromNumbers } from '../core/tensor.ts';
import type { TextInputs } from './architecture.ts';
import { checkTokenizer, isToken } from './tokenizer-checks.ts';
import { expectSpecialTokens, hasTokenTypes, joinsPairs, paddingOf } from './tokenizer-facts.ts';
import { guarded, importPackage, MILLISECONDS, type Tokenizer, type Tokenizers } from './tokenizer-package.ts';

/** Options of a tokeniser's `encode`. */
export interface EncodeOptions {
  /**
   * Longer texts are truncated, between the special tokens; absent: none is. Of a much longer text, only a beginning is read:
   * one whose first tokens are also those of a longer beginning.
   */
  maxLength?: number;
}

/** A text, or two texts, of which the second begins a new segment. */
export type Text = string | readonly [string, string];

/** Turns texts into the tokens of a checkpoint and back: what `loadTokenizer` returns. */
export interface TextTokenizer {
  /**
   * A model's inputs for these texts, [texts, length] each: with special tokens, and padded at the end to the longest. Throws
   * ArgumentError if there are no texts, for a text without any token, and for a pair that is longer than `maxLength`.
   */
  encode(
    texts: readonly Text[],
    options?: EncodeOptions,
  ): Required<Pick<TextInputs, 'tokens' | 'keyMask' | 'tokenTypes'>>;
  /** The text of tokens, without the special tokens. */
  decode(tokens: ArrayLike<number>): string;
}

/**
 * Loads the tokeniser of a checkpoint from tokenizer.json in its folder; tokenizer_config.json may be absent. Throws
 * UnsupportedError if the package `@huggingface/tokenizers` is not installed, FileFormatError for files that are missing,
 * that the package cannot read, or that keep it busy for longer than any tokeniser needs.
 */
export async function loadTokenizer(
  directory: string,
  load: () => Promise<Tokenizers> = () => import('@huggingface/tokenizers'),
): Promise<TextTokenizer> {
  expectText('directory', directory);
  expectFunction('load', load);
  const path = join(directory, 'tokenizer.json');
  const complain: Complain = (problem) => new FileFormatError(`${path}: ${problem}`);
  const json = readJsonObject(path);
  const config = optionalConfig(join(directory, 'tokenizer_config.json'));
  const model = optionalConfig(join(directory, 'config.json'));
  const longestText = checkTokenizer(json, complain);
  const { Tokenizer } = (await importPackage(load)) ?? {};
  expectFunction('load: Tokenizer', Tokenizer);
  const tokenizer = guarded(() => new Tokenizer(json, config), MILLISECONDS.load, 'read it', complain);
  const tokenToId = (token: string) => tokenizer.token_to_id(token);
  expectSpecialTokens(json, tokenToId, complain);
  const padding = paddingOf(json, config, tokenToId, complain);
  const facts = { longestText, padding, hasTypes: hasTokenTypes(json, config, model), joinsPairs: joinsPairs(json) };
  return new LoadedTokenizer(tokenizer, facts, complain);
}

/** Facts from tokenizer.json and the files next to it that the package does not expose. */
interface Facts {
  /** In UTF-16 units. */
  longestText: number;
  padding: number;
  hasTypes: boolean;
  joinsPairs: boolean;
}

class LoadedTokenizer implements TextTokenizer {
  readonly #tokenizer: Tokenizer;
  readonly #facts: Facts;
  readonly #complain: Complain;

  constructor(tokenizer: Tokenizer, facts: Facts, complain: Complain) {
    this.#tokenizer = tokenizer;
    this.#facts = facts;
    this.#complain = complain;
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
      filled((text) => text.ids, this.#facts.padding),
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
    const ids = Array.from(tokens);
    if (ids.length === 0) return '';
    const at = ids.findIndex((id) => this.#tokenizer.id_to_token(id) === undefined);
    if (at >= 0) throw new ArgumentError(`tokens: expected tokens of the vocabulary, got ${ids[at]} at element ${at}`);
    const decode = () => this.#tokenizer.decode(ids, { skip_special_tokens: true });
    return guarded(decode, MILLISECONDS.call + MILLISECONDS.each * ids.length, 'decode', this.#complain);
  }

  #encodeOne(text: Text, name: string, maxLength = Number.POSITIVE_INFINITY): Encoded {
    const [whole, second] = this.#expectText(name, text);
    const first = second === null ? this.#beginning(whole, name, maxLength) : whole;
    for (const each of [first, second ?? '']) this.#expectShort(each, name);
    const { ids, types } = this.#joined(first, second, name);
    if (ids.length === 0) throw new ArgumentError(`${name}: expected a text with tokens, got '${first}'`);
    const surplus = ids.length - maxLength;
    if (surplus <= 0) return { ids, types };
    if (second !== null)
      throw new ArgumentError(`${name}: expected at most ${maxLength} tokens of a pair, got ${ids.length}`);
    return cut({ ids, types }, this.#encoded(first, null, name, false).ids, surplus, name);
  }

  /**
   * The part of a text that its first `most` tokens depend on. A tokeniser may look ahead after a word, but not further than
   * a beginning that is several times as long, so the tokens of two beginnings have to agree.
   */
  #beginning(text: string, name: string, most: number): string {
    let before: readonly number[] = [];
    for (let size = FIRST_LOOK + UNITS_PER_TOKEN * most; GROWTH * size < text.length; size *= GROWTH) {
      const first = text.slice(0, isLead(text.charCodeAt(size - 1)) ? size - 1 : size);
      this.#expectShort(first, name);
      const { ids } = this.#encoded(first, null, name, false);
      if (before.length >= most && before.slice(0, most).every((id, n) => id === ids[n])) return first;
      before = ids;
    }
    return text;
  }

  /** Encodes a text, or two texts with the special tokens between them. */
  #joined(first: string, second: string | null, name: string): Encoded {
    const { joinsPairs, hasTypes } = this.#facts;
    if (second === null || joinsPairs) {
      const { ids, types } = this.#encoded(first, second, name);
      return { ids, types: hasTypes ? types : ids.map(() => 0) };
    }
    const [own, other] = [first, second].map((each) => this.#encoded(each, null, name).ids);
    return { ids: [...own, ...other], types: [...own.map(() => 0), ...other.map(() => Number(hasTypes))] };
  }

  #encoded(first: string, second: string | null, name: string, withSpecial = true): Encoded {
    const options = { text_pair: second, add_special_tokens: withSpecial, return_token_type_ids: true } as const;
    const limit = MILLISECONDS.call + MILLISECONDS.each * (first.length + (second?.length ?? 0));
    const encode = () => this.#tokenizer.encode(first, options);
    const { ids, token_type_ids: types = ids.map(() => 0) } = guarded(encode, limit, `encode ${name}`, this.#complain);
    if (ids.every(isToken) && types.length === ids.length) return { ids, types };
    throw this.#complain(`${name}: has no token for a part of it, nor one for what is unknown`);
  }

  #expectText(name: string, text: unknown): readonly [string, string | null] {
    if (Array.isArray(text)) expectList(name, text, expectText, 2);
    else expectText(name, text);
    const parts = Array.isArray(text) ? text : [text, ''];
    if (parts.length > 2) throw new ArgumentError(`${name}: expected a text or a pair, got ${parts.length} texts`);
    const [first, second] = parts;
    for (const each of [first, second]) {
      if (LOST.test(each)) throw new ArgumentError(`${name}: expected whole characters, got half of one`);
    }
    return [first, Array.isArray(text) ? second : null];
  }

  #expectShort(text: string, name: string): void {
    const { longestText } = this.#facts;
    if (text.length <= longestText) return;
    throw new ArgumentError(`${name}: expected at most ${longestText} characters here, got ${text.length}`);
  }
}

/** UTF-16 units of a text that are read first, and the factor by which these grow. A word has about six. */
const FIRST_LOOK = 2 ** 10;
const UNITS_PER_TOKEN = 16;
const GROWTH = 4;

/** Matches the first half of a surrogate pair. */
function isLead(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

/** Matches half of a surrogate pair. */
const LOST = /\p{Cs}/u;

interface Encoded {
  ids: number[];
  types: number[];
}

/** Removes the last `surplus` tokens of the text itself, which are somewhere between the special tokens. */
function cut({ ids, types }: Encoded, own: readonly number[], surplus: number, name: string): Encoded {
  const start = ids.findIndex((_, at) => own.every((id, n) => ids[at + n] === id));
  if (surplus > own.length || start < 0) {
    throw new ArgumentError(`maxLength: expected room for the special tokens of ${name}, got ${ids.length - surplus}`);
  }
  const end = start + own.length;
  const without = (list: readonly number[]) => [...list.slice(0, end - surplus), ...list.slice(end)];
  return { ids: without(ids), types: without(types) };
}

function optionalConfig(path: string): Record<string, unknown> {
  try {
    return readJsonObject(path);
  } catch (error) {
    const reason = error instanceof FileFormatError ? (error.cause as { code?: string } | undefined) : undefined;
    if (reason?.code === 'ENOENT') return {};
    throw error;
  }
}
