/** What a model is, in plain values: all that a checkpoint needs beside the tensors to make the model again. */
import { ArgumentError, expectInteger } from '../core/errors.ts';
import type { FloatType } from './linear.ts';
import type { AttentionPlace, AttentionSettings } from './mixing.ts';
import { POSITIONS, type PositionKind } from './positions.ts';

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
  /** Positions that the feed-forward layer works off together (see feed-forward.ts); 0: all. */
  feedForwardChunk: number;
  /** Of every layer; or a list, of which layer n takes entry n mod its length. */
  attention: AttentionSettings | readonly AttentionSettings[];
  /** Whether a token sees only itself and those before it. */
  causal: boolean;
  positions: PositionKind;
  /** l₁ and l₂ of axial positions. */
  axialLengths?: readonly [number, number];
  /** Layer normalisation inside the residual branch, x + F(norm(x)), or after it, norm(x + F(x)) as in Vaswani et al. */
  norm: 'pre' | 'post';
  /** Whether activations are kept for the backward pass, or follow from the outputs (see reversible.ts). */
  residual: 'plain' | 'reversible';
  /** P_drop: on the embeddings, and on what a residual branch gives. */
  dropout: number;
  dtype: FloatType;
}

/** A small model, of which the caller says at least the vocabulary and the length. */
export const transformerDefaults = {
  layers: 2,
  modelDim: 64,
  heads: 4,
  feedForwardChunk: 0,
  attention: { variant: 'full' },
  causal: false,
  positions: 'learned',
  norm: 'pre',
  residual: 'plain',
  dropout: 0.1,
  dtype: 'float32',
} as const satisfies Partial<TransformerConfig>;

/** What has to be said; the rest has defaults. */
export type TransformerSettings = Partial<TransformerConfig> & Pick<TransformerConfig, 'vocabulary' | 'length'>;

/** Fills in defaults. Throws ArgumentError for sizes, names or combinations that cannot be right. */
export function completeConfig(settings: TransformerSettings): TransformerConfig {
  const config: TransformerConfig = { ...transformerDefaults, ...settings };
  const sizes = ['vocabulary', 'length', 'layers', 'modelDim', 'heads'] as const;
  for (const name of sizes) expectInteger(name, config[name], 1);
  if (config.headDim !== undefined) expectInteger('headDim', config.headDim, 1);
  else if (config.modelDim % config.heads !== 0) {
    throw new ArgumentError(
      `heads: expected a divisor of modelDim ${config.modelDim}, or a headDim, got ${config.heads}`,
    );
  }
  if (config.feedForwardDim !== undefined) expectInteger('feedForwardDim', config.feedForwardDim, 1);
  expectInteger('feedForwardChunk', config.feedForwardChunk, 0);
  if (attentionsOf(config).length === 0) throw new ArgumentError('attention: expected at least one entry, got none');
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw new ArgumentError(`dropout: expected at least 0 and below 1, got ${config.dropout}`);
  }
  expectChoice('positions', config.positions, POSITIONS);
  expectChoice('norm', config.norm, ['pre', 'post']);
  expectChoice('residual', config.residual, ['plain', 'reversible']);
  expectChoice('dtype', config.dtype, ['float32', 'float64']);
  if (config.residual === 'reversible' && config.norm === 'post') {
    throw new ArgumentError('norm: expected pre in reversible layers, which cannot be undone after a normalisation');
  }
  return config;
}

/** The attention of layer n is entry n mod their number. */
export function attentionsOf({ attention }: Pick<TransformerConfig, 'attention'>): readonly AttentionSettings[] {
  return Array.isArray(attention) ? attention : [attention as AttentionSettings];
}

export function placeOf(config: TransformerConfig): AttentionPlace {
  const { modelDim, heads, headDim = modelDim / heads, length, causal, positions, dtype } = config;
  return { modelDim, heads, headDim, length, causal, rotary: positions === 'rotary', dtype };
}

function expectChoice(name: string, value: unknown, choices: readonly string[]): void {
  if (choices.includes(value as string)) return;
  throw new ArgumentError(`${name}: expected one of ${choices.join(', ')}, got ${String(value)}`);
}
