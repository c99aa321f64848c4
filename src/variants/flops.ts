/** The convention by which costs are counted in floating point operations: a multiply-add is two. */
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
