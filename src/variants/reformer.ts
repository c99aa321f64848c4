/**
 * Reformer: a token attends to the tokens that hash into its bucket.
 *
 * Problem: of the L² weights of softmax(QKᵀ) most are close to 0, and the few that matter belong to the keys nearest to
 * the query. Idea (Kitaev et al. 2020, §2): let each token be query and key at once, k_j = q_j/‖q_j‖, and find near tokens by
 * locality-sensitive hashing. Sorted by bucket, they lie side by side, so chunks of the sorted sequence can attend to
 * themselves and to their neighbours. One hash may separate near tokens that another keeps together, so several rounds are
 * joined in one softmax.
 *
 * The `keys` input is checked but not used: normalised queries take its place. Queries may have any norm, and the norm acts
 * as their temperature. With 1/√d as in eq. 1, scores stay within ±‖q‖/√d; the authors' code gives keys the norm √d, which is
 * the same as multiplying the queries by √d.
 *
 * Cost: O(n_rounds · L · m) time for chunks of m, plus hashing and sorting, which the paper counts as O(L log L); O(n_rounds
 * · L) memory. It gives up separate keys, pairs that no round brings together, and weights that move smoothly with the
 * queries: the hash is piecewise constant and passes no gradient. A causal run is not fully causal: no token reads a later
 * one, but later tokens shift the borders of chunks and so change which earlier tokens meet.
 *
 * Departs from the paper: N_ij counts the rounds in which i and j meet, not those that give them the same hash (eq. 16;
 * `countOnce`). Without `causal`, a chunk also meets the one after it (not in eq. 11). Large bucket counts take two hashes,
 * as in released code.
 */
import { ArgumentError } from '../core/errors.ts';
import { attention, normalizeRows, transpose } from '../core/ops/index.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, integer, type OptionsOf } from './options.ts';
import { bucketFactors, hashIntoBuckets, rotation } from './reformer/buckets.ts';
import { chunksOf, metByLast } from './reformer/chunks.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, Parameters } from './variant.ts';

function attend(
  { queries, values, keyMask }: AttentionInputs,
  options: ReformerOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  // Shared QK: k_j = q_j/‖q_j‖, so that h(k_j) = h(q_j).
  const memory = new Memory(state, queries.shape[2]);
  const [K, V] = [memory.append('keys', normalizeRows(queries)), memory.append('values', values)];
  const mask = memory.appendMask(keyMask, queries.shape[0]);
  // h(x) = argmax([xR; −xR]) (§2), in every round; padding has its own bucket, the last.
  const { bucket, count } = hashIntoBuckets(queries, options, parameters, keyMask);
  const seen = memory.append('buckets', transpose(bucket));
  // i ↦ s_i: sorted by bucket and, within a bucket, by position; cut into chunks of m. A step needs those of one token.
  const isStep = memory.position > 0 && queries.shape[2] === 1;
  const chunks = isStep ? metByLast(seen, count, options) : chunksOf(bucket, transpose(seen), count, mask, options);
  // One softmax over all rounds: o_i^(r) over the chunk of s_i and the one before, and the one after if not causal
  // (eqs. 4, 11, 15, 16), each by its share exp(z(i, P_i^(r)) − z(i, P_i))                                           (eq. 14)
  const settings = { keyMask: mask, selfBias: SELF_BIAS, queryStart: memory.position };
  return memory.leave(attention(queries, K, V, chunks, settings).output);
}

/** −m_ii of eq. 16: a token attends to itself only if it meets no other token, because any other score is far larger. */
const SELF_BIAS = -1e5;

/** Pairs of P̃ (eq. 5): each chunk with itself and the one before, and the one after if not causal. */
function neighbouringPairs(length: number, chunkLength: number, causal: boolean): number {
  const full = Math.floor(length / chunkLength);
  const rest = length - full * chunkLength;
  const own = full * chunkLength ** 2 + rest ** 2;
  const neighbours = Math.max(0, full - 1) * chunkLength ** 2 + (full > 0 ? chunkLength * rest : 0);
  return own + (causal ? 1 : 2) * neighbours;
}

