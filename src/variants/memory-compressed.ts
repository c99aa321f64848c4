/**
 * Memory-compressed attention: every query meets all of the past, in a third as many keys.
 *
 * Problem: a summary of several articles is a text of 10⁴ tokens, and full attention pays for all pairs. Idea (Liu et al. 2018,
 * §4.2.3): two cheaper layers that take turns, L-M-L-M-L. *Local* attention (L) cuts the text into blocks of 256 tokens that
 * attend within themselves. *Memory-compressed* attention (M) looks everywhere, over keys and values that a convolution with
 * kernels of k = 3 tokens and a stride of s = 3 has shortened, while the queries stay as they are:
 *
 *     K̃_g = Σ_t K_{(g+1)s − k + t} W^K_t,   Ṽ_g = Σ_t V_{(g+1)s − k + t} W^V_t,   O = softmax(Q K̃ᵀ/√d) Ṽ
 *
 * Cost: O(L²/s) time and O(L) memory for M, O(L·m) for L; a token is generated from L/s keys, or from the block so far. It
 * gives up single far tokens, each of which is mixed with its neighbours, and the s − 1 nearest ones where a query comes before
 * the end of its group. L gives up every pair in different blocks. `perLayer: { layer: ['local', 'compressed', …] }`
 * has a model's layers take turns.
 *
 * Departs from the paper: a head has a convolution of its own over its d columns, and keys another than values; it has no bias,
 * which would add the same to all scores of a query and to all outputs. It starts as the mean, where the paper says nothing.
 * Causally, a query sees the groups that have ended with its own token or before, and the first s − 1 tokens see nothing; with
 * `nullKey` all queries also see a learned key with a value of 0. In Tensor2Tensor they all see the first token instead, and a
 * group from the token after its end on.
 */
import { expectShape } from '../core/errors.ts';
import { attention, broadcastTo, everything, expandDims, joinAttention, pairsOf, runs } from '../core/ops/index.ts';
import { filled, type Tensor, zeros } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, choice, integer, type OptionsOf } from './options.ts';
import type { DeclaredParameter } from './parameters.ts';
import { type AttentionState, Memory } from './state.ts';
import { endedAt, groupsOf, maskOfGroups, meanKernel, shortened, withEvenKernel } from './strided-convolution.ts';
import type { Attending, AttentionInputs, AttentionPattern, AttentionShape, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  options: MemoryCompressedOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  if (options.layer === 'local') return attendLocally(memory, inputs, options);
  expectShape('values', values.shape, keys.shape, 'because both are convolved over their columns');

  // K̃ and Ṽ, strided convolutions of K and V                                                                  (§4.2.3)
  const groups = groupsOf(memory.position, length, options);
  const mask = memory.appendMask(keyMask, batch);
  const K = shortened(memory, 'keys', keys, parameters.W_K, keyMask, groups);
  const V = shortened(memory, 'values', values, parameters.W_V, keyMask, groups);

  // O = softmax(Q K̃ᵀ/√d) Ṽ
  const compressed =
    K === null || V === null
      ? attention(queries, keys, values, nothing(length))
      : attention(queries, K, V, layoutOf(memory.position, length, groups.count, options), {
          keyMask: mask && maskOfGroups(mask, groups),
        });
  const nullPart = options.nullKey ? [attendNullKey(queries, parameters.nullKey)] : [];
  return memory.leave(joinAttention([compressed, ...nullPart]).output);
}

/** Attention over one key [heads, 1, headDim] with a value of 0. */
function attendNullKey(queries: Tensor, nullKey: Tensor) {
  const row = broadcastTo(expandDims(nullKey, 0), queries.shape.with(2, 1));
  return attention(queries, row, zeros(row.shape, row.dtype as 'float32'), everything(queries.shape[2], 1));
}

/** Whether the key is in the query's block, or the first group that holds it has ended. Keys between narrow kernels meet none. */
function pattern({ layer, blockLength, stride, kernelWidth, causal }: MemoryCompressedOptions): AttentionPattern {
  const blockOf = (at: number) => Math.floor(at / blockLength);
  if (layer === 'local') return (_head, i, j) => blockOf(i) === blockOf(j) && !(causal && j > i);
  return (_head, query, key) => {
    const end = (Math.floor(key / stride) + 1) * stride;
    return key >= end - kernelWidth && !(causal && query < end - 1);
  };
}

/** Every query meets the groups that have ended, or all of them if not causal. */
function layoutOf(position: number, length: number, count: number, { causal, stride }: MemoryCompressedOptions) {
  return causal ? runs(new Int32Array(length), endedAt(position, length, stride), count) : everything(length, count);
}

const nothing = (length: number) => runs(new Int32Array(length), new Int32Array(length), length);

