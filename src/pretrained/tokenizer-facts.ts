/** Facts about a tokeniser, from tokenizer.json and the files next to it, that @huggingface/tokenizers does not expose. */
import { describe } from '../core/errors.ts';
import type { Complain } from '../core/files/input-file.ts';
import { isObject } from '../core/files/json.ts';
import { isToken } from './tokenizer-checks.ts';

type Json = Record<string, unknown>;
type TokenToId = (token: string) => number | undefined;

/** Models whose texts all have type 0, whatever a tokeniser says. */
const ONE_TYPE = ['roberta', 'longformer'];
/** Whether transformers passes types to the model, by the class of the tokeniser. */
const CLASSES: Readonly<Record<string, boolean>> = {
  BertTokenizer: true,
  AlbertTokenizer: true,
  RobertaTokenizer: false,
  LongformerTokenizer: false,
  BigBirdTokenizer: false,
  ReformerTokenizer: false,
};
/** By the model, if no class is named. */
const MODELS: Readonly<Record<string, boolean>> = { big_bird: false, reformer: false };

/**
 * Whether the model gets the types that the post-processor sets for a pair. Otherwise all are 0, because transformers leaves
 * them out. Decided by `model_input_names` of tokenizer_config.json, else by `tokenizer_class`, else by the `model_type` of
 * config.json. The types of RobertaProcessing are always 0.
 */
export function hasTokenTypes(json: Json, config: Json, model: Json): boolean {
  const { model_input_names: names, tokenizer_class: name } = config;
  if (Array.isArray(names)) return names.includes('token_type_ids');
  if (processorsIn(json.post_processor).some(({ type }) => type === 'RobertaProcessing')) return false;
  if (ONE_TYPE.includes(model.model_type as string)) return false;
  const tokenizer = typeof name === 'string' ? name.replace(/Fast$/, '') : undefined;
  if (tokenizer !== undefined) return Object.hasOwn(CLASSES, tokenizer) ? CLASSES[tokenizer] : true;
  const type = model.model_type;
  return typeof type === 'string' && Object.hasOwn(MODELS, type) ? MODELS[type] : true;
}

/**
 * Whether a post-processor joins two texts and sets their types. Without one, and with ByteLevel, which would lose the second
 * text, they are simply concatenated, with types 0 and 1.
 */
export function joinsPairs({ post_processor: processor }: Json): boolean {
  return processorsIn(processor).some(({ type }) => type !== 'ByteLevel');
}

/** Throws the error of `complain` unless the tokens that a post-processor puts around texts are in the vocabulary. */
export function expectSpecialTokens(json: Json, tokenToId: TokenToId, complain: Complain): void {
  for (const [token, id] of specialTokens(json)) {
    const found = tokenToId(token);
    if (found !== undefined && (id === undefined || found === id)) continue;
    throw complain(`post_processor: ${token}: expected ${id ?? 'a token'} in the vocabulary, got ${found ?? 'none'}`);
  }
}

/** The tokens by name, with the numbers that the post-processor states. */
function specialTokens({ post_processor: processor }: Json): [token: string, id: number | undefined][] {
  return processorsIn(processor).flatMap(({ sep, cls, single, pair, special_tokens: known }) => {
    const named = [sep, cls].filter(Array.isArray).map(([token, id]): [string, number] => [token, id]);
    const pieces = [single, pair].filter(Array.isArray).flat() as { SpecialToken?: { id: string } }[];
    const ids = (token: string) => (isObject(known) && isObject(known[token]) ? known[token].ids : undefined);
    return [
      ...named,
      ...pieces.flatMap(({ SpecialToken }): [string, number | undefined][] => {
        if (SpecialToken === undefined) return [];
        const said = ids(SpecialToken.id);
        return (Array.isArray(said) ? said : [undefined]).map((id) => [SpecialToken.id, id]);
      }),
    ];
  });
}

/** The post-processor itself, or the members of a sequence. */
function processorsIn(processor: unknown): Json[] {
  if (!isObject(processor)) return [];
  const { processors } = processor;
  return processor.type === 'Sequence' && Array.isArray(processors) ? processors.flatMap(processorsIn) : [processor];
}

/**
 * The padding token: from tokenizer.json if it pads, else from the config; 0 if neither names one, because then nothing uses
 * it.
 */
export function paddingOf(json: Json, config: Json, tokenToId: TokenToId, complain: Complain): number {
  const padding = isObject(json.padding) ? json.padding.pad_id : undefined;
  if (isToken(padding)) return padding;
  if (padding !== undefined) throw complain(`padding.pad_id: expected the number of a token, got ${describe(padding)}`);
  const { pad_token: named } = config;
  const token = isObject(named) ? named.content : named;
  return (typeof token === 'string' ? tokenToId(token) : undefined) ?? 0;
}
