/** Checks a description of a model like config.json, for callers who write their own. */
import { type Check, expectBoolean, expectRecord, integerOf, listOf, numberOf, oneOf } from '../core/expect.ts';
import type { Description } from './architecture.ts';
import { ACTIVATIONS, ENCODER_TYPES, type EncoderDescription, MOST_DROPPED } from './encoder-config.ts';
import { ATTENTIONS, type ReformerDescription } from './reformer-config.ts';

type Checks<T> = { readonly [Field in keyof T]-?: Check };

const [size, count] = [integerOf(1), integerOf(0)];
const dropped = numberOf(0, MOST_DROPPED);
const positive = numberOf(Number.MIN_VALUE, Number.MAX_VALUE);

const orNull =
  (check: Check): Check =>
  (name, value) => {
    if (value !== null) check(name, value);
  };

const common: Checks<Omit<Description, 'modelType'>> = {
  head: oneOf('none', 'masked-lm', 'causal-lm', 'classification'),
  vocabulary: size,
  layers: size,
  modelDim: size,
  heads: size,
  headDim: size,
  length: size,
};

const ownAttention: Check = (name, attention) => {
  expectRecord(name, attention, { kind: oneOf('full', 'window', 'blocks', 'landmarks') });
  const byKind: Record<string, Record<string, Check>> = {
    full: {},
    window: { windows: listOf(size, 1) },
    blocks: { blockSize: size, randomBlocks: count },
    landmarks: { landmarks: orNull(size), textLength: size, convolutionWidth: orNull(size) },
  };
  expectRecord(name, attention, byKind[attention.kind as string]);
};

const encoder: Checks<EncoderDescription> = {
  ...common,
  modelType: oneOf(...ENCODER_TYPES),
  attention: ownAttention,
  feedForwardDim: size,
  activation: oneOf(...ACTIVATIONS),
  epsilon: positive,
  tokenTypes: size,
  positionRows: size,
  firstPosition: count,
  paddingToken: orNull(count),
  constantRow: orNull(count),
  projectionBias: expectBoolean,
  embeddingScale: positive,
  dropout: dropped,
  classifierDropout: dropped,
  classifierActivation: oneOf('pooled', 'tanh', ...ACTIVATIONS),
  classes: size,
  tied: expectBoolean,
};

const chunks: Check = (name, value) => expectRecord(name, value, { chunkLength: size, before: count, after: count });

const pair: Check = listOf(size, 2);

const reformer: Checks<ReformerDescription> = {
  ...common,
  modelType: oneOf('reformer'),
  causal: expectBoolean,
  attention: listOf(oneOf(...ATTENTIONS), 1),
  chunks: (name, value) => {
    expectRecord(name, value);
    for (const [kind, settings] of Object.entries(value)) chunks(`${name}.${kind}`, settings);
  },
  hashes: size,
  buckets: orNull(listOf(size, 1)),
  paddingToken: count,
  hashSeed: orNull(count),
  positionRows: size,
  axial: orNull((name, value) => expectRecord(name, value, { lengths: pair, widths: pair })),
  feedForwardDim: size,
  feedForwardChunk: count,
  activation: oneOf(...ACTIVATIONS),
  epsilon: positive,
  dropout: dropped,
  classifierDropout: dropped,
  classes: size,
};

/** Throws ArgumentError, which names the field. */
export function expectEncoderDescription(description: EncoderDescription): void {
  expectRecord('description', description, encoder);
}

/** Throws ArgumentError, which names the field. */
export function expectReformerDescription(description: ReformerDescription): void {
  expectRecord('description', description, reformer);
  const { attention, chunks } = description;
  for (const kind of attention) expectRecord(`description.chunks.${kind}`, chunks[kind]);
}
