/**
 * Routing Transformer: tokens attend to those that k-means puts into their cluster.
 *
 * Problem: which far tokens matter depends on what the tokens are. Idea (Roy et al. 2020, §4.1): on the sphere the keys of the
 * largest products with a query are its nearest, so route both to centroids μ and attend within a cluster. A token is query and
 * key at once, normalised without gain and bias. Each cluster takes its w nearest tokens, so that products are dense.
 *
 *     Q ← LayerNorm(Q),  K ← Q,  Q_idx ← sort(top-w(μ Q^T)),  X ← scatter(softmax(ltr(Q′K′^T)) V′)       (Algorithm 1)
 *
 * A token of several clusters gets the mean of what it reads in each, and one of none gets zeros; the paper gives half of its
 * heads to local attention (`localHeads`). The centroids are a parameter without a gradient that training moves: `moves.mu`
 * is μ after a forward pass, and a layer puts it in place. Checkpoints and exports hold it, and no loss trains it.
 *
 * Cost: O(L·k·d) for products with k centroids and O(k·w²·d) for pairs: O(L^1.5 d) with k = √L and w = L/k. O(k·(L + w)) memory.
 * It gives up separate keys, pairs that share no cluster, and weights that move smoothly. A causal run is not fully causal:
 * later tokens take places in a cluster from earlier ones. So a call gives the last rows of a run over the tokens so far.
 *
 * Departs from the paper: scores are divided by √d, which Algorithm 1 does not do. A centroid moves to the mean of its tokens, as
 * in the authors' code, not to their sum. Queries and keys are shared also where attention is not causal, and in local heads.
 */
import { ArgumentError } from '../core/errors.ts';
import { concat, pairsOf, slice } from '../core/ops/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { defineVariant } from './define.ts';
import { SOFTMAX_FLOPS } from './flops.ts';
import { boolean, integer, number, type OptionsOf } from './options.ts';
import { normal } from './parameters.ts';
import { centroidDecay, members, moved, normalised, takenBy } from './routing/centroids.ts';
import { attendLocally, localLayout } from './routing/local.ts';
import { ofNewTokens, withinClusters } from './routing/within-clusters.ts';
import { type AttentionState, Memory } from './state.ts';
import type { Attending, AttentionInputs, AttentionShape, Parameters } from './variant.ts';

function attend(
  { queries, values, keyMask }: AttentionInputs,
  options: RoutingOptions,
  parameters: Parameters,
  state?: AttentionState,
): Attending {
  const [, heads, length] = queries.shape;
  const { localHeads } = options;
  const memory = new Memory(state, length);
  // Q ← LayerNorm(Q);  K ← Q                                                                    (algorithm 1, lines 5, 6)
  const q = normalised(queries);
  const part = (first: number, end: number) => [q, values].map((x) => slice(x, 1, first, end)) as [Tensor, Tensor];
  const near = localHeads > 0 && attendLocally(...part(0, localHeads), keyMask, memory, options);
  if (near && localHeads === heads) return memory.leave(near);
  const [own, v] = part(localHeads, heads);
  const [K, V] = [memory.append('keys', own), memory.append('values', v)];
  // Q_prod ← μ Q^T;  Q_idx ← sort(top-w(Q_prod))                                              (algorithm 1, 7 to 13)
  const tokens = takenBy(own, options, parameters, keyMask, memory);
  // A ← softmax(ltr(Q′K′^T)/√d);  X ← scatter(A V′)                                           (algorithm 1, 17 to 25)
  const isWhole = memory.position === 0;
  const far = isWhole ? withinClusters(own, v, tokens, keyMask, options) : ofNewTokens(own, K, V, tokens, options);
  return memory.leave(near ? concat([near, far], 1) : far);
}

/** The queries of the heads that route, normalised. */
const routedOf = (queries: Tensor, first: number) => normalised(slice(queries, 1, first, queries.shape[1]));

