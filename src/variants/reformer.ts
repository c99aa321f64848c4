/**
 * Reformer: a token attends to the tokens that hash into its bucket.
 *
 * Problem: of the L² weights of softmax(QKᵀ) most are close to 0, and the few that matter belong to the keys nearest to
 * the query. Idea (Kitaev et al. 2020, §2): let each token be query and key at once, k_j = q_j/‖q_j‖, and find near ones
 * by locality-sensitive hashing. Sorted by bucket, they lie side by side, so that chunks of the sorted sequence can
 * attend to themselves and to their neighbours. What one hash puts apart another may put together: several rounds are
 * joined in one softmax.
 *
 * The `keys` input is checked but not used: its place is taken by the normalised queries. Queries may have any length,
 * and it is their temperature. With 1/√d as in eq. 1, scores stay within ±‖q‖/√d; the authors' code gives keys the
 * length √d, which is the same as multiplying the queries by √d.
 *
 * Cost: O(n_rounds · L · m) time for chunks of m, beside hashing and sorting, by which the paper counts O(L log L);
 * O(n_rounds · L) memory. It gives up separate keys, pairs that no round brings together, and weights that move smoothly
 * with the queries: the hash is piecewise constant and passes no gradient. And a causal run is not causal to the last:
 * later tokens shift the borders of chunks, and so decide which earlier tokens meet, though not what they get there.
 */
import { ArgumentError } from '../core/errors.ts';
import {
  type AttentionLayout,
  attention,
  contiguous,
  countingSort,
  normalizeRows,
  runs,
  transpose,
} from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';
import { SOFTMAX_FLOPS } from './full.ts';
import { bucketFactors, drawRotations, hashIntoBuckets, rotationShapes } from './reformer/buckets.ts';
import { Memory } from './state.ts';
import type { AttentionVariant, CommonOptions } from './variant.ts';

export interface ReformerOptions extends CommonOptions {
  /** n_rounds: hashes, each with a sort and an attention of its own. */
  numHashes: number;
  /** m: tokens of a chunk. */
  chunkLength: number;
  /** n_buckets, even; 0: 2L/m, as the paper has it; 1: a single bucket, no hashing. */
  numBuckets: number;
  /**
   * Whether a token meets all of its chunk and of the neighbours, whatever their buckets. False is eq. 4; true is how
   * the authors' released models were trained: the same chunks, more pairs of them, and a smaller error.
   */
  acrossBuckets: boolean;
  /**
   * Whether a pair that meets in N_ij rounds counts once (log N_ij in eq. 16, the default) or N_ij times, as where the
   * correction is left out to save the counting.
   */
  countOnce: boolean;
}

/** m_ii of eq. 16: a token attends to itself only if it has nobody else, whose scores would be larger by far. */
const SELF_BIAS = -1e5;

