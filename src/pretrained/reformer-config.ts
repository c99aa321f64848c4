/** The settings of Reformers (Kitaev et al. 2020), as in transformers. */
import { MemoryError } from '../core/errors.ts';
import { bytesPerElement, type DType, memoryLimit } from '../core/memory.ts';
import type { Description, HeadKind } from './architecture.ts';
import type { Config } from './config.ts';
import { ACTIVATIONS, type ActivationName, classesOf, headOf, MOST_DROPPED } from './encoder-config.ts';

export const ATTENTIONS = ['local', 'lsh'] as const;
/** The two kinds of layers that a Reformer has. */
export type ReformerAttentionKind = (typeof ATTENTIONS)[number];

/** The length of chunks, and how many chunks before and after itself each attends to. */
export interface ChunkSettings {
  chunkLength: number;
  before: number;
  after: number;
}

/** The sizes and choices of a Reformer, read from the checkpoint's config.json. */
export interface ReformerDescription extends Description {
  modelType: 'reformer';
  causal: boolean;
  /** The kind of each layer. */
  attention: readonly ReformerAttentionKind[];
  /** The chunks of each kind of layer that the model has. */
  chunks: Partial<Record<ReformerAttentionKind, ChunkSettings>>;
  hashes: number;
  /** The factors of the number of buckets; null: they depend on the length of the text, see `bucketsFor`. */
  buckets: readonly number[] | null;
  /** The token that pads texts to whole chunks, `pad_token_id`. */
  paddingToken: number;
  /** Null: new rotations in every pass. */
  hashSeed: number | null;
  /** `max_position_embeddings`, which also determines the number of buckets. */
  positionRows: number;
  /** l₁, l₂ and d₁, d₂ of axial positions; null: a vector for each. */
  axial: { lengths: readonly [number, number]; widths: readonly [number, number] } | null;
  feedForwardDim: number;
  /** Tokens that the feed-forward layer processes together; 0: all. */
  feedForwardChunk: number;
  activation: ActivationName;
  epsilon: number;
  /** The dropout of hidden states in training. */
  dropout: number;
  classifierDropout: number;
  classes: number;
}

const HEADS: Record<string, HeadKind> = {
  Model: 'none',
  ModelWithLMHead: 'causal-lm',
  ForMaskedLM: 'masked-lm',
  ForSequenceClassification: 'classification',
};

/** Throws FileFormatError for invalid values, UnsupportedError for those that are not supported here. */
export function describeReformer(config: Config): ReformerDescription {
  const head = headOf(config, 'Reformer', HEADS);
  const causal = config.boolean('is_decoder', false);
  if (head === 'causal-lm' && !causal) throw config.wrong('is_decoder', 'true for a causal language model');
  if (head === 'masked-lm' && causal) throw config.wrong('is_decoder', 'false for a masked language model');
  const attention = attentionOf(config);
  const chunks: ReformerDescription['chunks'] = {};
  for (const kind of ATTENTIONS) if (attention.includes(kind)) chunks[kind] = chunksOf(config, kind);
  const modelDim = config.integer('hidden_size', 1, 256);
  const positionRows = config.integer('max_position_embeddings', 1, 4096);
  const axial = config.boolean('axial_pos_embds', true) ? axialOf(config, modelDim) : null;
  const vocabulary = config.integer('vocab_size', 1, 320);
  const dropout = config.number('hidden_dropout_prob', 0, MOST_DROPPED, 0.05);
  const description: ReformerDescription = {
    modelType: 'reformer',
    head,
    causal,
    attention,
    layers: attention.length,
    chunks,
    hashes: config.integer('num_hashes', 1, 1),
    buckets: bucketsOf(config),
    hashSeed: config.optionalInteger('hash_seed', 0),
    modelDim,
    heads: config.integer('num_attention_heads', 1, 12),
    headDim: config.integer('attention_head_size', 1, 64),
    vocabulary,
    paddingToken: paddingTokenOf(config, vocabulary),
    positionRows,
    axial,
    length: axial === null ? positionRows : Math.min(positionRows, axial.lengths[0] * axial.lengths[1]),
    feedForwardDim: config.integer('feed_forward_size', 1, 512),
    feedForwardChunk: config.integer('chunk_size_feed_forward', 0, 0),
    activation: config.choice('hidden_act', ACTIVATIONS, 'relu'),
    epsilon: config.number('layer_norm_eps', Number.MIN_VALUE, 1, 1e-12),
    dropout,
    classifierDropout: config.has('classifier_dropout')
      ? config.number('classifier_dropout', 0, MOST_DROPPED)
      : dropout,
    classes: classesOf(config),
  };
  expectServable(config, description);
  return description;
}

