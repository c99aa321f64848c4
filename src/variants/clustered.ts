/**
 * Clustered attention: queries that are near each other attend together, by their mean.
 *
 * Problem: near queries have nearly the same weights, so most rows of softmax(QKᵀ) repeat each other. Idea (Vyas et al. 2020,
 * §3.2): cluster the N queries into C, attend once with each centroid, and give every member its result. *Improved* clustered
 * attention (§3.3) then corrects the k keys that weigh most for a cluster: their mass stays, and each query shares it out anew.
 *
 *     Q^c_j = Σ_i S_ij Q_i / Σ_i S_ij,   A^c = softmax(Q^c Kᵀ/√d),   V̂^c = A^c V                                (eqs. 3, 4, 5)
 *     A^t_il = m̂_j softmax_{T_j}(Q_i·K_l/√d) for the top keys l ∈ T_j of i's cluster j, else A^c_jl              (eqs. 9, 10)
 *
 * with m̂_j = Σ_{l ∈ T_j} A^c_jl. Clusters are Lloyd's in Hamming distance on signs of B random projections (§3.2.2).
 *
 * Cost: O(N·C·d) time for the pairs of centroids and keys, O(N·B·(C·iterations + d)) for clustering and O(N·k·d) for the correction;
 * O(N·(C + k)) memory. It gives up what sets a query apart from its cluster beyond its top keys, weights that move smoothly
 * (hashes and choices pass no gradient), and causality: a centroid holds later queries.
 *
 * With as many clusters as queries it is full attention.
 *
 * Departs from the paper: nothing in the equations. It does not say how clusters begin: here with queries at even distances, and
 * an empty one stays where it is. Padding takes no part in clusters. Hashes and top keys are decided in float64.
 */
import { add, attention, type BlockSet, everything, gatherRows, multiply, subtract } from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';
import { centroidsOf, clustersOf, massOf, topOf } from './clustered/centroids.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { integer, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import type { AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: ClusteredOptions, parameters: Parameters): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  const count = Math.min(options.numClusters, queries.shape[2]);
  // S: the cluster j of each query i
  const clusters = clustersOf(inputs, options, parameters);
  // Q^c_j = Σ_i S_ij Q_i / Σ_i S_ij                                                                            (eq. 3)
  const centroids = centroidsOf(inputs, clusters, count);
  // V̂^c = softmax(Q^c Kᵀ/√d) V                                                                            (eqs. 4, 5)
  const all = attention(centroids, keys, values, everything(count, keys.shape[2]), { keyMask });
  if (options.topKeys === 0) return gatherRows(all.output, clusters);
  // T_j: the k keys of the largest A^c_j, and their part of it, m̂_j                                           (eq. 9)
  const T = parameters.lists ?? topOf(inputs, options, clusters);
  const top = attention(centroids, keys, values, listed(T, keys.shape[2]), { keyMask });
  const mass = massOf(top.logSumExp, all.logSumExp);
  // V̂_i = Σ_{l ∉ T_j} A^c_jl V_l + m̂_j softmax_{T_j}(Q_i Kᵀ/√d) V                                        (eqs. 10, 11)
  const rest = subtract(all.output, multiply(mass, top.output));
  const own = attention(queries, keys, values, listed(listsOfQueries(T, clusters), keys.shape[2]), { keyMask });
  return add(gatherRows(rest, clusters), multiply(gatherRows(mass, clusters), own.output));
}

function cost({ batch, heads, queryLength, keyLength, headDim }: AttentionShape, options: ClusteredOptions) {
  const { bits, iterations } = options;
  const count = Math.min(options.numClusters, queryLength);
  const k = Math.min(options.topKeys, keyLength);
  const pair = 4 * headDim + SOFTMAX_FLOPS;
  const hashing = count === queryLength ? 0 : 2 * queryLength * bits * (headDim + count * iterations);
  const correcting = k === 0 ? 0 : 2 * count * keyLength * headDim + (count + queryLength) * k * pair;
  return { flops: batch * heads * (hashing + count * keyLength * pair + correcting) };
}

