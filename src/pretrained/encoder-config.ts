/**
 * The settings of models with BERT's architecture: one stack of post-norm layers. They differ in their attention, in how
 * positions are counted, and in their heads. Model types have the names of transformers, which are data here.
 */
import type { Architecture, Description, HeadKind } from './architecture.ts';
import type { Config } from './config.ts';

export const ENCODER_TYPES = ['bert', 'roberta', 'longformer', 'big_bird', 'nystromformer'] as const;
export type EncoderType = (typeof ENCODER_TYPES)[number];

/** The names of `hidden_act`. */
export const ACTIVATIONS = ['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu'] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

/** The attention that a checkpoint was trained with. */
export type OwnAttention =
  | { kind: 'full' }
  /** A window for each layer, or one for all, in tokens, half of them on each side. */
  | { kind: 'window'; windows: readonly number[] }
  | { kind: 'blocks'; blockSize: number; randomBlocks: number }
  /**
   * `landmarks`: null if there are as many as `segment_means_seq_len`, for which transformers uses full attention at any
   * length; otherwise texts must have `textLength` tokens. The convolution of the values is added either way.
   */
  | { kind: 'landmarks'; landmarks: number | null; textLength: number; convolutionWidth: number | null };

/** The sizes and choices of an encoder, read from the checkpoint's config.json. */
export interface EncoderDescription extends Description {
  modelType: EncoderType;
  attention: OwnAttention;
  feedForwardDim: number;
  activation: ActivationName;
  /** The ε of layer normalisation. */
  epsilon: number;
  tokenTypes: number;
  /** Rows of the checkpoint's table. The first text position is row `firstPosition`. */
  positionRows: number;
  firstPosition: number;
  /** Given if padding tokens are not counted; they use the row of this number (RoBERTa). */
  paddingToken: number | null;
  /**
   * The row of the token embeddings that learns nothing from texts, as transformers' `padding_idx`; if padding has a
   * position, the same row of the positions too. It still learns from an output that is tied to the embeddings.
   */
  constantRow: number | null;
  /** Whether queries, keys and values have a bias. */
  projectionBias: boolean;
  /** The factor of the token embeddings. */
  embeddingScale: number;
  /** The dropout of hidden states in training. (Streamed attention cannot drop attention weights.) */
  dropout: number;
  /** The dropout in the classification head. */
  classifierDropout: number;
  /** The classification head reads the pooled first token, or the first token through a layer with this activation. */
  classifierActivation: 'pooled' | 'tanh' | ActivationName;
  classes: number;
  /** Whether the masked-LM head shares the weights of the token embeddings. */
  tied: boolean;
}

/** The differences between the types besides their attention: names, and defaults that config.json may leave out. */
const TYPES = {
  bert: { prefix: 'Bert', vocabulary: 30522, positions: 512, activation: 'gelu', epsilon: 1e-12, padding: 0 },
  roberta: { prefix: 'Roberta', vocabulary: 50265, positions: 512, activation: 'gelu', epsilon: 1e-12, padding: 1 },
  longformer: {
    prefix: 'Longformer',
    vocabulary: 30522,
    positions: 512,
    activation: 'gelu',
    epsilon: 1e-12,
    padding: 1,
  },
  big_bird: {
    prefix: 'BigBird',
    vocabulary: 50358,
    positions: 4096,
    activation: 'gelu_new',
    epsilon: 1e-12,
    padding: 0,
  },
  nystromformer: {
    prefix: 'Nystromformer',
    vocabulary: 30000,
    positions: 510,
    activation: 'gelu_new',
    epsilon: 1e-5,
    padding: 1,
  },
} as const satisfies Record<EncoderType, object>;

const HEADS: Record<string, HeadKind> = {
  Model: 'none',
  ForMaskedLM: 'masked-lm',
  // A masked-LM head, and one for pairs of sentences, which is left out.
  ForPreTraining: 'masked-lm',
  ForSequenceClassification: 'classification',
};

/** A dropout of 1 would drop everything. */
export const MOST_DROPPED = 1 - Number.EPSILON;

/** Throws FileFormatError for invalid values, UnsupportedError for those that are not supported here. */
export function describeEncoder(config: Config, modelType: EncoderType): EncoderDescription {
  const type = TYPES[modelType];
  const head = headOf(config, type.prefix, HEADS);
  config.only('position_embedding_type', 'absolute');
  config.only('is_decoder', false);
  config.only('add_cross_attention', false);

  const layers = config.integer('num_hidden_layers', 1, 12);
  const modelDim = config.integer('hidden_size', 1, 768);
  const heads = config.integer('num_attention_heads', 1, 12);
  if (modelDim % heads !== 0) throw config.wrong('num_attention_heads', `a divisor of hidden_size ${modelDim}`);
  const positions = config.integer('max_position_embeddings', 1, type.positions);
  const vocabulary = config.integer('vocab_size', 1, type.vocabulary);
  const activation = config.choice('hidden_act', ACTIVATIONS, type.activation);
  const dropout = config.number('hidden_dropout_prob', 0, MOST_DROPPED, 0.1);
  return {
    modelType,
    head,
    layers,
    modelDim,
    heads,
    headDim: modelDim / heads,
    vocabulary,
    ...positionsOf(config, modelType, positions, type.padding),
    constantRow: constantRowOf(config, vocabulary, type.padding),
    attention: attentionOf(config, modelType, layers),
    feedForwardDim: config.integer('intermediate_size', 1, 3072),
    activation,
    epsilon: config.number('layer_norm_eps', Number.MIN_VALUE, 1, type.epsilon),
    tokenTypes: config.integer('type_vocab_size', 1, 2),
    projectionBias: modelType === 'big_bird' ? config.boolean('use_bias', true) : true,
    embeddingScale: modelType === 'big_bird' && config.boolean('rescale_embeddings', false) ? Math.sqrt(modelDim) : 1,
    dropout,
    classifierDropout: config.has('classifier_dropout')
      ? config.number('classifier_dropout', 0, MOST_DROPPED)
      : dropout,
    classifierActivation: classifierActivationOf(modelType, activation),
    classes: classesOf(config),
    tied: config.boolean('tie_word_embeddings', true),
  };
}

