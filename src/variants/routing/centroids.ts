/** Centroids of the Routing Transformer: how they start, which tokens they take, and how training moves them. */

import { expectShape } from '../../core/errors.ts';
import type { NumericArray } from '../../core/memory.ts';
import { expectSameDType } from '../../core/ops/check.ts';
import { layerNorm, matmul } from '../../core/ops/index.ts';
import { type Strongest, strongest } from '../../core/ops/strongest.ts';
import { elements, fromArray, ones, type Tensor, zeros } from '../../core/tensor.ts';
import type { Memory } from '../state.ts';
import type { Parameters } from '../variant.ts';

/** The option λ of k-means in training (Roy et al. 2020, §4.1; Cluster-Former takes the same). */
export const centroidDecay = {
  symbol: 'λ',
  minimum: 0,
  maximum: 1,
  default: 0.999,
  description: 'how much of a centroid stays in a forward pass of training',
  trainingOnly: true,
} as const;

/** LayerNorm without gain and bias: every row has mean 0 and norm √d (Roy et al. 2020, §4.1). */
export function normalised(rows: Tensor): Tensor {
  const d = rows.shape[rows.shape.length - 1];
  return layerNorm(rows, ones([d], rows.dtype), zeros([d], rows.dtype));
}

/** μ Q^T of centroids [heads, k, d] and tokens [batch, heads, length, d]: [batch, heads, k, length]. */
export function productsWith(centroids: Tensor, tokens: Tensor): Tensor {
  return matmul(centroids, tokens, { transposeB: true });
}

/** The centroid with the largest product with token `n`, of equal ones the first; products are [lists, clusters, length]. */
export function nearest(products: NumericArray, list: number, clusters: number, length: number, n: number): number {
  const first = list * clusters * length + n;
  let best = 0;
  for (let c = 1; c < clusters; c++) if (products[first + c * length] > products[first + best * length]) best = c;
  return best;
}

/** Which tokens clusters take of these, from place `start` on, and of those that they held before. */
export function members(
  centroids: Tensor,
  tokens: Tensor,
  window: number,
  keyMask: Tensor | undefined,
  start = 0,
  before?: Strongest,
): Strongest {
  return strongest(productsWith(centroids, tokens), { count: window, start, keyMask, before });
}

export interface RoutingSizes {
  numClusters: number;
  window: number;
}

/** The tokens of every cluster so far, int32 [batch, heads, k, w], or those that an earlier pass has stored. */
export function takenBy(
  routed: Tensor,
  { window, numClusters }: RoutingSizes,
  { mu, members: known }: Parameters,
  keyMask: Tensor | undefined,
  memory: Memory,
): Tensor {
  const [batch, heads, length] = routed.shape;
  const size = Math.min(window, memory.position + length);
  if (known !== undefined) {
    expectSameDType('parameters.members', known, 'int32', 'as routing gives');
    expectShape('parameters.members', known.shape, [batch, heads, numClusters, size], 'to match queries and options');
    return known;
  }
  const next = members(
    mu,
    routed,
    window,
    keyMask,
    memory.position,
    before(memory, [batch, heads, numClusters], window),
  );
  memory.set('members', next.tokens);
  memory.set('scores', next.scores);
  return next.tokens;
}

/** What a state holds of the clusters, of this shape without its last extent. */
function before(memory: Memory, shape: readonly number[], window: number): Strongest | undefined {
  if (memory.position === 0) return undefined;
  const held = [...shape, Math.min(window, memory.position)];
  const [tokens, scores] = [memory.get('members', held), memory.get('scores', held)];
  return tokens && scores && { tokens, scores };
}

/**
 * The centroids [heads, k, d] after a forward pass of training on normalised tokens [batch, heads, length, d]:
 * μ ← λ μ + (1 − λ) mean of the real tokens whose largest product is that with μ. A centroid without tokens stays.
 */
export function moved(centroids: Tensor, tokens: Tensor, keyMask: Tensor | undefined, decay: number): Tensor {
  const [heads, clusters, d] = centroids.shape;
  const [batch, , length] = tokens.shape;
  const [products, rows, mu] = [elements(productsWith(centroids, tokens)), elements(tokens), elements(centroids)];
  const real = keyMask && elements(keyMask);
  const sums = new Float64Array(heads * clusters * d);
  const counts = new Int32Array(heads * clusters);
  for (let list = 0; list < batch * heads; list++) {
    const [entry, head] = [Math.floor(list / heads), list % heads];
    for (let n = 0; n < length; n++) {
      if (real?.[entry * length + n] === 0) continue;
      const to = head * clusters + nearest(products, list, clusters, length, n);
      counts[to]++;
      for (let i = 0; i < d; i++) sums[to * d + i] += rows[(list * length + n) * d + i];
    }
  }
  const next = Float64Array.from(mu, (each, at) => {
    const count = counts[Math.floor(at / d)];
    return count === 0 ? each : decay * each + (1 - decay) * (sums[at] / count);
  });
  return fromArray(next, centroids.shape, centroids.dtype);
}
