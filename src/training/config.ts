/** The settings of a model as plain values: with the tensors, all that a checkpoint needs to recreate the model. */

import { ArgumentError, describe, wrongKind } from '../core/errors.ts';
import {
  type Check,
  expectBoolean,
  expectList,
  expectOptions,
  expectPlain,
  expectText,
  integerOf,
  numberOf,
  oneOf,
} from '../core/expect.ts';
import { REFERENCE_VARIANT } from '../variants/reference.ts';
import { completeFeedForward, DENSE, expectFeedForward, type FeedForwardSettings } from './feed-forward/registry.ts';
import type { FloatType } from './linear.ts';
import type { AttentionPlace, AttentionSettings } from './mixing.ts';
import { POSITIONS, type PositionKind } from './positions.ts';
import { PROJECTIONS } from './projections.ts';

/** The sizes of a transformer, with the symbols of Vaswani et al. 2017, and how its layers are built. */
export interface TransformerConfig {
  /** Tokens are 0 … vocabulary − 1. */
  vocabulary: number;
  /** L: the longest sequence. */
  length: number;
  /** N */
  layers: number;
  /** d_model */
  modelDim: number;
  /** h */
  heads: number;
  /** d_k = d_v; d_model / h by default. */
  headDim?: number;
  /** d_ff; 4 d_model by default. */
  feedForwardDim?: number;
  /** Positions that a dense feed-forward layer processes together (see feed-forward/dense.ts); 0: all. */
  feedForwardChunk: number;
  /**
   * The feed-forward layer of every layer; or a list, from which layer n takes entry n mod the list's length. Absent: dense. A
   * complete config has complete options.
   */
  feedForward?: FeedForwardSettings | readonly FeedForwardSettings[];
  /** The attention of every layer; or a list, from which layer n takes entry n mod the list's length. */
  attention: AttentionSettings | readonly AttentionSettings[];
  /** Whether a token sees only itself and earlier tokens. */
  causal: boolean;
  positions: PositionKind;
  /** l₁ and l₂ of axial positions. */
  axialLengths?: readonly [number, number];
  /** Layer normalisation inside the residual branch, x + F(norm(x)), or after it, norm(x + F(x)) as in Vaswani et al. */
  norm: 'pre' | 'post';
  /** Whether activations are recomputed from the outputs in the backward pass, and not kept (see reversible.ts). */
  residual: 'plain' | 'reversible';
  /** P_drop: on the embeddings, and on the result of each residual branch. */
  dropout: number;
  dtype: FloatType;
}

/** Settings of a small model; the caller sets at least the vocabulary and the length. */
export const transformerDefaults = {
  layers: 2,
  modelDim: 64,
  heads: 4,
  feedForwardChunk: 0,
  attention: { variant: REFERENCE_VARIANT },
  causal: false,
  positions: 'learned',
  norm: 'pre',
  residual: 'plain',
  dropout: 0.1,
  dtype: 'float32',
} as const satisfies Partial<TransformerConfig>;

/** Far more than in any trained model; a list of layers takes memory before any of them has tensors. */
const MOST_LAYERS = 2 ** 16;

/** The required settings; the others have defaults. */
export type TransformerSettings = Partial<TransformerConfig> & Pick<TransformerConfig, 'vocabulary' | 'length'>;

/** Throws ArgumentError unless these are the settings of one attention. Whether the variant exists is checked later. */
export const expectAttentionSettings: Check = (name, value) => {
  if (typeof value === 'string') {
    throw wrongKind(name, 'an object with options', value, `{ variant: ${describe(value)} } is one`);
  }
  expectOptions(name, value as AttentionSettings, {
    variant: expectText,
    options: expectPlain,
    perLayer: (each, lists) => {
      expectPlain(each, lists);
      for (const [option, values] of Object.entries(lists)) expectList(`${each}.${option}`, values, undefined, 1);
    },
    redrawEvery: integerOf(0),
    shared: expectBoolean,
    gatedValues: expectBoolean,
    layerParts: expectBoolean,
    handsOn: expectBoolean,
    projections: oneOf(...PROJECTIONS),
    modules: integerOf(1),
    projectionKernel: integerOf(1),
  });
  expectText(`${name}.variant`, (value as AttentionSettings).variant);
};

const count = integerOf(1);

/** The checks of each setting by itself, including those of heads (classifier.ts, language-model.ts). */
const settingChecks = {
  vocabulary: count,
  length: count,
  layers: integerOf(1, MOST_LAYERS),
  modelDim: count,
  heads: count,
  headDim: count,
  feedForwardDim: count,
  feedForwardChunk: integerOf(0),
  feedForward: expectFeedForward,
  attention: (name: string, value: unknown) =>
    Array.isArray(value) ? expectList(name, value, expectAttentionSettings, 1) : expectAttentionSettings(name, value),
  causal: expectBoolean,
  positions: oneOf(...POSITIONS),
  axialLengths: (name: string, value: unknown) => {
    expectList(name, value, count, 2);
    if (value.length !== 2) throw new ArgumentError(`${name}: expected two lengths, got ${value.length}`);
  },
  norm: oneOf('pre', 'post'),
  residual: oneOf('plain', 'reversible'),
  dropout: numberOf(0, 1),
  dtype: oneOf('float32', 'float64'),
  classes: integerOf(2),
  pooling: oneOf('mean', 'first', 'attention'),
  classifierDim: count,
  tied: expectBoolean,
};

