/** Transformer-XL's scores, which know where a key is only by its distance (Dai et al. 2019, §3.3 and Appendix B). */
import {
  add,
  concat,
  cos,
  expandDims,
  matmul,
  multiply,
  relativeShift,
  reshape,
  scale,
  sin,
  softmax,
} from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';

/** The width of R, d_model in the paper: all heads together, and one more if that is odd, for a cosine to each sine. */
export function positionDim(heads: number, headDim: number): number {
  return 2 * Math.ceil((heads * headDim) / 2);
}

/**
 * r_Δ = W_{k,R} R_Δ for the distances Δ = farthest, farthest − 1, …, nearest: [heads, distances, headDim], from W_{k,R}
 * [heads, headDim, width]. R_Δ holds sin(Δω) and then cos(Δω) for the frequencies ω = 10000^(−2f/width) of Vaswani et
 * al. 2017, §3.5; in which order makes no difference, since W_{k,R} is learned.
 */
export function distanceKeys(farthest: number, nearest: number, W_kR: Tensor): Tensor {
  const width = W_kR.shape[2];
  const distances = Array.from({ length: farthest - nearest + 1 }, (_, t) => farthest - t);
  const frequencies = Array.from({ length: width / 2 }, (_, f) => 10000 ** ((-2 * f) / width));
  // In float64 whatever the type of W: a rounded Δω would be wrong by as many roundings as the distance.
  const angles = multiply(
    fromArray(distances, [distances.length, 1], 'float64'),
    fromArray(frequencies, [width / 2], 'float64'),
  );
  const exact = concat([sin(angles), cos(angles)], 1);
  const R = fromArray(elements(exact), exact.shape, W_kR.dtype);
  return matmul(expandDims(R, 0), W_kR, { transposeB: true });
}

/**
 * softmax((A + hidden)/√d) V for A_ij = q_i·k_j + q_i·r_{i−j} + u·k_j + v·r_{i−j}, in segments that meet keys of their
 * own: queries [batch, heads, segments, S, d], keys and values [batch, heads, segments, C, …], `hidden` 0 or −∞ as
 * [batch or 1, 1, segments, S, C]. The last query of a segment stands at its last key, and `r` [heads, C + S − 1, d] has
 * the distances C − 1 (last query, first key) to 1 − S (first query, last key), the farthest first.
 */
export function relativeAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  r: Tensor,
  { u, v }: { u: Tensor; v: Tensor },
  hidden?: Tensor,
): Tensor {
  const [batch, heads, segments, S, headDim] = queries.shape;
  // Terms that share a factor are one product, (a + c) and (b + d); divided by √d while they are small.
  const towards = (bias: Tensor) => scale(add(queries, reshape(bias, [heads, 1, 1, headDim])), 1 / Math.sqrt(headDim));

  // (q_i + u)·k_j
  const content = matmul(towards(u), keys, { transposeB: true });

  // (q_i + v)·r_Δ for every Δ, and out of these those of Δ = i − j                                    (Appendix B)
  const rows = reshape(towards(v), [batch, heads, segments * S, headDim]);
  const byDistance = reshape(matmul(rows, r, { transposeB: true }), [batch, heads, segments, S, -1]);
  const scores = add(content, relativeShift(byDistance));

  return matmul(softmax(hidden === undefined ? scores : add(scores, hidden)), values);
}
