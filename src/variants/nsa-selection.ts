/** The selection of NSA, eqs. 8 to 12: the blocks that each query looks at closely, and how many pairs that makes. */
import { coarseSeen, topBlocks } from '../core/ops/top-blocks.ts';
import type { Tensor } from '../core/tensor.ts';
import type { Compressed, CompressionOptions } from './nsa-compression.ts';

/** The options that say what is selected. */
export interface SelectionOptions extends CompressionOptions {
  selectionBlock: number;
  selectedBlocks: number;
  groupSize: number;
}

/** For every query, how many compressed blocks have ended with its own token or before. */
export const coarseEnds = (
  position: number,
  length: number,
  { compressionBlock, stride }: CompressionOptions,
): Int32Array => Int32Array.from({ length }, (_, i) => coarseSeen(position + i + 1, compressionBlock, stride));

/**
 * The blocks that each query selects, int32 [batch, heads, length, n], for queries from `start` on:
 *
 *     p_t = softmax(q_tᵀ K̃_t/√d_k)                                                                       (eq. 8)
 *     p′_t[j] = Σ_{m < l′/d} Σ_{k < l/d} p_t[(l′/d) j − m − k], counted from 1                          (eq. 9)
 *     p″_t[j] = Σ_h p′_t[j] over the heads h of a group                                                 (eq. 10)
 *     I_t = the n blocks j of the highest p″_t[j]                                                   (eqs. 11, 12)
 *
 * Eq. 8 is written without √d_k, but its weights are those of the compressed branch (§3.3.2). Eq. 9 counts a compressed block
 * once for every stride of d tokens that it shares with block j, if blocks are counted from 1: from 0, as in eqs. 7 and 12, it
 * would add blocks that lie before block j. For lengths that do not divide each other it counts by the tokens shared.
 */
export function selectBlocks(
  queries: Tensor,
  coarse: Compressed | null,
  start: number,
  { compressionBlock, stride, selectionBlock, selectedBlocks, groupSize }: SelectionOptions,
): Tensor {
  const blocks = { span: compressionBlock, stride, block: selectionBlock, count: selectedBlocks };
  return topBlocks(queries, coarse?.keys ?? null, { ...blocks, start, group: groupSize, keyMask: coarse?.mask });
}

/** Pairs of a query and a key in the blocks that it selects, those after the query in its own block among them. */
export function selectedPairs(length: number, { selectionBlock, selectedBlocks }: SelectionOptions): number {
  let pairs = 0;
  for (let i = 0; i < length; i++) {
    const own = Math.floor(i / selectionBlock);
    pairs += Math.min(selectedBlocks - 1, own) * selectionBlock;
    pairs += Math.min(selectionBlock, length - own * selectionBlock);
  }
  return pairs;
}

/** Pairs of a query and a compressed key that are scored for the selection: none where all blocks are selected. */
export function scoredPairs(length: number, options: SelectionOptions): number {
  const { selectionBlock, selectedBlocks } = options;
  const ends = coarseEnds(0, length, options);
  return ends.reduce((sum, each, i) => sum + (Math.floor(i / selectionBlock) >= selectedBlocks ? each : 0), 0);
}
