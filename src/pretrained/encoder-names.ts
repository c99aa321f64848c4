/**
 * The names of the tensors of models with BERT's architecture, in transformers and here. The file may have the body's names
 * with a prefix (`bert.encoder…`) or without, and layer normalisation as `weight` and `bias` or, from old TensorFlow
 * checkpoints, as `gamma` and `beta`.
 */
import type { Destination } from './architecture.ts';
import type { EncoderDescription, EncoderType } from './encoder-config.ts';

const PREFIXES: Record<EncoderType, string> = {
  bert: 'bert.',
  roberta: 'roberta.',
  longformer: 'longformer.',
  big_bird: 'bert.',
  nystromformer: 'nystromformer.',
};

/** By the end of the name: our part, and its layout in the file. */
export const LINEAR = {
  weight: { part: 'weight', layout: 'transposed' },
  bias: { part: 'bias' },
} as const;
export const NORM = {
  weight: { part: 'gain' },
  gamma: { part: 'gain' },
  bias: { part: 'bias' },
  beta: { part: 'bias' },
} as const;

type Ends = Record<string, { part: string; layout?: Destination['layout'] }>;

/** By the name of a module, without the end: our name, within `layers.N` for the modules of a layer. */
export type Names = Record<string, [name: string, ends: Ends]>;

const LAYER: Names = {
  'attention.self.query': ['attention.query', LINEAR],
  'attention.self.key': ['attention.key', LINEAR],
  'attention.self.value': ['attention.value', LINEAR],
  'attention.self.query_global': ['attention.global.query', LINEAR],
  'attention.self.key_global': ['attention.global.key', LINEAR],
  'attention.self.value_global': ['attention.global.value', LINEAR],
  'attention.self.conv': ['attention', { weight: { part: 'convolution', layout: 'squeezed' } }],
  'attention.output.dense': ['attention.output', LINEAR],
  'attention.output.LayerNorm': ['attentionNorm', NORM],
  'intermediate.dense': ['feedForward.inner', LINEAR],
  'output.dense': ['feedForward.outer', LINEAR],
  'output.LayerNorm': ['feedForwardNorm', NORM],
};
const EMBEDDINGS: Names = {
  'embeddings.word_embeddings': ['embeddings.words', { weight: { part: 'weight' } }],
  'embeddings.position_embeddings': ['embeddings.positions', { weight: { part: 'weight' } }],
  'embeddings.token_type_embeddings': ['embeddings.tokenTypes', { weight: { part: 'weight' } }],
  'embeddings.LayerNorm': ['embeddings.norm', NORM],
};
const MASKED_LM: Names = {
  'cls.predictions.transform.dense': ['head.dense', LINEAR],
  'cls.predictions.transform.LayerNorm': ['head.norm', NORM],
  'cls.predictions': ['head.output', { bias: { part: 'bias' } }],
  'cls.predictions.decoder': ['head.output', LINEAR],
  'lm_head.dense': ['head.dense', LINEAR],
  'lm_head.layer_norm': ['head.norm', NORM],
  lm_head: ['head.output', { bias: { part: 'bias' } }],
  'lm_head.decoder': ['head.output', LINEAR],
};
const CLASSIFIER: Names = {
  classifier: ['head.output', LINEAR],
  'classifier.dense': ['head.dense', LINEAR],
  'classifier.out_proj': ['head.output', LINEAR],
};
const POOLER: Names = {
  'pooler.dense': ['pooler', LINEAR],
  // The names of BigBird.
  pooler: ['pooler', LINEAR],
};

/** Numbers that follow from the config, and a head that is not supported. They are known and ignored. */
const LEFT_OUT = /^(embeddings\.(position_ids|token_type_ids)|cls\.seq_relationship\.(weight|bias))$/;

/** Whether the file has the pooler's weights. Without them a bare encoder has no pooler. */
export function hasPooler(stored: ReadonlySet<string>, { modelType }: EncoderDescription): boolean {
  return [...stored].some((name) => find(POOLER, withoutPrefix(name, modelType)) !== undefined);
}

