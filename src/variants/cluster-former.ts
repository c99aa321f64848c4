/**
 * Cluster-Former: windows over the text, and in some layers windows over the tokens sorted by cluster.
 *
 * Problem: windows never bring far tokens together, and which of them belong together depends on what they are. Idea (Wang et al.
 * 2020): most layers attend within overlapping windows of l tokens, m apart (`order: 'position'`). A Cluster-Former layer in the
 * middle first sorts all tokens by their nearest centroid, so that similar ones stand side by side. It attends within the same
 * windows over the sorted places, and puts the rows back (`order: 'cluster'`):
 *
 *     v = argmax(H Cᵀ/(‖H‖ ‖C‖)),     u = argsort(v),     E_k = H[u[m·k : m·k + l]]               (“Cluster-Former Layer”)
 *
 * A token that is in two windows gets the mean of what it reads in each. Centroids are those of k-means, and no gradient trains
 * them: `moves.C` is C after a forward pass of training. A model sets `order` layer by layer (`perLayer`).
 *
 * Cost: O(L·l·d) time for windows, and in a layer that sorts O(L·p·d) for p centroids; O(L·p) memory. It gives up pairs that
 * share no window, weights that move smoothly where a token changes its cluster, and causality: so it cannot decode.
 *
 * Departs from the paper: attention does not read hidden states, and the queries of all heads side by side stand for them.
 * The paper collects states of an epoch in a memory bank, and clusters them anew after it; here a forward pass of training is
 * one step of k-means, with a decay λ. It orders centroids so that each is the nearest of the rest to the one before it, and
 * clusters side by side are alike; here they have no order, and a window over the end of one cluster goes on with any
 * other. It puts the question of a task before every window; here no token is in all of them.
 */
import { type Attended, add, attention, countingSort, multiply, normalizeRows } from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';
import { clustersOf, moved } from './cluster-former/centroids.ts';
import { layoutsOf, windowsOf } from './cluster-former/windows.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { choice, integer, number, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import { centroidDecay } from './routing/centroids.ts';
import type { AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(inputs: AttentionInputs, options: ClusterFormerOptions, parameters: Parameters): Tensor {
  const { queries, keys, values, keyMask } = inputs;
  // u = argsort(v): sorted by cluster and, within one, by position; padding is behind all others   (“Cluster-Former Layer”)
  const u = options.order === 'cluster' ? countingSort(clustersOf(inputs, parameters), options.numClusters + 1) : null;
  // E_k: the places m·k to m·k + l, which attend to each other; even windows apart from odd ones   (“Sliding-Window Layer”)
  const layouts = layoutsOf(queries.shape[2], options);
  const parts = layouts.map((layout) => {
    const set = u === null ? layout : { layout, queryTokens: u.order, keyTokens: u.order };
    return attention(queries, keys, values, set, { keyMask });
  });
  return parts.length === 1 ? parts[0].output : meanOf(parts);
}

/** The mean of what a token reads in its windows: in those where it meets a token, as one that is real always does. */
function meanOf(parts: readonly Attended[]): Tensor {
  const [first, second] = parts.map(({ logSumExp }) => elements(logSumExp));
  const shares = Float64Array.from(first, (each, at) => (each > -Infinity && second[at] > -Infinity ? 0.5 : 1));
  const { output } = parts[0];
  return multiply(add(output, parts[1].output), fromArray(shares, [...output.shape.slice(0, 3), 1], output.dtype));
}

function cost({ batch, heads, keyLength, headDim }: AttentionShape, options: ClusterFormerOptions) {
  const { size, stride, count } = windowsOf(keyLength, options);
  const last = keyLength - (count - 1) * stride;
  const pairs = (count - 1) * size * size + last * last;
  const clustering = options.order === 'cluster' ? 2 * keyLength * options.numClusters * headDim : 0;
  return { flops: batch * heads * (pairs * (4 * headDim + SOFTMAX_FLOPS) + clustering) };
}

const options = {
  /** What tokens are sorted by before they are cut into windows: their cluster, or their position, which is a sliding window. */
  order: choice({
    choices: ['cluster', 'position'],
    default: 'cluster',
    description: 'what tokens are sorted by before windows cut them',
  }),
  /** *l*: tokens of a window. */
  windowLength: integer({
    symbol: 'l',
    minimum: 1,
    maximum: (sequenceLength) => sequenceLength,
    default: (sequenceLength) => Math.min(256, sequenceLength),
    description: 'tokens of a window',
  }),
  /** *1 − m/l*: the part of a window that is in the next one too. */
  overlap: number({
    minimum: 0,
    maximum: 0.5,
    default: 0.125,
    description: 'part of a window that the next one holds too',
  }),
  /** *p*: clusters, and centroids, of all heads together. */
  numClusters: integer({
    symbol: 'p',
    minimum: 1,
    limit: 2 ** 16,
    // 64 is the least of the paper's 64, 256 and 512.
    default: (sequenceLength) => Math.min(64, Math.ceil(sequenceLength / 16)),
    description: 'clusters of tokens',
  }),
  /** *λ*: how much of a centroid stays when training moves it. */
  decay: number(centroidDecay),
};

/** Options of `clusterFormer`: windows over clusters or over positions, how long they are, and how many clusters there are. */
export interface ClusterFormerOptions extends OptionsOf<typeof options> {}

/** Windows over tokens that are sorted by their cluster, or over the text (Wang et al. 2020). */
export const clusterFormer = defineVariant({
  name: 'cluster-former',
  paper: {
    authors: 'Wang et al.',
    year: 2020,
    title: 'Cluster-Former: Clustering-based Sparse Transformer for Long-Range Dependency Encoding',
    arxiv: '2009.06097',
  },
  family: 'sparse',
  exactness: 'approximate',
  complexity: 'O(L·(l+p))',
  supports: { causal: false, padding: true, crossAttention: false, incremental: false },
  regroups: true,
  options,
  budget: {
    symbol: 'l',
    option: 'windowLength',
    values: (length) => [Math.min(16, length), ...[32, 64, 128, 256, 512].filter((l) => 2 * l <= length)],
  },
  headsShare: ({ order }) => order === 'cluster',
  parameters: {
    /** [p, heads · headDim], each of norm 1. */
    C: {
      learned: false,
      shape: ({ order, numClusters }, { heads, headDim }) =>
        order === 'cluster' ? [numClusters, heads * headDim] : null,
      start: (drawing) => normalizeRows(normal(drawing, 1)),
    },
  },
  moves: { C: { after: (inputs, { decay }, { C }) => moved(inputs, C, decay) } },
  largest: ({ order, numClusters }, { batch, heads, keyLength, headDim }) =>
    order === 'cluster'
      ? [batch, Math.max(numClusters, heads * headDim), keyLength]
      : [batch, heads, keyLength, headDim],
  attend,
  /** The cluster of each token: a rounding could move one. */
  decisions(inputs, { order }, parameters): Parameters {
    return order === 'cluster' ? { clusters: clustersOf(inputs, parameters) } : {};
  },
  cost,
});