const options = {
  /** n_rounds: hashes, each with its own sort and attention. */
  numHashes: integer({
    symbol: 'n_rounds',
    minimum: 1,
    limit: 1024,
    // As in table 2; eight almost match full attention (figure 4).
    default: 4,
    description: 'rounds of hashing',
  }),
  /** m: tokens of a chunk. */
  chunkLength: integer({
    symbol: 'm',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    // The paper uses 128 tokens for texts of up to 64K (§5); with 64 there is something to save at a few thousand tokens.
    default: (sequenceLength) => Math.min(64, sequenceLength),
    description: 'tokens of a chunk',
  }),
  /** n_buckets, even; 0: 2L/m, as in the paper; 1: a single bucket, no hashing. */
  numBuckets: integer({
    symbol: 'n_buckets',
    minimum: 0,
    maximum: (sequenceLength) => 4 * sequenceLength,
    default: 0,
    description: 'buckets of a round, an even number; 0: 2L/m; 1: no hashing',
  }),
  /**
   * Whether a token meets all tokens of its chunk and of the neighbouring chunks, whatever their buckets. False is eq. 4.
   * True is how the authors' released models were trained: the same chunks, more pairs, and a smaller error.
   */
  acrossBuckets: boolean({
    default: false,
    description: 'whether tokens of neighbouring chunks meet whatever their buckets',
  }),
  /**
   * Whether a pair that meets in N_ij rounds counts once (log N_ij in eq. 16, the default) or N_ij times, which leaves out
   * the correction to save the counting. The N_ij of eq. 16 counts the rounds in which the hashes agree; a pair separated by
   * the border of a chunk in some of these would count less than once.
   */
  countOnce: boolean({ default: true, description: 'whether a pair that meets in several rounds counts once' }),
};

/** Options of `reformer`: rounds of hashing, buckets, and the tokens of a chunk. */
export interface ReformerOptions extends OptionsOf<typeof options> {}

/** Attention among tokens that a random hash puts into the same bucket; the queries are the keys too (Kitaev et al. 2020). */
export const reformer = defineVariant({
  name: 'reformer',
  paper: { authors: 'Kitaev et al.', year: 2020, title: 'Reformer: The Efficient Transformer', arxiv: '2001.04451' },
  family: 'hashing',
  exactness: 'approximate',
  complexity: 'O(L·log L)',
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  regroups: true,
  inputs: { keys: 'queries' },
  options,
  budget: {
    symbol: 'n_rounds',
    option: 'numHashes',
    values: (sequenceLength) => [1, 2, 4, ...[8, 16].filter((rounds) => 64 * rounds <= sequenceLength)],
  },
  check({ numBuckets }) {
    if (numBuckets === 1 || numBuckets % 2 === 0) return;
    throw new ArgumentError(`numBuckets: expected an even number, 0 or 1, got ${numBuckets}`);
  },
  parameters: { R1: rotation(0), R2: rotation(1) },
  largest: ({ numHashes }, { batch, heads, keyLength }) => [batch, heads, numHashes, keyLength],
  attend,
  /** The buckets, [batch, heads, n_rounds, L]: rounding could move a query to another bucket. */
  decisions({ queries, keyMask }, complete, parameters) {
    return { buckets: hashIntoBuckets(queries, complete, parameters, keyMask).bucket };
  },
  cost({ batch, heads, keyLength, headDim }, complete) {
    const { numHashes, chunkLength, causal } = complete;
    const directions = bucketFactors(complete, keyLength).reduce((sum, buckets) => sum + buckets / 2, 0);
    const hashing = keyLength * directions * 2 * headDim;
    const attending = neighbouringPairs(keyLength, chunkLength, causal) * (4 * headDim + SOFTMAX_FLOPS);
    const joining = keyLength * (2 * headDim + SOFTMAX_FLOPS);
    return { flops: batch * heads * (numHashes * (hashing + attending + joining) + 3 * keyLength * headDim) };
  },
});
