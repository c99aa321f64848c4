/**
 * Local attention: each chunk of the sequence attends to itself and to the chunk before.
 *
 * Problem: full attention pays for all pairs, though much of what a token needs is near by. Idea (Parmar et al. 2018,
 * §3.3, 1D local attention): cut the sequence into blocks of m queries; all queries of a block share one set of keys,
 * the block itself and a stretch before it. With a stretch of m, as here, that is the layer that released Reformer
 * models alternate with their hashing (Kitaev et al. 2020).
 *
 * Cost: O(L·m) time and O(L) memory. It gives up every pair further apart than two chunks, and evenness: the first token
 * of a chunk looks back m tokens, the last one 2m − 1. Longformer's window slides instead. On its pattern it is exact.
 */
import { type AttentionLayout, pairsOf, runs, streamingAttention } from '../core/ops/index.ts';
import { attendToPlaces, cacheRow } from './decoding.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import type { AttentionVariant, CommonOptions } from './variant.ts';

export interface LocalAttentionOptions extends CommonOptions {
  /** m: tokens of a chunk. Where not causal, a chunk also attends to the one after it. */
  chunkLength: number;
}

export const localAttention: AttentionVariant<LocalAttentionOptions> = {
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
  options: {
    chunkLength: {
      kind: 'integer',
      symbol: 'm',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'tokens of a chunk, which attends to itself and its neighbours',
    },
  },
  budget: {
    symbol: 'm',
    option: 'chunkLength',
    values: (sequenceLength) => [
      Math.min(16, sequenceLength),
      ...[32, 64, 128, 256].filter((m) => 4 * m <= sequenceLength),
    ],
  },

  // 64 as in released Reformer models.
  defaults: (sequenceLength) => ({ causal: false, chunkLength: Math.min(64, sequenceLength) }),

  parameters: () => ({}),

  attend({ queries, keys, values, keyMask }, options) {
    return streamingAttention(queries, keys, values, layoutOf(queries.shape[2], options), { keyMask }).output;
  },

  // A rolling window of two chunks: what was written over is of the chunk before the previous one.
  decode(state, { queries, keys, values }, { chunkLength }) {
    const size = 2 * chunkLength;
    const recentKeys = cacheRow(state, 'keys', keys, size);
    const recentValues = cacheRow(state, 'values', values, size);
    const { position } = state;
    const first = Math.max(0, Math.floor(position / chunkLength) - 1) * chunkLength;
    const places = Array.from({ length: position + 1 - first }, (_, n) => (first + n) % size);
    return attendToPlaces(queries, recentKeys, recentValues, [places]).output;
  },

  pattern({ causal, chunkLength }) {
    const chunk = (position: number) => Math.floor(position / chunkLength);
    return (_head, query, key) => {
      const distance = chunk(key) - chunk(query);
      return causal ? key <= query && distance >= -1 : Math.abs(distance) <= 1;
    };
  },

  cost({ batch, heads, keyLength, headDim }, options) {
    const pairs = batch * pairsOf(layoutOf(keyLength, options), heads);
    return { flops: pairs * (4 * headDim + SOFTMAX_FLOPS) };
  },
};

/** Query i meets the keys from the start of the chunk before its own to itself, or to the end of the chunk after. */
function layoutOf(length: number, { causal, chunkLength }: LocalAttentionOptions): AttentionLayout {
  const chunk = Int32Array.from({ length }, (_, i) => Math.floor(i / chunkLength));
  const begin = chunk.map((own) => Math.max(0, own - 1) * chunkLength);
  const end = chunk.map((own, i) => (causal ? i + 1 : Math.min(length, (own + 2) * chunkLength)));
  return runs(begin, end, length);
}
