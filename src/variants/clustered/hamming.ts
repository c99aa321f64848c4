/** Clusters of queries: signs of random projections, and Lloyd's algorithm on them (Vyas et al. 2020, §3.2.2). */
import { noGrad } from '../../core/autograd.ts';
import { ArgumentError } from '../../core/errors.ts';
import { matmul, reshape, transpose } from '../../core/ops/index.ts';
import { normsOf, productError } from '../../core/ops/nearest-keys.ts';
import { scatterAdd } from '../../core/ops/scatter-add.ts';
import { elements, empty, fromArray, type Tensor } from '../../core/tensor.ts';

export interface HammingOptions {
  numClusters: number;
  bits: number;
  iterations: number;
}

/**
 * The cluster of each query [batch, heads, length, d], int32 [batch, heads, length], of min(C, length). Only real queries make
 * clusters; padding goes to the nearest. With at least as many clusters as real queries each has its own.
 */
export function hammingClusters(
  queries: Tensor,
  R: Tensor,
  { numClusters, iterations }: HammingOptions,
  real: Tensor | undefined,
): Tensor {
  return noGrad(() => {
    const [batch, heads, length] = queries.shape;
    const flags = real && elements(real);
    const places = Array.from({ length: batch }, (_, b) =>
      Array.from({ length }, (_, i) => i).filter((i) => flags?.[b * length + i] !== 0),
    );
    const count = Math.min(numClusters, length);
    const alone = places.map((own) => own.length <= count);
    const clusters = empty([batch, heads, length], 'int32');
    const to = elements(clusters);
    if (flags === undefined && alone[0]) {
      for (let at = 0; at < to.length; at++) to[at] = at % length;
      return clusters;
    }
    const signs = signsOf(queries, R);
    let centroids = firstCentroids(signs, places, count);
    for (let n = 1; n <= iterations; n++) {
      assign(clusters, signs, centroids, places, count);
      if (n < iterations) centroids = majority(signs, clusters, centroids, flags);
    }
    // Each real query is a cluster of its own, at the place of its own centroid.
    for (const [b, own] of places.entries()) {
      if (!alone[b]) continue;
      for (let h = 0; h < heads; h++) for (const [c, i] of own.entries()) to[(b * heads + h) * length + i] = c;
    }
    return clusters;
  });
}

/** sign(q R), ±1 in float32 [batch, heads, length, B]; 0 counts as −1. The same for any type of the same numbers. */
export function signsOf(queries: Tensor, R: Tensor): Tensor {
  const [batch, heads, length, d] = queries.shape;
  const bits = R.shape[2];
  const estimates = elements(matmul(queries, R));
  const [q, planes] = [elements(queries), elements(R)];
  const lengths = normsOf(q, d);
  // By column of R.
  const widths = normsOf(elements(reshape(transpose(R), [-1, d])), d);
  const error = productError(queries.dtype, d);
  const signs = empty([batch, heads, length, bits], 'float32');
  const to = elements(signs);
  for (let row = 0; row < batch * heads * length; row++) {
    const head = Math.floor(row / length) % heads;
    for (let bit = 0; bit < bits; bit++) {
      let product = estimates[row * bits + bit];
      if (!(Math.abs(product) > error * lengths[row] * widths[head * bits + bit])) {
        product = 0;
        for (let c = 0; c < d; c++) product += q[row * d + c] * planes[(head * d + c) * bits + bit];
      }
      to[row * bits + bit] = product > 0 ? 1 : -1;
    }
  }
  return signs;
}

/** The signs of `count` real queries at even distances, [batch, heads, count, B]; of all if there are fewer, and then zeros. */
function firstCentroids(signs: Tensor, places: readonly number[][], count: number): Tensor {
  const [batch, heads, length, bits] = signs.shape;
  const from = elements(signs);
  const centroids = new Float32Array(batch * heads * count * bits);
  for (let list = 0; list < batch * heads; list++) {
    const own = places[Math.floor(list / heads)];
    const filled = Math.min(count, own.length);
    for (let c = 0; c < filled; c++) {
      const row = list * length + own[Math.floor((c * own.length) / filled)];
      centroids.set(from.subarray(row * bits, (row + 1) * bits), (list * count + c) * bits);
    }
  }
  return fromArray(centroids, [batch, heads, count, bits], 'float32');
}

/** Puts each query to the nearest centroid, the first of equals: a Hamming distance is half of B − s·c. */
function assign(clusters: Tensor, signs: Tensor, centroids: Tensor, places: readonly number[][], count: number): void {
  const [batch, heads, length] = clusters.shape;
  const products = elements(matmul(signs, centroids, { transposeB: true }));
  const to = elements(clusters);
  for (let row = 0; row < batch * heads * length; row++) {
    const filled = Math.min(count, places[Math.floor(row / (heads * length))].length);
    let nearest = 0;
    for (let c = 1; c < filled; c++) if (products[row * count + c] > products[row * count + nearest]) nearest = c;
    to[row] = nearest;
  }
}

/** Each bit as in most of a cluster's real queries, 0 (−1) where they are even; a centroid without queries stays. */
function majority(signs: Tensor, clusters: Tensor, centroids: Tensor, flags: ArrayLike<number> | undefined): Tensor {
  const count = centroids.shape[2];
  const bits = signs.shape[3];
  const members = realMembers(clusters, flags);
  const sums = elements(scatterAdd(signs, members, count));
  const counts = countsOf(members, count);
  const before = elements(centroids);
  const next = Float32Array.from(before, (each, at) => {
    return counts[Math.floor(at / bits)] === 0 ? each : sums[at] > 0 ? 1 : -1;
  });
  return fromArray(next, centroids.shape, 'float32');
}

/** The clusters of real queries, −1 for padding. */
export function realMembers(clusters: Tensor, flags: ArrayLike<number> | undefined): Tensor {
  if (flags === undefined) return clusters;
  const [, heads, length] = clusters.shape;
  const numbers = (elements(clusters) as Int32Array).map((each, at) => {
    return flags[Math.floor(at / (heads * length)) * length + (at % length)] === 0 ? -1 : each;
  });
  return fromArray(numbers, clusters.shape, 'int32');
}

/** How many queries each cluster has, by list. */
export function countsOf(members: Tensor, count: number): Float64Array {
  const [batch, heads, length] = members.shape;
  const counts = new Float64Array(batch * heads * count);
  const from = elements(members);
  for (let at = 0; at < from.length; at++) if (from[at] >= 0) counts[Math.floor(at / length) * count + from[at]]++;
  return counts;
}

/** Throws ArgumentError unless these name clusters 0 … count − 1. */
export function expectClusters(name: string, clusters: Tensor, count: number): void {
  const numbers = elements(clusters);
  const at = numbers.findIndex((each) => each < 0 || each >= count);
  if (at < 0) return;
  throw new ArgumentError(`${name}: expected 0 to ${count - 1}, got ${numbers[at]} at element ${at}`);
}