/** The list of each query's cluster, int32 [batch, heads, length, k]. */
function listsOfQueries(T: Tensor, clusters: Tensor): Tensor {
  const [batch, heads, count, k] = T.shape;
  const length = clusters.shape[2];
  const [from, own] = [elements(T) as Int32Array, elements(clusters)];
  const lists = new Int32Array(batch * heads * length * k);
  for (let row = 0; row < own.length; row++) {
    const list = Math.floor(row / length) * count + own[row];
    lists.set(from.subarray(list * k, (list + 1) * k), row * k);
  }
  return fromArray(lists, [batch, heads, length, k], 'int32');
}

/** The set in which each query meets the keys of its list. */
const listed = (lists: Tensor, keyLength: number): BlockSet => ({
  queryLength: lists.shape[2],
  keyLength,
  queryBlock: 1,
  keyBlock: 1,
  lists,
});

const options = {
  /** *C*: clusters of queries. */
  numClusters: integer({
    symbol: 'C',
    minimum: 1,
    limit: 2 ** 20,
    // 100 as in §4.1 from 1600 tokens on.
    default: (sequenceLength) => Math.max(1, Math.min(100, Math.ceil(sequenceLength / 16))),
    description: 'clusters of queries',
  }),
  /** *k*: keys of a cluster whose weights are corrected for each query; 0: clustered attention without the improvement. */
  topKeys: integer({
    symbol: 'k',
    minimum: 0,
    maximum: (sequenceLength) => sequenceLength,
    // As in §4.
    default: (sequenceLength) => Math.min(32, sequenceLength),
    description: 'keys of a cluster that each query weighs anew; 0: none',
  }),
  /** *B*: signs of random projections that stand for a query. */
  bits: integer({ symbol: 'B', minimum: 1, limit: 1024, default: 63, description: 'bits of a hash' }),
  /** *L*: how often queries are put to the nearest centroid. */
  iterations: integer({ minimum: 1, limit: 1000, default: 10, description: "iterations of Lloyd's algorithm" }),
};

/** Options of `clustered`: how many clusters of queries, and how many keys of each are corrected. */
export interface ClusteredOptions extends OptionsOf<typeof options> {}

/** Attention of the means of clusters of queries, and for each query its cluster's top keys anew (Vyas et al. 2020). */
export const clustered = defineVariant({
  name: 'clustered',
  paper: {
    authors: 'Vyas et al.',
    year: 2020,
    title: 'Fast Transformers with Clustered Attention',
    arxiv: '2007.04825',
  },
  family: 'hashing',
  exactness: 'approximate',
  complexity: 'O(L·C)',
  supports: { causal: false, padding: true, crossAttention: true, incremental: false },
  options,
  budget: {
    symbol: 'C',
    option: 'numClusters',
    values: (sequenceLength) => [
      Math.min(8, sequenceLength),
      ...[16, 32, 64, 128, 256].filter((C) => 2 * C <= sequenceLength),
    ],
  },
  parameters: {
    R: {
      learned: false,
      shape: ({ bits }, { heads, headDim }) => [heads, headDim, bits],
      start: (drawing) => normal(drawing, 1),
    },
  },
  /** The centroids' scores, which only the choice of top keys writes out. */
  largest: ({ numClusters, topKeys }, { batch, heads, queryLength, keyLength, headDim }) =>
    topKeys === 0
      ? [batch, heads, queryLength, headDim]
      : [batch, heads, Math.min(numClusters, queryLength), keyLength],
  attend,
  /** The clusters of queries and the top keys of each: a rounding could move a query or exchange keys. */
  decisions(inputs, complete, parameters): Parameters {
    const clusters = clustersOf(inputs, complete, parameters);
    return complete.topKeys === 0 ? { clusters } : { clusters, lists: topOf(inputs, complete, clusters) };
  },
  cost,
});