/**
 * Limits on numbers that are no tensor's size, relative to the longest text: the rows of positions, over both axes if there
 * are two. Without them a few bytes of config.json could cause any amount of work. The limits are far above useful values:
 * transformers draws at most 2L/m buckets for L tokens in chunks of m, and chunks see one or two others.
 */
function expectServable(config: Config, description: ReformerDescription): void {
  const { axial, positionRows, chunks, hashes, buckets, length } = description;
  const rows = axial === null ? positionRows : axial.lengths[0] + axial.lengths[1];
  const most = 4 * rows;
  const ofRows = `for the ${rows} rows of ${axial === null ? '' : 'axial_pos_shape and '}max_position_embeddings`;
  for (const [kind, { chunkLength, before, after }] of Object.entries(chunks)) {
    const chunksSeen = Math.max(FEW_CHUNKS, Math.floor(most / chunkLength));
    for (const [name, count] of Object.entries({ before, after })) {
      if (count > chunksSeen)
        throw config.wrong(
          `${kind}_num_chunks_${name}`,
          `at most ${chunksSeen} of ${kind}_attn_chunk_length ${ofRows}`,
        );
    }
  }
  if (paddedLength(description, length) - length > most) {
    const names = Object.keys(chunks).map((kind) => `${kind}_attn_chunk_length`);
    throw config.wrong(names[0], `a smaller common multiple with ${names[1]}, to which texts are filled up, ${ofRows}`);
  }
  if (hashes > MOST_HASHES) throw config.wrong('num_hashes', `at most ${MOST_HASHES}`);
  if (chunks.lsh !== undefined) {
    const { chunkLength, before, after } = chunks.lsh;
    const mostKeys = Math.max(FEW_KEYS, 16 * most);
    if (hashes * (before + 1 + after) * chunkLength > mostKeys) {
      throw config.wrong('num_hashes', `rounds in which a token meets at most ${mostKeys} keys in all, ${ofRows}`);
    }
  }
  if (buckets === null) return;
  const [sum, product] = buckets.reduce(([a, b], factor) => [a + factor, b * factor], [0, 1]);
  if (sum > most || product > 16 * most) {
    throw config.wrong(
      'num_buckets',
      `factors that add up to at most ${most}, and a product of at most ${16 * most}, ${ofRows}`,
    );
  }
}

/** Holds for chunks longer than any text, too. */
const FEW_CHUNKS = 8;
/** The paper uses up to 8. */
const MOST_HASHES = 256;
/** Keys that a token meets in all rounds, whatever the number of rows: 8 hashes with three chunks of 64 make 1536. */
const FEW_KEYS = 2 ** 13;

function paddingTokenOf(config: Config, vocabulary: number): number {
  const token = config.optionalInteger('pad_token_id', 0, 0) ?? 0;
  if (token < vocabulary) return token;
  throw config.wrong('pad_token_id', `below vocab_size ${vocabulary}`);
}

function attentionOf(config: Config): readonly ReformerAttentionKind[] {
  const kinds = config.texts('attn_layers', ['local', 'lsh', 'local', 'lsh', 'local', 'lsh']);
  const known = (kind: string): kind is ReformerAttentionKind => (ATTENTIONS as readonly string[]).includes(kind);
  if (kinds.length > 0 && kinds.every(known)) return kinds;
  throw config.wrong('attn_layers', `at least one layer, each of them ${ATTENTIONS.join(' or ')}`);
}

