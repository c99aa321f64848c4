/**
 * What LightConv and DynamicConv share (Wu et al. 2019): options, the band of positions that a kernel of width k
 * covers, DropConnect, and the rolling window of a generation. They differ in where the kernels come from.
 */
import {
  band,
  concat,
  contiguous,
  convolveRows,
  multiply,
  pairsOf,
  reshape,
  slice,
  zeroMasked,
} from '../core/ops/index.ts';
import { elements, empty, type Tensor, zeros } from '../core/tensor.ts';
import { integer, number, type OptionsOf } from './options.ts';
import type { DeclaredParameter } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionPattern, AttentionShape, Citation } from './variant.ts';

export const convolutionPaper: Citation = {
  authors: 'Wu et al.',
  year: 2019,
  title: 'Pay Less Attention with Lightweight and Dynamic Convolutions',
  arxiv: '1901.10430',
};

export const convolutionOptions = {
  /**
   * k: positions that a kernel covers. The middle one of an odd width is the token's own; an even width reaches one
   * further back than ahead. Causal: the token's own is the last.
   */
  kernelWidth: integer({
    symbol: 'k',
    minimum: 1,
    // Centred on the first token it reaches the last.
    maximum: (sequenceLength) => 2 * sequenceLength - 1,
    // 31 as in most of the paper's blocks (3, 7, 15 in the first ones, §5).
    default: (sequenceLength) => Math.min(31, 2 * sequenceLength - 1),
    description: 'positions that a kernel covers, half of them on each side',
  }),
  /**
   * p: each entry of the normalised kernel is dropped with this probability, and the others are divided by 1 − p (§3,
   * DropConnect). For training: which ones is in the parameter D, that a trainer draws again for every step; to
   * evaluate with the same parameters, set it to 0.
   */
  dropConnect: number({
    symbol: 'p',
    minimum: 0,
    maximum: 0.9,
    default: 0,
    trainingOnly: true,
    description: 'probability that an entry of the normalised kernel is dropped; for training only',
  }),
};

export interface ConvolutionOptions extends OptionsOf<typeof convolutionOptions> {}

export const kernelWidthBudget = {
  symbol: 'k',
  option: 'kernelWidth',
  values: (sequenceLength: number) => [
    Math.min(3, 2 * sequenceLength - 1),
    ...[7, 15, 31, 63, 127].filter((k) => k < sequenceLength),
  ],
} as const;

/**
 * How far the kernel reaches: entry j of 1 … k meets position i + j − ⌈(k+1)/2⌉ (§2, depthwise convolution), or shifted
 * to i + j − k, so that the last one is i, when causal.
 */
export function reachOf({ kernelWidth: k, causal }: ConvolutionOptions): { before: number; after: number } {
  const before = causal ? k - 1 : Math.ceil((k + 1) / 2) - 1;
  return { before, after: k - 1 - before };
}

export function convolutionPattern(options: ConvolutionOptions): AttentionPattern {
  const { before, after } = reachOf(options);
  return (_head, query, key) => key >= query - before && key <= query + after;
}

/** How many pairs of a token and one under its kernel there are in all heads of a batch entry. */
export function convolutionPairs(options: ConvolutionOptions, { heads, keyLength }: AttentionShape): number {
  return pairsOf(band(keyLength, reachOf(options)), heads);
}

/**
 * D [heads, k], 0 or 1/(1 − p): what the normalised kernels are multiplied by. One draw serves all positions and batch
 * entries, as in a convolution, whose weights are the same for all. No D without DropConnect.
 */
export const D: DeclaredParameter<ConvolutionOptions> = {
  learned: false,
  trainingOnly: true,
  shape: ({ kernelWidth, dropConnect }, { heads }) => (dropConnect === 0 ? null : [heads, kernelWidth]),
  start({ extents, dtype, random, options: { dropConnect } }) {
    const tensor = empty(extents, dtype);
    const entries = elements(tensor);
    for (let n = 0; n < entries.length; n++) entries[n] = random.uniform() < dropConnect ? 0 : 1 / (1 - dropConnect);
    return tensor;
  },
};

/** The kernels, [heads, k] or [batch, heads, length, k], times D; as they are without DropConnect. */
export function dropEntries(kernels: Tensor, D: Tensor, { dropConnect }: ConvolutionOptions): Tensor {
  if (dropConnect === 0) return kernels;
  return multiply(kernels, kernels.shape.length === 2 ? D : reshape(D, [D.shape[0], 1, D.shape[1]]));
}

/**
 * DepthwiseConv(X, kernel, i, c) = Σ_j kernel_j X_{i+j−⌈(k+1)/2⌉, c} for X = V (§2). Masked values, and those beyond
 * the ends, are zeros: there, as in the paper, the weights of the rest add up to less than 1. A state keeps the last k − 1.
 */
export function depthwiseConvolution(
  { values, keyMask }: AttentionInputs,
  kernels: Tensor,
  options: ConvolutionOptions,
  state: AttentionState | undefined,
): Attending {
  const length = values.shape[2];
  const { before } = reachOf(options);
  const memory = new Memory(state, length);
  const V = memory.append('values', zeroMasked(values, keyMask), before);
  const held = V.shape[2] - length;
  const mixed = convolveRows(withRowsBefore(kernels, held), V, before);
  return memory.leave(held === 0 ? mixed : contiguous(slice(mixed, 2, held, held + length)));
}

/** Kernels of tokens, with rows of zeros for as many tokens before them; kernels of heads are all tokens'. */
function withRowsBefore(kernels: Tensor, count: number): Tensor {
  if (count === 0 || kernels.shape.length === 2) return kernels;
  return concat([zeros(kernels.shape.with(2, count), kernels.dtype), kernels], 2);
}
