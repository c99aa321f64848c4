/**
 * MoBA, mixture of block attention: every query chooses the blocks of keys that it attends to.
 *
 * Problem: which far tokens matter depends on the text, so a fixed sparse pattern misses some. Idea (Lu et al. 2025, §2.2):
 * cut the keys into blocks of B, and let a gate without parameters choose, as among experts: a block scores the product of
 * the query with the mean of its keys, and each query of each head takes the k best.
 *
 *     s_i = ⟨q, mean(K[I_i])⟩                                                                  (eq. 6)
 *     g_i = 1 for the k blocks of the largest s_i, else 0                                      (eq. 5)
 *     MoBA(q, K, V) = softmax(q K[I]ᵀ/√d) V[I],   I = ∪_{g_i = 1} I_i                          (eqs. 2, 4)
 *
 * No query takes a block that comes after it. It always takes its own block, and attends to it causally: a mean over the whole
 * block would tell it of later keys. So k counts the own block and k − 1 past ones. The choice passes no gradient.
 *
 * Cost: O(L·k·B) time for the pairs and O(L²/B) for the scores, O(L·k) memory; a generation keeps all keys, and the means of
 * their blocks. It gives up keys in blocks whose mean does not point to them, and weights that move smoothly with the queries.
 * With k of at least the number of blocks it is full causal attention. In some of the paper's models the last layers keep full
 * attention, and some trainings end with it (§3.2): a model can mix variants by layer.
 *
 * Departs from the paper: masked keys are left out of the means, and nobody takes a block of padding.
 */
import { type AttentionLayout, attention, chooseBlocks, type KeySet, runs } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { blocksWithKeys, chosenKeys, meansOfBlocks } from './moba-blocks.ts';
import { integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: MobaOptions,
  { blocks }: Parameters,
  state?: AttentionState,
): Attending {
  const { blockSize } = options;
  const length = queries.shape[2];
  const memory = new Memory(state, length);
  const { position } = memory;
  const K = memory.append('keys', keys);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, queries.shape[0]);

  // The own block, up to the query
  const sets: KeySet[] = [ownBlock(position, length, K.shape[2], options)];
  // and the k − 1 past blocks of the largest ⟨q, mean(K[I_i])⟩                                     (eqs. 5, 6)
  const means = remember(memory, K, mask, blockSize);
  if (means !== undefined) {
    const lists = blocks ?? pastBlocks(queries, means, mask, options, position);
    sets.push(...chosenKeys(lists, means.shape[2], blockSize, K.shape[2]));
  }
  // softmax(q K[I]ᵀ/√d) V[I]                                                                       (eq. 2)
  return memory.leave(attention(queries, K, V, sets, { keyMask: mask, queryStart: position }).output);
}

/** The keys from the beginning of the query's block up to the query. */
function ownBlock(position: number, length: number, keyLength: number, { blockSize }: MobaOptions): AttentionLayout {
  const begin = Int32Array.from({ length }, (_, i) => position + i - ((position + i) % blockSize));
  const end = begin.map((_, i) => position + i + 1);
  return runs(begin, end, keyLength);
}

/** The k − 1 past blocks that each query takes, int32 [batch, heads, length, k − 1 or fewer]; −1: none. */
function pastBlocks(
  queries: Tensor,
  means: Tensor,
  mask: Tensor | undefined,
  { blockSize, topK }: MobaOptions,
  start: number,
): Tensor {
  const full = means.shape[2];
  const real = blocksWithKeys(mask, blockSize, full);
  return chooseBlocks(queries, means, { blockSize, count: Math.min(topK - 1, full), start, real });
}

/** The means of all blocks that are full, with those that this call has filled; undefined: none is full. */
function remember(memory: Memory, K: Tensor, mask: Tensor | undefined, blockSize: number): Tensor | undefined {
  const [batch, heads, length, width] = K.shape;
  const [held, full] = [Math.floor(memory.position / blockSize), Math.floor(length / blockSize)];
  if (full > held) return memory.append('means', meansOfBlocks(K, mask, blockSize, held, full), undefined, held);
  const before = held === 0 ? undefined : memory.get('means', [batch, heads, held, width]);
  if (before !== undefined) memory.set('means', before);
  return before;
}

function cost({ batch, heads, keyLength, headDim }: AttentionShape, { blockSize, topK }: MobaOptions) {
  let [pairs, scores] = [0, 0];
  for (let i = 0; i < keyLength; i++) {
    const past = Math.floor(i / blockSize);
    pairs += (i % blockSize) + 1 + Math.min(topK - 1, past) * blockSize;
    if (past > topK - 1) scores += past;
  }
  return { flops: batch * heads * (pairs * (4 * headDim + SOFTMAX_FLOPS) + (2 * scores + keyLength) * headDim) };
}

const options = {
  /** *B*: keys of a block. */
  blockSize: integer({
    symbol: 'B',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 16 blocks, as the paper's 512 keys are for its texts of 8192 (§3.1).
    default: (sequenceLength) => Math.max(1, Math.min(512, Math.floor(sequenceLength / 16))),
    description: 'keys of a block',
  }),
  /** *k*: blocks of a query, its own among them, as the paper and its code count. */
  topK: integer({
    symbol: 'k',
    // With the own block alone there would be nothing to choose.
    minimum: 2,
    maximum: (sequenceLength) => Math.max(2, sequenceLength),
    // As in §3.1.
    default: (sequenceLength) => Math.max(2, Math.min(3, sequenceLength)),
    description: 'blocks that a query attends to, its own among them',
  }),
};

/** Options of `moba`: the keys of a block, and how many blocks a query attends to. */
export interface MobaOptions extends OptionsOf<typeof options> {}

/** Causal attention to the query's own block and to those past ones that it chooses by their means (Lu et al. 2025). */
export const moba = defineVariant({
  name: 'moba',
  paper: {
    authors: 'Lu et al.',
    year: 2025,
    title: 'MoBA: Mixture of Block Attention for Long-Context LLMs',
    arxiv: '2502.13189',
  },
  family: 'sparse',
  exactness: 'approximate',
  complexity: 'O(L·k·B + L²/B)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  budget: {
    symbol: 'k',
    option: 'topK',
    values: (sequenceLength) => [2, 3, 4, 6, 8, 12, 16].filter((k) => k <= Math.max(2, sequenceLength / 2)),
  },
  // The blocks of all queries, int32, in numbers of 8 bytes.
  largest({ blockSize, topK }, { batch, heads, keyLength }) {
    const count = Math.min(topK - 1, Math.floor(keyLength / blockSize));
    return [batch, heads, keyLength, Math.max(1, Math.floor(count / 2))];
  },
  attend,
  /** The past blocks, [batch, heads, L, k − 1]: a rounding could exchange two that score alike. */
  decisions({ queries, keys, keyMask }, complete): Parameters {
    const full = Math.floor(keys.shape[2] / complete.blockSize);
    if (full === 0) return {};
    const means = meansOfBlocks(keys, keyMask, complete.blockSize, 0, full);
    return { blocks: pastBlocks(queries, means, keyMask, complete, 0) };
  },
  cost,
});
