/** Facts about a tokeniser, from tokenizer.json and the files next to it, that @huggingface/tokenizers does not expose. */
import { describe } from '../core/errors.ts';
import type { Complain } from '../core/files/input-file.ts';
import { isObject } from '../core/files/json.ts';
import { isToken } from './tokenizer-checks.ts';

type Json = Record<string, unknown>;
type TokenToId = (token: string) => number | undefined;

/** Models whose texts are all of type 0, whatever a tokeniser says. */
const ONE_TYPE = ['roberta', 'longformer'];
/** By the class of the tokeniser, where transformers hands types to the model, and where not. */
const CLASSES: Readonly<Record<string, boolean>> = {
  BertTokenizer: true,
  AlbertTokenizer: true,
  RobertaTokenizer: false,
  LongformerTokenizer: false,
  BigBirdTokenizer: false,
  ReformerTokenizer: false,
};
/** By the model, where no class is said. */
const MODELS: Readonly<Record<string, boolean>> = { big_bird: false, reformer: false };

/**
 * Whether a model of this tokeniser is given the types that the post-processor has for a pair; elsewhere all are 0, as
 * transformers leaves them out: by `model_input_names` of tokenizer_config.json, else by `tokenizer_class`, else by the
 * `model_type` of config.json. The types of RobertaProcessing are 0 in any case.
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
 * Whether a post-processor puts two texts together, and says their types. Without one, and with ByteLevel, which would lose
 * the second, they stand side by side, of types 0 and 1.
 */
export function joinsPairs({ post_processor: processor }: Json): boolean {
  return processorsIn(processor).some(({ type }) => type !== 'ByteLevel');
}

/** Throws what `complain` makes unless the tokens that a post-processor puts around texts are those of the vocabulary. */
export function expectSpecialTokens(json: Json, tokenToId: TokenToId, complain: Complain): void {
  for (const [token, id] of specialTokens(json)) {
    const found = tokenToId(token);
    if (found !== undefined && (id === undefined || found === id)) continue;
    throw complain(`post_processor: ${token}: expected ${id ?? 'a token'} in the vocabulary, got ${found ?? 'none'}`);
  }
}

/** By name, and which numbers the post-processor says that they have. */
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

/** Itself, or those of a sequence. */
function processorsIn(processor: unknown): Json[] {
  if (!isObject(processor)) return [];
  const { processors } = processor;
  return processor.type === 'Sequence' && Array.isArray(processors) ? processors.flatMap(processorsIn) : [processor];
}

/** The padding token: of tokenizer.json where it pads, else of the config; 0 where neither says, as then nothing asks. */
export function paddingOf(json: Json, config: Json, tokenToId: TokenToId, complain: Complain): number {
  const padding = isObject(json.padding) ? json.padding.pad_id : undefined;
  if (isToken(padding)) return padding;
  if (padding !== undefined) throw complain(`padding.pad_id: expected the number of a token, got ${describe(padding)}`);
  const { pad_token: named } = config;
  const token = isObject(named) ? named.content : named;
  return (typeof token === 'string' ? tokenToId(token) : undefined) ?? 0;
}
