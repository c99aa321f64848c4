/**
 * Checks tokenizer.json, whose author is not trusted, before @huggingface/tokenizers makes a tokeniser from it.
 *
 * Its running time is bounded by the work that it does (within-time.node.ts), not by checking patterns. A pattern that takes
 * exponential time looks like others, linear-time engines lack the look-ahead that GPT-2's pattern needs, and a list of known
 * patterns would refuse tokenisers that users trained themselves. Its memory is bounded here, by how much each of its parts
 * can lengthen the text for the next part.
 */
import type { Complain } from '../core/files/input-file.ts';
import { isObject } from '../core/files/json.ts';

type Json = Record<string, unknown>;

/** Tokens are int32. */
const MOST_TOKENS = 2 ** 31;
/** The most tokens that a template adds to those of the texts. */
const LONGEST_TEMPLATE = 64;
/** The most characters, or places of a lattice, that a text may become. Each may take some 200 bytes. */
const MOST_MADE = 2 ** 24;
/** Every tokeniser must accept texts of this many characters. */
const LEAST_TEXT = 2 ** 10;

/** A text of n characters becomes at most factor · n + extra characters (and Unicode normal forms up to 18 times as many). */
interface Growth {
  factor: number;
  extra: number;
}

/**
 * Throws the error of `complain` for invalid token numbers, a malformed post-processor, and parts that would lengthen every
 * text too much. Returns how many characters of text may be encoded at once.
 */
export function checkTokenizer(json: Json, complain: Complain): number {
  expectTokens(json, complain);
  const { post_processor: postProcessor = null } = json;
  if (postProcessor !== null) expectPostProcessor('post_processor', postProcessor, complain);
  const growths = ['normalizer', 'pre_tokenizer', 'decoder'].map((name) =>
    growthOf(name, json[name] ?? null, complain),
  );
  const [normalizer, preTokenizer, decoder] = growths;
  const longest = ({ factor, extra }: Growth, each: number) => Math.floor((MOST_MADE / each - extra) / factor);
  const most = longest(after(normalizer, preTokenizer), longestChain(json.model));
  if (Math.min(most, longest(decoder, 1)) >= LEAST_TEXT) return most;
  const made = growths.map(({ factor, extra }) => `${factor} n + ${extra}`).join(', ');
  throw complain(
    `normalizer, pre_tokenizer, decoder: expected parts that serve texts of ${LEAST_TEXT} characters, ` +
      `got some that may make ${made} of n`,
  );
}

function expectTokens({ model, added_tokens: added = [] }: Json, complain: Complain): void {
  const vocabulary = isObject(model) ? model.vocab : undefined;
  if (isObject(vocabulary)) {
    for (const [token, id] of Object.entries(vocabulary)) {
      if (!isToken(id))
        throw complain(`model.vocab: expected the number of a token for '${token}', got ${excerpt(id)}`);
    }
  }
  if (!Array.isArray(added)) throw complain(`added_tokens: expected a list, got ${excerpt(added)}`);
  for (const [n, token] of added.entries()) {
    if (isObject(token) && typeof token.content === 'string' && isToken(token.id)) continue;
    throw complain(`added_tokens[${n}]: expected an object with content and id, got ${excerpt(token)}`);
  }
}

/** Whether it is a valid token number. */
export function isToken(id: unknown): id is number {
  return Number.isInteger(id) && (id as number) >= 0 && (id as number) < MOST_TOKENS;
}

function expectPostProcessor(name: string, value: unknown, complain: Complain): void {
  if (!isObject(value)) throw complain(`${name}: expected an object, got ${excerpt(value)}`);
  const { type } = value;
  if (type === 'ByteLevel') return;
  if (type === 'Sequence') {
    const { processors } = value;
    if (!Array.isArray(processors)) throw complain(`${name}.processors: expected a list, got ${excerpt(processors)}`);
    for (const [n, each] of processors.entries()) expectPostProcessor(`${name}.processors[${n}]`, each, complain);
  } else if (type === 'BertProcessing' || type === 'RobertaProcessing') {
    for (const part of ['sep', 'cls']) {
      const token = value[part];
      if (Array.isArray(token) && typeof token[0] === 'string' && isToken(token[1])) continue;
      throw complain(`${name}.${part}: expected a token and its number, got ${excerpt(token)}`);
    }
  } else if (type === 'TemplateProcessing') {
    expectTemplate(`${name}.single`, value.single, ['A'], complain);
    expectTemplate(`${name}.pair`, value.pair, ['A', 'B'], complain);
  } else {
    const known = 'ByteLevel, BertProcessing, RobertaProcessing, TemplateProcessing, Sequence';
    throw complain(`${name}.type: expected one of ${known}, got ${excerpt(type)}`);
  }
}

