/**
 * The common parts of LightConv and DynamicConv (Wu et al. 2019): options, the band of positions that a kernel of width k
 * covers, DropConnect, and the rolling window of generation. The two differ in where their kernels come from.
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
   * k: positions that a kernel covers. With an odd width the token itself is in the middle; an even width reaches one further
   * back than ahead. Causal: the token itself is the last.
   */
  kernelWidth: integer({
    symbol: 'k',
    minimum: 1,
    // Wide enough to reach the last token from the first.
    maximum: (sequenceLength) => 2 * sequenceLength - 1,
    // 31 as in most of the paper's blocks (3, 7, 15 in the first ones, §5).
    default: (sequenceLength) => Math.min(31, 2 * sequenceLength - 1),
    description: 'positions that a kernel covers, half of them on each side',
  }),
  /**
   * p: each entry of the normalised kernel is dropped with this probability, and the others are divided by 1 − p (§3,
   * DropConnect). For training only: the parameter D says which ones, and a trainer redraws it at every step. To evaluate
   * with the same parameters, set it to 0.
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

/** The number of pairs of a token and a position under its kernel, in all heads of a batch entry. */
export function convolutionPairs(options: ConvolutionOptions, { heads, keyLength }: AttentionShape): number {
  return pairsOf(band(keyLength, reachOf(options)), heads);
}

/**
 * D [heads, k], 0 or 1/(1 − p): the factors of the normalised kernels. All positions and batch entries share one draw, as
 * they share the weights of a convolution. No D without DropConnect.
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

/** The kernels, [heads, k] or [batch, heads, length, k], times D; unchanged without DropConnect. */
export function dropEntries(kernels: Tensor, D: Tensor, { dropConnect }: ConvolutionOptions): Tensor {
  if (dropConnect === 0) return kernels;
  return multiply(kernels, kernels.shape.length === 2 ? D : reshape(D, [D.shape[0], 1, D.shape[1]]));
}

/**
 * DepthwiseConv(X, kernel, i, c) = Σ_j kernel_j X_{i+j−⌈(k+1)/2⌉, c} for X = V (§2). Masked values, and values beyond the
 * ends, are zeros: next to them, as in the paper, the weights of the others add up to less than 1. A state keeps the last k −
 * 1 values.
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

/**
 * Adds rows of zeros before the kernels of tokens, one for each earlier token. Kernels of heads serve all tokens and stay as
 * they are.
 */
function withRowsBefore(kernels: Tensor, count: number): Tensor {
  if (count === 0 || kernels.shape.length === 2) return kernels;
  return concat([zeros(kernels.shape.with(2, count), kernels.dtype), kernels], 2);
}