/** Splits a name of `architectures` into the prefix and the kind of head, as transformers calls them. */
export function headOf(config: Config, prefix: string, heads: Readonly<Record<string, HeadKind>>): HeadKind {
  const names = config.texts('architectures');
  const kind = names.length === 1 && names[0].startsWith(prefix) ? names[0].slice(prefix.length) : '';
  if (Object.hasOwn(heads, kind)) return heads[kind];
  throw config.unsupported(
    'architectures',
    `one of ${Object.keys(heads)
      .map((each) => prefix + each)
      .join(', ')}`,
  );
}

/** RoBERTa and its descendants count from the padding token's number on; Nyströmformer always begins at 2. */
function positionsOf(config: Config, type: EncoderType, positions: number, padding: number) {
  if (type === 'bert' || type === 'big_bird') {
    return { positionRows: positions, firstPosition: 0, paddingToken: null, length: positions };
  }
  if (type === 'nystromformer') {
    return { positionRows: positions + 2, firstPosition: 2, paddingToken: null, length: positions };
  }
  const paddingToken = config.integer('pad_token_id', 0, padding);
  const firstPosition = paddingToken + 1;
  if (positions <= firstPosition)
    throw config.wrong(
      'max_position_embeddings',
      `more than ${firstPosition}, at which positions begin (pad_token_id + 1)`,
    );
  return { positionRows: positions, firstPosition, paddingToken, length: positions - firstPosition };
}

function constantRowOf(config: Config, vocabulary: number, padding: number): number | null {
  const row = config.optionalInteger('pad_token_id', 0, padding);
  if (row === null || row < vocabulary) return row;
  throw config.wrong('pad_token_id', `below vocab_size ${vocabulary}`);
}

function attentionOf(config: Config, type: EncoderType, layers: number): OwnAttention {
  if (type === 'longformer') return { kind: 'window', windows: windowsOf(config, layers) };
  if (type === 'big_bird') {
    const attention = config.choice('attention_type', ['block_sparse', 'original_full'], 'block_sparse');
    if (attention === 'original_full') return { kind: 'full' };
    const randomBlocks = config.integer('num_random_blocks', 0, 3);
    return { kind: 'blocks', blockSize: config.integer('block_size', 1, 64), randomBlocks };
  }
  if (type === 'nystromformer') return landmarksOf(config);
  return { kind: 'full' };
}

function windowsOf(config: Config, layers: number): readonly number[] {
  const name = 'attention_window';
  const isList = config.isList(name);
  const windows = isList ? config.integers(name, 1) : [config.integer(name, 1, 512)];
  if (isList && windows.length !== layers)
    throw config.wrong(name, `${layers} windows, one for each layer (num_hidden_layers)`);
  if (windows.some((window) => window % 2 !== 0)) throw config.wrong(name, 'even windows');
  return windows;
}

function landmarksOf(config: Config): OwnAttention {
  // transformers fails for `true`: it reads a value from the config under a name that no config has.
  config.only('inv_coeff_init_option', false);
  const textLength = config.integer('segment_means_seq_len', 1, 64);
  const landmarks = config.integer('num_landmarks', 1, 64);
  if (textLength % landmarks !== 0)
    throw config.wrong('num_landmarks', `a divisor of segment_means_seq_len ${textLength}`);
  const convolutionWidth = config.optionalInteger('conv_kernel_size', 1, 65);
  if (convolutionWidth !== null && convolutionWidth % 2 === 0) throw config.wrong('conv_kernel_size', 'an odd width');
  return { kind: 'landmarks', landmarks: landmarks === textLength ? null : landmarks, textLength, convolutionWidth };
}

function classifierActivationOf(type: EncoderType, activation: ActivationName) {
  if (type === 'bert') return 'pooled';
  return type === 'longformer' || type === 'roberta' ? 'tanh' : activation;
}

/** `num_labels` is written only if the labels have no names. */
export function classesOf(config: Config): number {
  return config.entries('id2label')?.length ?? config.integer('num_labels', 1, 2);
}

/** The architectures, each to be planned by `plan`. */
export function encoderArchitectures(plan: (config: Config, type: EncoderType) => ReturnType<Architecture['plan']>) {
  return ENCODER_TYPES.map((modelType): Architecture => ({ modelType, plan: (config) => plan(config, modelType) }));
}