/** Where a tensor goes; see `Plan.destination`. */
export function encoderDestination(
  stored: string,
  description: EncoderDescription,
  pooler: boolean,
): Destination | 'unused' | undefined {
  const name = withoutPrefix(stored, description.modelType);
  if (LEFT_OUT.test(name)) return 'unused';
  const ofLayer = /^encoder\.layer\.(\d+)\.(.+)$/.exec(name);
  if (ofLayer !== null) {
    const found = find(LAYER, ofLayer[2]);
    return found && { ...found, name: `layers.${Number(ofLayer[1])}.${found.name}` };
  }
  const { head, tied, positionRows, firstPosition } = description;
  const embedding = find(EMBEDDINGS, name);
  if (embedding?.name === 'embeddings.positions.weight') {
    return { ...embedding, repeated: { rows: positionRows, from: firstPosition } };
  }
  if (embedding !== undefined) return embedding;
  const ofPooler = find(POOLER, name);
  if (ofPooler !== undefined) return pooler ? ofPooler : 'unused';
  const ofMaskedLM = find(MASKED_LM, name);
  if (ofMaskedLM !== undefined) {
    if (head !== 'masked-lm') return 'unused';
    const decoder = /\.decoder\.(weight|bias)$/.exec(name)?.[1];
    // Tied: a copy of the embeddings, or their only name.
    if (decoder === 'weight' && tied) return { name: 'embeddings.words.weight', alias: true };
    // One bias under two names. transformers 5 keeps them apart if the weights are not tied, and adds the decoder's.
    return ofMaskedLM.name === 'head.output.bias' && decoder === undefined
      ? { ...ofMaskedLM, alias: true }
      : ofMaskedLM;
  }
  const ofClassifier = find(CLASSIFIER, name);
  if (ofClassifier !== undefined) return head === 'classification' ? ofClassifier : 'unused';
  return undefined;
}

/** The name of one of our tensors in a file with these other names; see `Plan.nameOf`. */
export function encoderName(name: string, stored: ReadonlySet<string>, description: EncoderDescription): string {
  const { modelType, head } = description;
  const others = [...stored];
  const prefix = PREFIXES[modelType];
  const withPrefix = others.length === 0 ? head !== 'none' : others.some((other) => other.startsWith(prefix));
  const ofBody = (theirs: string) => `${withPrefix ? prefix : ''}${theirs}`;
  const old = others.some((other) => other.endsWith('.gamma'));
  const ofLayer = /^layers\.(\d+)\.(.+)$/.exec(name);
  if (ofLayer !== null) {
    const theirs = nameIn(LAYER, ofLayer[2], old);
    return theirs === undefined ? name : ofBody(`encoder.layer.${ofLayer[1]}.${theirs}`);
  }
  const body = nameIn(EMBEDDINGS, name, old) ?? nameIn(only(POOLER, modelType === 'big_bird', /^pooler$/), name, old);
  if (body !== undefined) return ofBody(body);
  const ofHead =
    head === 'masked-lm'
      ? only(MASKED_LM, modelType === 'roberta' || modelType === 'longformer', /^lm_head/)
      : only(CLASSIFIER, modelType === 'bert', /^classifier$/);
  return nameIn(ofHead, name, old) ?? name;
}

/** The modules whose names match, or all others. */
function only(names: Names, matching: boolean, pattern: RegExp): Names {
  return Object.fromEntries(Object.entries(names).filter(([module]) => pattern.test(module) === matching));
}

/** The file's names for ours; the old names of layer normalisation if the file uses them. */
export function nameIn(names: Names, ours: string, old = false): string | undefined {
  const found = Object.entries(names).flatMap(([module, [name, ends]]) => {
    const matching = Object.entries(ends).filter(([, { part }]) => `${name}.${part}` === ours);
    return matching.map(([end]) => `${module}.${end}`);
  });
  return (old ? found.find((each) => /LayerNorm\.(gamma|beta)$/.test(each)) : undefined) ?? found[0];
}

function withoutPrefix(name: string, type: EncoderType): string {
  return name.startsWith(PREFIXES[type]) ? name.slice(PREFIXES[type].length) : name;
}

/** Our names, from the names of modules and their ends. */
export function find(names: Names, name: string): Destination | undefined {
  const dot = name.lastIndexOf('.');
  const [module, end] = [name.slice(0, dot), name.slice(dot + 1)];
  if (!Object.hasOwn(names, module)) return undefined;
  const [ours, ends] = names[module];
  if (!Object.hasOwn(ends, end)) return undefined;
  const { part, layout } = ends[end];
  return { name: `${ours}.${part}`, ...(layout && { layout }) };
}