/** softmax(QKᵀ/√d) V within blocks of m tokens (§4.2.3, "Local attention"). */
function attendLocally(memory: Memory, inputs: AttentionInputs, options: MemoryCompressedOptions): Attending {
  const { queries, keys, values, keyMask } = inputs;
  const [batch, , length] = queries.shape;
  const { position } = memory;
  const [keep, held] = [position + length, position].map((at) => at % options.blockLength);
  const [K, V] = [memory.append('keys', keys, keep, held), memory.append('values', values, keep, held)];
  const mask = memory.appendMask(keyMask, batch, keep, held);
  const layout = blockLayout(position, length, options);
  return memory.leave(attention(queries, K, V, layout, { keyMask: mask }).output);
}

/** Queries from `position` on meet the keys of their block, up to themselves if causal. Keys begin with the first block. */
function blockLayout(position: number, length: number, { causal, blockLength }: MemoryCompressedOptions) {
  const end = position + length;
  const firstOf = (at: number) => Math.floor(at / blockLength) * blockLength;
  const before = firstOf(position);
  const endOf = (at: number) => (causal ? at + 1 : Math.min(end, firstOf(at) + blockLength));
  return runs(
    Int32Array.from({ length }, (_, i) => firstOf(position + i) - before),
    Int32Array.from({ length }, (_, i) => endOf(position + i) - before),
    end - before,
  );
}

const options = {
  /** Memory-compressed attention over the whole text, or local attention within blocks; the layers of a model take turns. */
  layer: choice({
    choices: ['compressed', 'local'],
    default: 'compressed',
    description: 'attention over compressed keys, or within blocks',
  }),
  /** s: tokens for each compressed key and value. */
  stride: integer({
    symbol: 's',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.min(3, sequenceLength),
    description: 'tokens for each compressed key',
  }),
  /** k: tokens that a compressed key is made of, the last k up to the end of its group. By default s, as in the paper. */
  kernelWidth: integer({
    symbol: 'k',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (_sequenceLength, { stride }) => stride as number,
    description: 'tokens that a compressed key is made of',
  }),
  /** m: tokens of a block of local attention. */
  blockLength: integer({
    symbol: 'm',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.min(256, sequenceLength),
    description: 'tokens of a block of a local layer',
  }),
  /** One more key, which is learned, has a value of 0 and is seen by all queries. */
  nullKey: boolean({ default: false, description: 'whether all queries also see a learned key without a value' }),
};

/** Options of `memoryCompressed`: which of the two layers, their sizes, a key for queries that see nothing, and `causal`. */
export interface MemoryCompressedOptions extends OptionsOf<typeof options> {}

/** W^K and W^V, [heads, k · headDim, headDim]. */
const W: DeclaredParameter<MemoryCompressedOptions> = {
  learned: true,
  shape: ({ layer, kernelWidth }, { heads, headDim }) =>
    layer === 'compressed' ? [heads, kernelWidth * headDim, headDim] : null,
  start: meanKernel,
};

/** Attention over keys and values that a strided convolution has shortened, or within blocks (Liu et al. 2018). */
export const memoryCompressed = defineVariant({
  name: 'memory-compressed',
  paper: {
    authors: 'Liu et al.',
    year: 2018,
    title: 'Generating Wikipedia by Summarizing Long Sequences',
    arxiv: '1801.10198',
  },
  family: 'low-rank',
  exactness: 'approximate',
  complexity: 'O(L²/s)',
  averagesWith: ({ layer }) => layer === 'local',
  weighsColumns: true,
  withEvenColumns: withEvenKernel,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  options,
  budget: null,
  parameters: {
    W_K: W,
    W_V: W,
    nullKey: {
      learned: true,
      shape: ({ layer, nullKey }, { heads, headDim }) =>
        layer === 'compressed' && nullKey ? [heads, 1, headDim] : null,
      start: ({ extents, dtype }) => filled(extents, 0, dtype),
    },
  },
  largest: (complete, { batch, heads, keyLength, headDim }) =>
    complete.layer === 'local'
      ? [batch, heads, keyLength, headDim]
      : [batch, heads, groupsOf(0, keyLength, complete).count, complete.kernelWidth * headDim],
  attend,
  pattern,
  cost(shape: AttentionShape, complete) {
    const { batch, heads, keyLength: length, headDim } = shape;
    const flopsOf = (pairs: number) => batch * heads * pairs * (4 * headDim + SOFTMAX_FLOPS);
    if (complete.layer === 'local') return { flops: flopsOf(pairsOf(blockLayout(0, length, complete), 1)) };
    const { count, width } = groupsOf(0, length, complete);
    const pairs = count === 0 ? 0 : pairsOf(layoutOf(0, length, count, complete), 1);
    const convolving = batch * heads * count * 2 * (2 * width * headDim ** 2);
    return { flops: convolving + flopsOf(pairs + (complete.nullKey ? length : 0)) };
  },
});
