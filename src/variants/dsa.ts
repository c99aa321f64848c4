/**
 * DSA, DeepSeek sparse attention: a cheap indexer scores every key, and attention meets the best k of them alone.
 *
 * Problem: which far tokens a query needs is known only from its scores, and those of all heads with all tokens are what full
 * attention costs. Idea (DeepSeek-AI 2025, §2.1): a lightning indexer of a few small heads estimates what all heads together
 * would attend to, with a ReLU in place of the softmax:
 *
 *     I_ts = Σ_j w_tj ReLU(q^I_tj · k^I_s)                                                          (§2.1, eq. 1)
 *     u_t = Attn(q_t, { k_s, v_s | I_ts among the top k of I_t,: })                                  (§2.1, eq. 2)
 *
 * q^I, k^I and w are made from the token by projections of their own: gates here. The choice has no gradient; the indexer learns
 * from `indexerLoss` (eq. 4), which draws its scores towards the weights of full attention. Training adds it, times λ.
 *
 * Cost: O(L·k·d) time for attention and O(L²·d_I) for the indexer, d_I/(2d) of the products of full attention; O(L·k) memory, and
 * O(L²) while the indexer learns. It gives up the keys beyond the best k, and a single loss. With k of L tokens it is full attention.
 *
 * Departs from the paper: the indexer has as many heads as the layer, and each has index keys of its own, as a gate has rows for
 * each head; with the same keys in all heads it is eq. 1. Without gates all scores are alike, and then the k nearest keys are met.
 * The paper applies it to latent attention (MLA), whose heads share keys and values; here each head has its own. The released
 * indexer also normalises its keys, and turns a part of its queries and keys by their positions; a layer does neither here.
 */
import { attention, scale } from '../core/ops/index.ts';
import { topKeys } from '../core/ops/top-keys.ts';
import { defineVariant } from './define.ts';
import { indexerLoss } from './dsa-indexer.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import type { GatedInputs } from './inputs.ts';
import { integer, number, type OptionsOf } from './options.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  inputs: AttentionInputs,
  { topKeys: count }: DsaOptions,
  { lists }: Parameters,
  state?: AttentionState,
): Attending {
  const { queries, keys, values, keyMask, gates } = inputs as DsaInputs;
  const [batch, , length] = queries.shape;
  const memory = new Memory(state, length);
  const { position: start } = memory;
  const [K, V] = [memory.append('keys', keys), memory.append('values', values)];
  const indexKeys = memory.append('index keys', gates.indexKeys);
  const mask = memory.appendMask(keyMask, batch);

  // S_t: the k keys s ≤ t with the largest I_ts = Σ_j w_tj ReLU(q^I_tj · k^I_s), without a gradient             (eq. 1)
  const best = lists ?? topKeys(gates.indexQueries, indexKeys, gates.indexWeights, { count, start, keyMask: mask });
  // u_t = Attn(q_t, { k_s, v_s | s ∈ S_t }), the same S_t for all heads                                          (eq. 2)
  const blocks = { queryLength: length, keyLength: K.shape[2], queryBlock: 1, keyBlock: 1, lists: best, causal: true };
  return memory.leave(attention(queries, K, V, blocks, { keyMask: mask, queryStart: start }).output);
}

type DsaInputs = GatedInputs<'indexQueries' | 'indexKeys' | 'indexWeights'>;

const options = {
  /** k: keys that a query meets, the same for all heads. */
  topKeys: integer({
    symbol: 'k',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // 2048 as in the paper (§2.1.1) from 8192 tokens on.
    default: (sequenceLength) => Math.max(1, Math.min(2048, Math.ceil(sequenceLength / 4))),
    description: 'keys that a query meets',
  }),
  /** d_I: the width of the indexer's queries and keys. The released model's is 128, in 64 heads. */
  indexDim: integer({ symbol: 'd_I', minimum: 1, limit: 1024, default: 16, description: 'width of the indexer' }),
  /** λ: what `indexerLoss` counts beside the loss of the task; 0: the indexer stays as it was drawn. */
  indexerWeight: number({
    symbol: 'λ',
    minimum: 0,
    maximum: 1000,
    default: 1,
    description: "weight of the indexer's loss in training; 0: none",
    trainingOnly: true,
  }),
};

/** Options of `dsa`: how many keys a query meets, the width of its indexer, and `causal`, which is implied. */
export interface DsaOptions extends OptionsOf<typeof options> {}

const width = ({ indexDim }: DsaOptions) => indexDim;

/** The best keys of every query, chosen for all heads by a small indexer (DeepSeek-AI 2025). */
export const dsa = defineVariant({
  name: 'dsa',
  paper: {
    authors: 'DeepSeek-AI',
    year: 2025,
    title: 'DeepSeek-V3.2: Pushing the Frontier of Open Large Language Models',
    arxiv: '2512.02556',
  },
  family: 'sparse',
  exactness: 'approximate',
  complexity: 'O(L·k·d+L²·d_I)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true, bidirectional: false },
  options,
  inputs: {
    gates: {
      indexQueries: {
        symbol: 'q^I',
        activation: 'none',
        chooses: true,
        width,
        absent: 0,
        description: 'queries of the indexer',
      },
      indexKeys: {
        symbol: 'k^I',
        activation: 'none',
        chooses: true,
        width,
        absent: 0,
        description: 'keys of the indexer',
      },
      indexWeights: {
        symbol: 'w',
        activation: 'none',
        chooses: true,
        absent: 1,
        description: 'weight of a head of the indexer',
      },
    },
  },
  headsShare: () => true,
  budget: {
    symbol: 'k',
    option: 'topKeys',
    values: (sequenceLength) => [
      Math.min(16, sequenceLength),
      ...[32, 64, 128, 256, 512].filter((k) => 2 * k <= sequenceLength),
    ],
  },
  attend,
  ownLoss({ queries, keys, keyMask, gates }, { topKeys: count, indexerWeight }) {
    // Without an indexer there is nothing to learn.
    if (indexerWeight === 0 || gates === undefined) return null;
    const best = Math.min(count, keys.shape[2]);
    const settings = { topKeys: best, ...(keyMask && { keyMask }) };
    return scale(indexerLoss(queries, keys, gates as DsaInputs['gates'], settings), indexerWeight);
  },
  decisions({ keyMask, gates }, { topKeys: count }) {
    const { indexQueries, indexKeys, indexWeights } = gates as DsaInputs['gates'];
    return { lists: topKeys(indexQueries, indexKeys, indexWeights, { count, start: 0, keyMask }) };
  },
  cost({ batch, heads, keyLength: length, headDim }, { topKeys: k, indexDim }) {
    // Up to k tokens there is nothing to choose.
    const upTo = (tokens: number) => (tokens * (tokens + 1)) / 2;
    const [all, scored] = [upTo(Math.min(k, length)), upTo(length) - upTo(Math.min(k, length))];
    const pairs = all + Math.max(0, length - k) * k;
    return { flops: batch * heads * (pairs * (4 * headDim + SOFTMAX_FLOPS) + scored * 2 * indexDim) };
  },
});
