/** Clusters of tokens: the nearest centroid by cosine, the same for all heads, and how training moves centroids. */
import { expectShape } from '../../core/errors.ts';
import { cast } from '../../core/ops/cast.ts';
import { expectSameDType } from '../../core/ops/check.ts';
import { contiguous, normalizeRows, reshape, transpose } from '../../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../../core/tensor.ts';
import { moved as movedToMeans, nearest, productsWith } from '../routing/centroids.ts';
import type { AttentionInputs, Parameters } from '../variant.ts';

/** The queries of all heads side by side, which stand for hidden states: [batch, 1, length, heads · headDim]. */
export function statesOf(queries: Tensor): Tensor {
  const [batch, heads, length, headDim] = queries.shape;
  return reshape(contiguous(transpose(queries, [0, 2, 1, 3])), [batch, 1, length, heads * headDim]);
}

const asOneHead = (centroids: Tensor): Tensor => reshape(centroids, [1, ...centroids.shape]);

/**
 * v = argmax(H Cᵀ), int32 [batch, 1, length], for centroids [p, heads · headDim] of norm 1; padding is in a cluster p of its own.
 * Decided in float64, and of equal products the first. Or those that an earlier pass has stored (`parameters.clusters`).
 */
export function clustersOf({ queries, keyMask }: AttentionInputs, { C, clusters: known }: Parameters): Tensor {
  const [batch, , length] = queries.shape;
  if (known !== undefined) {
    expectSameDType('parameters.clusters', known, 'int32', 'as cluster-former gives');
    expectShape('parameters.clusters', known.shape, [batch, 1, length], 'to match queries');
    return known;
  }
  const count = C.shape[0];
  const products = elements(productsWith(asOneHead(cast(C, 'float64')), cast(statesOf(queries), 'float64')));
  const real = keyMask && elements(keyMask);
  const clusters = new Int32Array(batch * length);
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < length; i++) {
      const isPadding = real?.[b * length + i] === 0;
      clusters[b * length + i] = isPadding ? count : nearest(products, b, count, length, i);
    }
  }
  return fromArray(clusters, [batch, 1, length], 'int32');
}

/** Centroids after a forward pass of training: C ← λ C + (1 − λ) mean of the real tokens' directions in it, of norm 1 again. */
export function moved({ queries, keyMask }: AttentionInputs, C: Tensor, decay: number): Tensor {
  const next = movedToMeans(asOneHead(C), normalizeRows(statesOf(queries)), keyMask, decay);
  return reshape(normalizeRows(next), C.shape);
}