/** Fills in defaults. Throws ArgumentError for invalid sizes, names or combinations. */
export function completeConfig(settings: TransformerSettings): TransformerConfig {
  expectOptions<Record<string, unknown>>('settings', settings as unknown as Record<string, unknown>, settingChecks);
  const asked = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  const given = asked as unknown as TransformerSettings;
  const config: TransformerConfig = { ...transformerDefaults, ...widthsFor(given), ...given };
  for (const name of ['vocabulary', 'length'] as const) count(name, config[name]);
  const { modelDim, heads, headDim, positions, dropout, residual, norm } = config;
  if (config.feedForward !== undefined) config.feedForward = completeAll(config.feedForward);
  if (config.feedForwardChunk > 0 && feedForwardsOf(config).some(({ kind }) => kind !== 'dense')) {
    throw new ArgumentError(
      `feedForwardChunk: expected 0 where a feed-forward layer routes tokens, got ${config.feedForwardChunk}`,
    );
  }
  if (headDim === undefined && modelDim % heads !== 0) {
    throw new ArgumentError(`heads: expected a divisor of modelDim ${modelDim}, or a headDim, got ${heads}`);
  }
  const width = headDim ?? modelDim / heads;
  if (positions === 'rotary' && width % 2 !== 0) {
    const name = headDim === undefined ? 'positions' : 'headDim';
    throw new ArgumentError(`${name}: expected heads of an even width for rotary positions, got ${width}`);
  }
  for (const entry of [config.attention].flat()) checkPerLayer(entry, config.layers);
  if (dropout === 1) throw new ArgumentError('dropout: expected at least 0 and below 1, got 1');
  if (residual === 'reversible' && norm === 'post') {
    throw new ArgumentError('norm: expected pre in reversible layers, which cannot be undone after a normalisation');
  }
  return config;
}

/** A width and a number of heads. If only one is given, the other is chosen to fit it, near its default. */
function widthsFor({
  modelDim,
  heads,
  headDim,
  positions,
}: TransformerSettings): Pick<TransformerConfig, 'modelDim' | 'heads'> {
  const { modelDim: width, heads: most } = transformerDefaults;
  const even = positions === 'rotary' ? 2 : 1;
  if (headDim !== undefined || (modelDim === undefined) === (heads === undefined))
    return { modelDim: width, heads: most };
  if (heads !== undefined) return { modelDim: heads * even * Math.ceil(width / (heads * even)), heads };
  const divides = (count: number) => (modelDim as number) % (count * even) === 0;
  return { modelDim: width, heads: [most, 3, 2].find(divides) ?? 1 };
}

/** Throws ArgumentError unless there is a value for each layer, and the layers do not share the option. */
function checkPerLayer({ perLayer = {}, options = {}, shared }: AttentionSettings, layers: number): void {
  for (const [name, values] of Object.entries(perLayer)) {
    if (values.length !== layers) {
      throw new ArgumentError(
        `attention.perLayer.${name}: expected ${layers} values, one a layer, got ${values.length}`,
      );
    }
    if (options[name] !== undefined) {
      throw new ArgumentError(`attention.perLayer.${name}: expected no value for all layers as well, got one`);
    }
    if (shared) throw new ArgumentError('attention.shared: expected false where layers have options of their own');
  }
}

/** The attention of layer n: entry n mod the number of entries, with the layer's own options. */
export function attentionsOf({
  attention,
  layers,
}: Pick<TransformerConfig, 'attention' | 'layers'>): readonly AttentionSettings[] {
  const entries = [attention].flat() as readonly AttentionSettings[];
  if (entries.every(({ perLayer }) => perLayer === undefined)) return entries;
  return Array.from({ length: layers }, (_, n) => {
    const { perLayer = {}, ...entry } = entries[n % entries.length];
    const own = Object.entries(perLayer).map(([name, values]) => [name, values[n]]);
    return { ...entry, options: { ...entry.options, ...Object.fromEntries(own) } };
  });
}

function completeAll(given: NonNullable<TransformerConfig['feedForward']>): typeof given {
  return 'kind' in given ? completeFeedForward(given) : given.map(completeFeedForward);
}

/** The feed-forward layers: layer n has entry n mod the number of entries. */
export function feedForwardsOf({
  feedForward = DENSE,
}: Pick<TransformerConfig, 'feedForward'>): readonly FeedForwardSettings[] {
  return [feedForward].flat() as readonly FeedForwardSettings[];
}

export function placeOf(config: TransformerConfig): AttentionPlace {
  const { modelDim, heads, headDim = modelDim / heads, length, causal, positions, dtype } = config;
  return { modelDim, heads, headDim, length, causal, rotary: positions === 'rotary', dtype };
}