function cost({ batch, heads, keyLength: length, headDim }: AttentionShape, complete: RoutingOptions) {
  const { numClusters, window, localHeads, causal } = complete;
  const size = Math.min(window, length);
  const routing = (heads - localHeads) * numClusters;
  const pairs = routing * (causal ? (size * (size + 1)) / 2 : size * size);
  const near = localHeads === 0 ? 0 : pairsOf(localLayout(0, length, length, complete), localHeads);
  return { flops: batch * ((pairs + near) * (4 * headDim + SOFTMAX_FLOPS) + routing * length * 2 * headDim) };
}

const itself = (sequenceLength: number) => sequenceLength;

const options = {
  /** *k*: clusters, and centroids, of each head. */
  numClusters: integer({
    symbol: 'k',
    minimum: 1,
    maximum: itself,
    // √n balances the products with centroids and the pairs within clusters (§4.1).
    default: (sequenceLength) => Math.max(1, Math.round(Math.sqrt(sequenceLength))),
    description: 'clusters of a head',
  }),
  /** *w*: tokens that each cluster takes; with n/k clusters take as many as there are. */
  window: integer({
    symbol: 'w',
    minimum: 1,
    maximum: itself,
    default: (sequenceLength, { numClusters }) => Math.ceil(sequenceLength / (numClusters as number)),
    description: 'tokens that a cluster takes',
  }),
  /** The first heads, which attend to their own block of tokens and to its neighbours; half of all in the paper's layers (§5). */
  localHeads: integer({
    minimum: 0,
    limit: 65536,
    default: 0,
    description: 'heads with local attention in place of clusters',
  }),
  /** Tokens of a block of local heads. */
  localWindow: integer({
    minimum: 1,
    maximum: itself,
    // As in §5.
    default: (sequenceLength) => Math.min(256, sequenceLength),
    description: 'tokens of a block of local heads',
  }),
  /** Whether a token meets itself. False, as in Reformer: only where it meets no other. */
  attendSelf: boolean({ default: true, description: 'whether a token meets itself where it meets others' }),
  /** *λ*: how much of a centroid stays when training moves it. */
  decay: number(centroidDecay),
};

/** Options of `routing`: the clusters, the tokens that each takes, and which heads are local instead. */
export interface RoutingOptions extends OptionsOf<typeof options> {}

/** Attention within clusters of tokens, by k-means with centroids that training moves (Roy et al. 2020). */
export const routing = defineVariant({
  name: 'routing',
  paper: {
    authors: 'Roy et al.',
    year: 2020,
    title: 'Efficient Content-Based Sparse Attention with Routing Transformers',
    arxiv: '2003.05997',
  },
  family: 'sparse',
  exactness: 'approximate',
  complexity: 'O(L·√L)',
  averages: false,
  supports: { causal: true, padding: true, crossAttention: false, incremental: true },
  regroups: true,
  inputs: { keys: 'queries' },
  options,
  budget: {
    symbol: 'w',
    option: 'window',
    values: (sequenceLength) => [
      Math.min(8, sequenceLength),
      ...[16, 32, 64, 128, 256].filter((w) => 2 * w <= sequenceLength),
    ],
  },
  check({ localHeads }, { heads }) {
    if (localHeads <= heads) return;
    throw new ArgumentError(`localHeads: expected at most ${heads}, the heads, got ${localHeads}`);
  },
  parameters: {
    mu: {
      learned: false,
      shape: ({ numClusters, localHeads }, { heads, headDim }) =>
        localHeads === heads ? null : [heads - localHeads, numClusters, headDim],
      start: (drawing) => normalised(normal(drawing, 1)),
    },
  },
  moves: {
    mu: {
      after({ queries, keyMask }, complete, { mu }) {
        return moved(mu, routedOf(queries, complete.localHeads), keyMask, complete.decay);
      },
    },
  },
  largest: ({ numClusters, localHeads }, { batch, heads, keyLength }) => [
    batch,
    heads - localHeads,
    numClusters,
    keyLength,
  ],
  attend,
  /** The tokens of clusters, [batch, heads, k, w]: a rounding could exchange two. */
  decisions({ queries, keyMask }, complete, { mu }): Parameters {
    if (mu === undefined) return {};
    return { members: members(mu, routedOf(queries, complete.localHeads), complete.window, keyMask).tokens };
  },
  cost,
});
