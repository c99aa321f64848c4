/**
 * Full attention: every query meets every key. It is the yardstick for all other variants.
 *
 *     A = softmax(QKᵀ/√d + M),   out = A V          (Vaswani et al. 2017, eq. 1; M is 0 or −∞)
 *
 * Cost: O(L²·d) time. Memory is O(L): the score matrix is never stored. A query walks over the keys and keeps only its
 * largest score so far, the sum of exponentials and the weighted sum of values (the online softmax of Milakov & Gimelshein
 * 2018, algorithm 3; Rabe & Staats 2021, §2). The backward pass recomputes blocks of A from the largest score and the sum of
 * exponentials of each row. It gives up nothing: the result is exact.
 */
import { attention, everything, upTo } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import type { OptionsOf } from './options.ts';
import { REFERENCE_VARIANT } from './reference.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, keys, values, keyMask }: AttentionInputs,
  { causal }: FullOptions,
  _parameters: Parameters,
  state?: AttentionState,
): Attending {
  const length = queries.shape[2];
  const memory = new Memory(state, length);
  const K = memory.append('keys', keys);
  const V = memory.append('values', values);
  const mask = memory.appendMask(keyMask, queries.shape[0]);

  // softmax(QKᵀ/√d + M) V                                                                                  (eq. 1)
  const met = causal ? upTo(memory.position, length) : everything(length, K.shape[2]);
  return memory.leave(attention(queries, K, V, met, { keyMask: mask }).output);
}

/** Every pair, or with `causal` those with j ≤ i. */
const pattern =
  ({ causal }: FullOptions) =>
  (_head: number, query: number, key: number) =>
    !causal || key <= query;

function cost({ batch, heads, queryLength, keyLength, headDim }: AttentionShape, { causal }: FullOptions) {
  const rows = batch * heads * queryLength;
  const pairs = causal ? (rows * (keyLength + 1)) / 2 : rows * keyLength;
  // q·k and the weighted values take one multiply-add for each element.
  return { flops: pairs * (4 * headDim + SOFTMAX_FLOPS) };
}

const options = {};

/** Options of `full`: only `causal`. */
export interface FullOptions extends OptionsOf<typeof options> {}

/** Full attention, softmax(QKᵀ/√d) V, in time O(L²) (Vaswani et al. 2017). Every other variant is compared with it. */
export const full = defineVariant({
  name: REFERENCE_VARIANT,
  paper: {
    authors: 'Vaswani et al.',
    year: 2017,
    title: 'Attention Is All You Need',
    arxiv: '1706.03762',
  },
  family: 'full',
  exactness: 'exact',
  complexity: 'O(L²·d)',
  supports: { causal: true, padding: true, crossAttention: true, incremental: true },
  weighsAll: () => true,
  options,
  budget: null,
  attend,
  pattern,
  cost,
});
