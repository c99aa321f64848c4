/**
 * What LightConv and DynamicConv share (Wu et al. 2019): options, the band of positions that a kernel of width k
 * covers, DropConnect, and the rolling window of a generation. They differ in where the kernels come from.
 */
import { ArgumentError, expectShape } from '../core/errors.ts';
import { expectSameDType, expectTensor } from '../core/ops/check.ts';
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
import type { Random } from '../core/random.ts';
import { elements, empty, type Tensor, zeros } from '../core/tensor.ts';
import { type AttentionState, Memory } from './state.ts';
import type {
  Attending,
  AttentionInputs,
  AttentionPattern,
  AttentionShape,
  Citation,
  CommonOptions,
} from './variant.ts';

export interface ConvolutionOptions extends CommonOptions {
  /**
   * k: positions that a kernel covers. The middle one of an odd width is the token's own; an even width reaches one
   * further back than ahead. Causal: the token's own is the last.
   */
  kernelWidth: number;
  /**
   * p: each entry of the normalised kernel is dropped with this probability, and the others are divided by 1 − p (§3,
   * DropConnect). For training: which ones is in the parameter D, that a trainer draws again for every step; to
   * evaluate with the same parameters, set it to 0.
   */
  dropConnect: number;
}

export const convolutionPaper: Citation = {
  authors: 'Wu et al.',
  year: 2019,
  title: 'Pay Less Attention with Lightweight and Dynamic Convolutions',
  arxiv: '1901.10430',
};

export const convolutionOptions = {
  kernelWidth: {
    kind: 'integer',
    symbol: 'k',
    minimum: 1,
    // Centred on the first token it reaches the last.
    maximum: (sequenceLength: number) => 2 * sequenceLength - 1,
    description: 'positions that a kernel covers, half of them on each side',
  },
  dropConnect: {
    kind: 'number',
    symbol: 'p',
    minimum: 0,
    maximum: 0.9,
    trainingOnly: true,
    description: 'probability that an entry of the normalised kernel is dropped; for training only',
  },
} as const;

export const kernelWidthBudget = {
  symbol: 'k',
  option: 'kernelWidth',
  values: (sequenceLength: number) => [
    Math.min(3, 2 * sequenceLength - 1),
    ...[7, 15, 31, 63, 127].filter((k) => k < sequenceLength),
  ],
} as const;

/** k = 31 as in most of the paper's blocks (3, 7, 15 in the first ones, §5). */
export const convolutionDefaults = (sequenceLength: number): ConvolutionOptions => ({
  causal: false,
  kernelWidth: Math.min(31, 2 * sequenceLength - 1),
  dropConnect: 0,
});

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
 * A learned tensor with entries uniform in ±√(6 / (fanIn + fanOut)) (Glorot & Bengio 2010), as in the authors' code.
 */
export function glorotUniform(
  shape: readonly number[],
  [fanIn, fanOut]: readonly [number, number],
  random: Random,
  dtype: AttentionShape['dtype'],
): Tensor {
  const tensor = empty(shape, dtype);
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  random.fillUniform(elements(tensor), -bound, bound);
  return tensor.withGrad();
}

/**
 * D [heads, k], 0 or 1/(1 − p): what the normalised kernels are multiplied by. One draw serves all positions and batch
 * entries, as in a convolution, whose weights are the same for all. No D without DropConnect.
 */
export function drawDropConnect(
  { kernelWidth, dropConnect }: ConvolutionOptions,
  { heads, dtype }: AttentionShape,
  random: Random,
): { D?: Tensor } {
  if (dropConnect === 0) return {};
  const D = empty([heads, kernelWidth], dtype);
  const entries = elements(D);
  for (let n = 0; n < entries.length; n++) entries[n] = random.uniform() < dropConnect ? 0 : 1 / (1 - dropConnect);
  return { D };
}

export function dropConnectShape({ kernelWidth, dropConnect }: ConvolutionOptions, heads: number): { D?: number[] } {
  return dropConnect === 0 ? {} : { D: [heads, kernelWidth] };
}

/**
 * The kernels, [heads, k] or [batch, heads, length, k], times D; as they are without DropConnect. Throws ArgumentError
 * or ShapeError for a D that is missing or does not fit.
 */
export function dropEntries(kernels: Tensor, D: Tensor | undefined, { dropConnect }: ConvolutionOptions): Tensor {
  if (dropConnect === 0) return kernels;
  if (D === undefined) {
    throw new ArgumentError(`parameters.D: expected one to drop entries with probability ${dropConnect}, got none`);
  }
  const [heads, width] = kernels.shape.length === 2 ? kernels.shape : [kernels.shape[1], kernels.shape[3]];
  expectParameter('D', D, [heads, width], kernels.dtype);
  return multiply(kernels, kernels.shape.length === 2 ? D : reshape(D, [heads, 1, width]));
}

/** Throws ArgumentError or ShapeError unless the parameter is a tensor of this shape and type. */
export function expectParameter(name: string, tensor: Tensor, shape: readonly number[], dtype: Tensor['dtype']): void {
  expectTensor(`parameters.${name}`, tensor);
  expectSameDType(`parameters.${name}`, tensor, dtype, 'to match values');
  expectShape(`parameters.${name}`, tensor.shape, shape, 'to match values and kernelWidth');
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