function chunksOf(config: Config, kind: ReformerAttentionKind): ChunkSettings {
  return {
    chunkLength: config.integer(`${kind}_attn_chunk_length`, 1, 64),
    before: config.integer(`${kind}_num_chunks_before`, 0, 1),
    after: config.integer(`${kind}_num_chunks_after`, 0, 0),
  };
}

function bucketsOf(config: Config): readonly number[] | null {
  const name = 'num_buckets';
  const one = config.isList(name) ? undefined : config.optionalInteger(name, 2);
  if (one === null) return null;
  const factors = one === undefined ? config.integers(name, 2) : [one];
  if (factors.length === 0 || factors.some((factor) => factor % 2 !== 0)) throw config.wrong(name, 'even numbers');
  // Buckets are numbered by an int32.
  if (factors.reduce((product, factor) => product * factor, 1) < 2 ** 31) return factors;
  throw config.wrong(name, 'fewer than 2³¹ buckets');
}

function axialOf(config: Config, modelDim: number): ReformerDescription['axial'] {
  const pair = (name: string, byDefault: readonly number[]) => {
    const [first, second, ...others] = config.integers(name, 1, byDefault);
    // transformers can train more axes, but reads only two.
    if (second === undefined || others.length > 0) throw config.unsupported(name, 'two numbers');
    return [first, second] as const;
  };
  const lengths = pair('axial_pos_shape', [64, 64]);
  const widths = pair('axial_pos_embds_dim', [64, 192]);
  if (widths[0] + widths[1] !== modelDim) {
    throw config.wrong('axial_pos_embds_dim', `numbers that add up to hidden_size ${modelDim}`);
  }
  return { lengths, widths };
}

/** The length that a text is padded to: a multiple of both chunk lengths, unless one chunk holds the whole text. */
export function paddedLength({ chunks }: ReformerDescription, length: number): number {
  const lengths = Object.values(chunks).map(({ chunkLength }) => chunkLength);
  if (length <= Math.min(...lengths)) return length;
  const multiple = multipleOf(chunks);
  return Math.ceil(length / multiple) * multiple;
}

/** The least common multiple of both chunk lengths. */
function multipleOf(chunks: ReformerDescription['chunks']): number {
  const lengths = Object.values(chunks).map(({ chunkLength }) => chunkLength);
  return lengths.reduce((a, b) => (a * b) / greatestCommonDivisor(a, b));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * The factors of the number of buckets for a text that is padded to `length`. If the config does not set them, the number is
 * about 2L/m, a power of 2, split into two factors if it is large. (transformers decides it by the first text that a model
 * reads, and keeps it; here each text gets its own.)
 */
export function bucketsFor({ buckets, chunks, positionRows }: ReformerDescription, length: number): readonly number[] {
  if (buckets !== null) return buckets;
  const { chunkLength } = chunks.lsh as ChunkSettings;
  const power = Math.floor(Math.log2(2 * Math.floor(length / chunkLength)));
  const limit = 2 * Math.max(Math.floor(Math.sqrt(Math.floor(positionRows / chunkLength))), chunkLength);
  if (2 ** power <= limit) return [2 ** power];
  const first = Math.floor(power / 2);
  return [2 ** first, 2 ** (power - first)];
}

/** Products, with what is added to them, the sum of both, and their softmax. */
const ARRAYS_OF_SCORES = 4;

/** Throws MemoryError if the scores of a single layer do not fit for a batch of texts of this length. */
export function expectRoom(description: ReformerDescription, batch: number, length: number, dtype: DType): void {
  const { chunks, heads, hashes } = description;
  const full = paddedLength(description, length);
  for (const [kind, { chunkLength, before, after }] of Object.entries(chunks)) {
    if (full <= chunkLength) continue;
    const rounds = kind === 'lsh' ? hashes : 1;
    const scores = batch * heads * rounds * full * (before + 1 + after) * chunkLength;
    if (ARRAYS_OF_SCORES * scores * bytesPerElement[dtype] <= memoryLimit()) continue;
    throw new MemoryError(
      `tokens: ${batch} texts of ${full} have ${scores} scores in a ${kind} layer, which do not fit: in ${rounds} rounds ` +
        `a token sees ${before} before and ${after} after its own of chunks of ${chunkLength}`,
    );
  }
}
