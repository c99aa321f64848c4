/** Centroids of clusters of queries, the keys that weigh most for them, and the part of the weight that these have. */
import { noGrad } from '../../core/autograd.ts';
import { expectShape } from '../../core/errors.ts';
import { expectSameDType } from '../../core/ops/check.ts';
import { exp, expandDims, maximum, multiply, subtract } from '../../core/ops/index.ts';
import { nearestKeys } from '../../core/ops/nearest-keys.ts';
import { scatterAdd } from '../../core/ops/scatter-add.ts';
import { elements, filled, fromArray, type Tensor } from '../../core/tensor.ts';
import type { AttentionInputs, Parameters } from '../variant.ts';
import { countsOf, expectClusters, type HammingOptions, hammingClusters, realMembers } from './hamming.ts';

export interface ClusteringOptions extends HammingOptions {
  topKeys: number;
}

/** The mask of queries: with as many queries as keys they are the same tokens. */
const maskOf = ({ queries, keys, keyMask }: AttentionInputs): Tensor | undefined =>
  queries.shape[2] === keys.shape[2] ? keyMask : undefined;

/** The cluster of each query, int32 [batch, heads, length], or those that an earlier pass has stored. */
export function clustersOf(
  inputs: AttentionInputs,
  options: ClusteringOptions,
  { R, clusters: known }: Parameters,
): Tensor {
  const { queries } = inputs;
  if (known === undefined) return hammingClusters(queries, R, options, maskOf(inputs));
  expectSameDType('parameters.clusters', known, 'int32', 'as hashing gives');
  expectShape('parameters.clusters', known.shape, queries.shape.slice(0, 3), 'to match queries');
  expectClusters('parameters.clusters', known, Math.min(options.numClusters, queries.shape[2]));
  return known;
}

/** The means of the real queries of clusters, [batch, heads, C, d]; zeros for a cluster without any. */
export function centroidsOf(inputs: AttentionInputs, clusters: Tensor, count: number): Tensor {
  const mask = maskOf(inputs);
  const members = realMembers(clusters, mask && elements(mask));
  const shares = countsOf(members, count).map((each) => 1 / Math.max(1, each));
  const sums = scatterAdd(inputs.queries, members, count);
  return multiply(sums, fromArray(shares, [...sums.shape.slice(0, 3), 1], sums.dtype));
}

/** T: the keys of the largest products with each centroid, int32 [batch, heads, C, k]. */
export function topOf(inputs: AttentionInputs, { numClusters, topKeys }: ClusteringOptions, clusters: Tensor): Tensor {
  const { queries, keys, keyMask } = inputs;
  const exact = queries.dtype === 'float64' ? queries : fromArray(elements(queries), queries.shape, 'float64');
  const count = Math.min(numClusters, queries.shape[2]);
  return noGrad(() => {
    const centroids = centroidsOf({ ...inputs, queries: exact }, clusters, count);
    return nearestKeys(centroids, keys, Math.min(topKeys, keys.shape[2]), keyMask);
  });
}

/** m̂ from log-sum-exps over the top keys and over all, [batch, heads, C, 1]: their part of a centroid's weight. */
export const massOf = (ofTop: Tensor, ofAll: Tensor): Tensor =>
  expandDims(exp(subtract(finite(ofTop), finite(ofAll))), 3);

/** Where no key is real, both logarithms are −∞, and outputs are 0 whatever the mass is. */
const finite = (logSumExp: Tensor): Tensor => maximum(logSumExp, filled([1], -1e30, logSumExp.dtype));
