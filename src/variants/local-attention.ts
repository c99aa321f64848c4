/**
 * Local attention: each chunk of the sequence attends to itself and to the chunk before it.
 *
 * Problem: full attention pays for all pairs, though much of what a token needs is nearby. Idea (Parmar et al. 2018,
 * §3.3, 1D local attention): cut the sequence into blocks of m queries; all queries of a block share one set of keys,
 * the block itself and a stretch before it. With a stretch of m, as here, that is the layer that released Reformer
 * models alternate with their hashing (Kitaev et al. 2020).
 *
 * Cost: O(L·m) time and O(L) memory. It gives up every pair further apart than two chunks, and an even reach: the first token
 * of a chunk looks back m tokens, the last one 2m − 1. Longformer's window slides instead. On its pattern it is exact. The paper's
 * form in two dimensions is `image-transformer`.
 *
 * Departs from the paper: the stretch before a block is as long as the block, and without `causal` there is also one after
 * it. The paper is causal, and chooses the two lengths separately.
 */

import { type AttentionLayout, attention, pairsOf, runs } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { integer, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionPattern, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  options: LocalAttentionOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  const end = memory.position + length;

  // The keys that the next token can meet: its own chunk so far, and the one before.
  const [keep, held] = [end, memory.position].map((at) => at - firstKey(at, options));
  const K = memory.append('keys', keys, keep, held);
  const V = memory.append('values', values, keep, held);
  const mask = memory.appendMask(keyMask, batch, keep, held);

  // softmax(QKᵀ/√d) V over the query's chunk and the one before, and the one after if not causal                 (§3.3)
  const layout = layoutOf(memory.position, length, K.shape[2], options);
  return memory.leave(attention(queries, K, V, layout, { keyMask: mask }).output);
}

/** Whether the two chunks are the same or neighbours. */
function pattern({ causal, chunkLength }: LocalAttentionOptions): AttentionPattern {
  const chunk = (position: number) => Math.floor(position / chunkLength);
  return (_head, query, key) => {
    const distance = chunk(key) - chunk(query);
    return causal ? key <= query && distance >= -1 : Math.abs(distance) <= 1;
  };
}

/** The first key that a query at this position meets: the first of the chunk before its own. */
function firstKey(position: number, { chunkLength }: LocalAttentionOptions): number {
  return Math.max(0, Math.floor(position / chunkLength) - 1) * chunkLength;
}

/**
 * Queries from `position` on meet the keys from the start of the chunk before their own up to themselves, or up to the end of
 * the chunk after. The keys are the last `keyLength` tokens.
 */
function layoutOf(
  position: number,
  length: number,
  keyLength: number,
  options: LocalAttentionOptions,
): AttentionLayout {
  const { causal, chunkLength } = options;
  const end = position + length;
  const before = end - keyLength;
  const chunkAfter = (i: number) => (Math.floor(i / chunkLength) + 2) * chunkLength;
  return runs(
    Int32Array.from({ length }, (_, i) => firstKey(position + i, options) - before),
    Int32Array.from({ length }, (_, i) => (causal ? position + i + 1 : Math.min(end, chunkAfter(i))) - before),
    keyLength,
  );
}

const options = {
  /** m: tokens of a chunk. Where not causal, a chunk also attends to the one after it. */
  chunkLength: integer({
    symbol: 'm',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 64 as in released Reformer models.
    default: (sequenceLength) => Math.min(64, sequenceLength),
    description: 'tokens of a chunk, which attends to itself and its neighbours',
  }),
};

/** Options of `localAttention`: the tokens of a chunk, and `causal`. */
export interface LocalAttentionOptions extends OptionsOf<typeof options> {}

/** Attention within chunks: a token attends to its own chunk and to the neighbouring ones (Parmar et al. 2018). */
export const localAttention = defineVariant({
  name: 'local-attention',
  paper: {
    authors: 'Parmar et al.',
    year: 2018,
    title: 'Image Transformer',
    arxiv: '1802.05751',
  },
  family: 'sparse',
  exactness: 'exact-on-its-pattern',
  complexity: 'O(L·m)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: {
    symbol: 'm',
    option: 'chunkLength',
    values: (sequenceLength) => [
      Math.min(16, sequenceLength),
      ...[32, 64, 128, 256].filter((m) => 4 * m <= sequenceLength),
    ],
  },
  attend,
  pattern,
  cost({ batch, heads, keyLength, headDim }, complete) {
    const pairs = batch * pairsOf(layoutOf(0, keyLength, keyLength, complete), heads);
    return { flops: pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
});