export const reformer: AttentionVariant<ReformerOptions> = {
  name: 'reformer',
  paper: {
    authors: 'Kitaev et al.',
    year: 2020,
    title: 'Reformer: The Efficient Transformer',
    arxiv: '2001.04451',
  },
  family: 'hashing',
  exactness: 'approximate',
  complexity: 'O(L·log L)',
  unread: ['keys'],
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  regroups: true,
  options: {
    numHashes: {
      kind: 'integer',
      symbol: 'n_rounds',
      minimum: 1,
      limit: 1024,
      description: 'rounds of hashing',
    },
    chunkLength: {
      kind: 'integer',
      symbol: 'm',
      minimum: 1,
      maximum: (sequenceLength) => sequenceLength,
      description: 'tokens of a chunk',
    },
    numBuckets: {
      kind: 'integer',
      symbol: 'n_buckets',
      minimum: 0,
      maximum: (sequenceLength) => 4 * sequenceLength,
      description: 'buckets of a round, an even number; 0: 2L/m; 1: no hashing',
    },
    acrossBuckets: {
      kind: 'boolean',
      description: 'whether tokens of neighbouring chunks meet whatever their buckets',
    },
    countOnce: {
      kind: 'boolean',
      description: 'whether a pair that meets in several rounds counts once',
    },
  },
  budget: {
    symbol: 'n_rounds',
    option: 'numHashes',
    values: (sequenceLength) => [1, 2, 4, ...[8, 16].filter((rounds) => 64 * rounds <= sequenceLength)],
  },

  // Four rounds as in table 2 (eight almost match full attention, figure 4). The paper's chunks are of 128 tokens for
  // texts of up to 64K (§5); 64 leave something to save at a few thousand.
  defaults: (sequenceLength) => ({
    causal: false,
    numHashes: 4,
    chunkLength: Math.min(64, sequenceLength),
    numBuckets: 0,
    acrossBuckets: false,
    countOnce: true,
  }),

  check({ numBuckets }) {
    if (numBuckets === 1 || numBuckets % 2 === 0) return;
    throw new ArgumentError(`numBuckets: expected an even number, 0 or 1, got ${numBuckets}`);
  },

  sizes: (options, shape) => ({
    parameters: rotationShapes(options, shape),
    largest: [shape.batch, shape.heads, options.numHashes, shape.keyLength],
  }),

  /** The rotations; nothing is learned. Draw them anew for a step of training, not within one. */
  parameters: drawRotations,

  attend({ queries, values, keyMask }, options, parameters, state) {
    const [batch, , length] = queries.shape;
    const { causal, chunkLength, acrossBuckets, countOnce } = options;
    const memory = new Memory(state, length);

    // Shared QK: k_j = q_j/‖q_j‖, so that h(k_j) = h(q_j).
    const K = memory.append('keys', normalizeRows(queries));
    const V = memory.append('values', values);
    const mask = memory.appendMask(keyMask, batch);

    // h(x) = argmax([xR; −xR]), in every round; padding goes to a bucket of its own, the last.
    const { bucket, count } = hashIntoBuckets(queries, options, parameters, keyMask);
    const seen = memory.isKept ? transposed(memory.append('buckets', transposed(bucket))) : bucket;

    // i ↦ s_i: sorted by bucket and, within a bucket, by position; cut into chunks of m.
    const { order } = countingSort(seen, count + 1);
    const chunks = {
      layout: chunksOf(K.shape[2], chunkLength, causal),
      queryTokens: memory.position === 0 ? order : lastOf(order, memory.position),
      keyTokens: order,
      labels: { queries: labelsOf(bucket, count, acrossBuckets), keys: labelsOf(seen, count, acrossBuckets) },
      causal,
      once: countOnce,
    };

    // One softmax over all rounds: o_i^(r) over the chunk of s_i and the one before, and after if not causal
    // (eqs. 4, 11, 15, 16), each by its share exp(z(i, P_i^(r)) − z(i, P_i))                                (eq. 14)
    const settings = { keyMask: mask, selfBias: SELF_BIAS, queryStart: memory.position };
    return memory.leave(attention(queries, K, V, chunks, settings).output);
  },

  /** The buckets, [batch, heads, n_rounds, L]: a rounding could carry a query over the border of its own. */
  decisions({ queries, keyMask }, options, parameters) {
    return { buckets: hashIntoBuckets(queries, options, parameters, keyMask).bucket };
  },

  cost({ batch, heads, keyLength, headDim }, options) {
    const { numHashes, chunkLength, causal } = options;
    const sequences = batch * heads;
    const directions = bucketFactors(options, keyLength).reduce((sum, buckets) => sum + buckets / 2, 0);
    const hashing = keyLength * directions * 2 * headDim;
    const attending = neighbouringPairs(keyLength, chunkLength, causal) * (4 * headDim + SOFTMAX_FLOPS);
    const joining = keyLength * (2 * headDim + SOFTMAX_FLOPS);
    return { flops: sequences * (numHashes * (hashing + attending + joining) + 3 * keyLength * headDim) };
  },
};

/** Of every sorted place, the places that it meets: its chunk's, those of the one before, and after if not causal. */
function chunksOf(length: number, chunkLength: number, causal: boolean): AttentionLayout {
  const begin = new Int32Array(length);
  const end = new Int32Array(length);
  for (let place = 0; place < length; place++) {
    const chunk = Math.floor(place / chunkLength);
    begin[place] = Math.max(0, chunk - 1) * chunkLength;
    end[place] = Math.min(length, (chunk + (causal ? 1 : 2)) * chunkLength);
  }
  return runs(begin, end, length);
}

/** An order of all tokens as one of those from `position` on, counted from there; −1 for the others. */
function lastOf(order: Tensor, position: number): Tensor {
  const tokens = elements(order).map((token) => Math.max(-1, token - position));
  return fromArray(tokens, order.shape, 'int32');
}

/** Tokens of one label meet: those of one bucket, or all; those of the last bucket, padding, meet nobody. */
function labelsOf(bucket: Tensor, count: number, acrossBuckets: boolean): Tensor {
  const buckets = elements(bucket);
  if (!acrossBuckets && !buckets.includes(count)) return bucket;
  const labels = buckets.map((each) => (each === count ? -1 : acrossBuckets ? 0 : each));
  return fromArray(labels, bucket.shape, 'int32');
}

const transposed = (x: Tensor): Tensor => contiguous(transpose(x));

/** Pairs of P̃ (eq. 5): each chunk with itself and the one before, and the one after where not causal. */
function neighbouringPairs(length: number, chunkLength: number, causal: boolean): number {
  const full = Math.floor(length / chunkLength);
  const rest = length - full * chunkLength;
  const own = full * chunkLength ** 2 + rest ** 2;
  const neighbours = Math.max(0, full - 1) * chunkLength ** 2 + (full > 0 ? chunkLength * rest : 0);
  return own + (causal ? 1 : 2) * neighbours;
}