/** The template must have each text once, and a few special tokens around them. */
function expectTemplate(name: string, value: unknown, texts: readonly string[], complain: Complain): void {
  if (!Array.isArray(value)) throw complain(`${name}: expected a list, got ${excerpt(value)}`);
  if (value.length > LONGEST_TEMPLATE) {
    throw complain(`${name}: expected at most ${LONGEST_TEMPLATE} pieces, got ${value.length}`);
  }
  const found: unknown[] = [];
  for (const [n, piece] of value.entries()) {
    const [kind, what] = isObject(piece) ? (Object.entries(piece)[0] ?? []) : [];
    const isKnown = kind === 'SpecialToken' || kind === 'Sequence';
    if (!isKnown || !isObject(what) || typeof what.id !== 'string' || !isToken(what.type_id)) {
      throw complain(`${name}[${n}]: expected a SpecialToken or a Sequence with id and type_id, got ${excerpt(piece)}`);
    }
    if (kind === 'Sequence') found.push(what.id);
  }
  if ([...found].sort().join() === texts.join()) return;
  throw complain(`${name}: expected each of ${texts.join(' and ')} once, got ${excerpt(found)}`);
}

const NONE: Growth = { factor: 1, extra: 0 };

function after(first: Growth, second: Growth): Growth {
  return { factor: first.factor * second.factor, extra: first.extra * second.factor + second.extra };
}

/** The growth of parts that lengthen a text; no other part does. */
function growthOf(name: string, part: unknown, complain: Complain): Growth {
  if (part === null) return NONE;
  if (!isObject(part)) throw complain(`${name}: expected an object, got ${excerpt(part)}`);
  const lengthOf = (value: unknown) => (typeof value === 'string' ? value.length : 0);
  switch (part.type) {
    case 'Sequence': {
      const parts = part.normalizers ?? part.pretokenizers ?? part.decoders ?? [];
      if (!Array.isArray(parts)) throw complain(`${name}: expected a list of parts, got ${excerpt(parts)}`);
      return parts.map((each, n) => growthOf(`${name}[${n}]`, each, complain)).reduce(after, NONE);
    }
    case 'Replace': {
      const { Regex: pattern, String: text = '' } = patternOf(name, part, complain);
      const content = lengthOf(part.content);
      // A pattern that matches the empty text matches between any two characters, and at both ends.
      if (pattern !== undefined || text === '') return { factor: 1 + content, extra: content };
      return { factor: Math.max(1, content / text.length), extra: 0 };
    }
    case 'Prepend':
      return { factor: 1, extra: lengthOf(part.prepend) };
    case 'Metaspace': {
      const space = Math.max(1, lengthOf(part.replacement), lengthOf(part.str_rep));
      return { factor: space, extra: space };
    }
    // A character has up to 3 bytes in UTF-8 for each of its 16 bits, and each becomes a character; one more for a space.
    case 'ByteLevel':
      return { factor: 3, extra: 1 };
    // Adds spaces around each ideograph.
    case 'BertNormalizer':
      return { factor: 3, extra: 0 };
    // With the match of each group of the pattern.
    case 'Split': {
      const { Regex: pattern = '' } = patternOf(name, part, complain);
      return { factor: pattern.split('(').length, extra: 0 };
    }
    case 'FixedLength':
      if (Number.isInteger(part.length) && (part.length as number) >= 1) return NONE;
      throw complain(`${name}.length: expected an integer of at least 1, got ${excerpt(part.length)}`);
    default:
      return NONE;
  }
}

/** A text or a regular expression. */
function patternOf(name: string, { pattern }: Json, complain: Complain): { Regex?: string; String?: string } {
  if (isObject(pattern)) {
    const kinds = Object.keys(pattern).join();
    if ((kinds === 'Regex' || kinds === 'String') && typeof pattern[kinds] === 'string') return pattern;
  }
  throw complain(`${name}.pattern: expected a Regex or a String, got ${excerpt(pattern)}`);
}

/**
 * A unigram model looks at every token that begins at a place: the most tokens that can begin at one place, each a prefix of
 * the next.
 */
function longestChain(model: unknown): number {
  if (!isObject(model) || !Array.isArray(model.vocab)) return 1;
  const tokens = model.vocab.map((entry) => String(Array.isArray(entry) ? entry[0] : entry)).sort();
  const chain: string[] = [];
  let longest = 1;
  for (const token of tokens) {
    while (chain.length > 0 && !token.startsWith(chain[chain.length - 1])) chain.pop();
    chain.push(token);
    longest = Math.max(longest, chain.length);
  }
  return longest;
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
