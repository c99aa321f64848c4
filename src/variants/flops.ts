/** The convention by which costs are counted in floating point operations: a multiply-add is two. */
import { isDirect, productsOf, transformSize } from '../core/kernels/long-convolution.ts';
import { CHUNK } from '../core/kernels/scan-chunk.ts';
import type { AttentionShape } from './variant.ts';

/** FLOPs of one exp, subtraction and sum of a softmax, which a pair of a query and a key costs besides its multiply-adds. */
export const SOFTMAX_FLOPS = 5;

/**
 * FLOPs of a scan: every token adds an outer product to a state of headDim × valueDim numbers (headDim² by default) and reads
 * it, and meets the tokens of its chunk. A delta rule also reads the state for what it takes out, and solves for what it writes. One that erases elsewhere
 * than it writes adds a second outer product, and meets tokens twice for each.
 */
export function scanFlops(
  { batch, heads, keyLength, headDim: d }: AttentionShape,
  { deltaRule = false, erases = false, valueDim = d } = {},
): number {
  const pairs = pairsOfChunks(keyLength);
  const token = 2 * d * valueDim;
  const [products, meetings] = erases ? [4, 4] : deltaRule ? [3, 2] : [2, 1];
  return batch * heads * (keyLength * token * products + pairs * 2 * (d + valueDim) * meetings);
}

/** Pairs j ≤ i that meet directly in a causal run, within its chunks: a constant number for each token. */
export function pairsOfChunks(length: number): number {
  const pairs = (rows: number) => (rows * (rows + 1)) / 2;
  return Math.floor(length / CHUNK) * pairs(CHUNK) + pairs(length % CHUNK);
}

/**
 * FLOPs of a causal convolution with filters as long as the sequence: 5N log₂ N for a transform of N numbers, which two columns
 * share. There is one of the filters, and one there and one back for every entry of the batch. Short sequences are summed up.
 */
export function longConvolutionFlops({ batch, heads, keyLength: length, headDim }: AttentionShape): number {
  const size = transformSize(length, length, 0);
  if (isDirect(length, length, 0, size)) return 2 * batch * heads * headDim * productsOf(length, length, 0);
  return heads * Math.ceil(headDim / 2) * (1 + 2 * batch) * 5 * size * Math.log2(size);
}

/**
 * FLOPs of a selective scan: each of headDim² numbers of a state, at each token, costs a product Δ A and its exponential (3), a
 * decay, a multiply-add of what is written and one of what is read; beside them Δ x.
 */
export function selectiveScanFlops({ batch, heads, keyLength, headDim: d }: AttentionShape): number {
  return batch * heads * keyLength * (9 * d * d + d);
}
