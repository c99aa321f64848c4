/** Keys of distances in place of positions: sinusoids R, and W_{k,R} R (Dai et al. 2019, §3.3 and Appendix B). */
import { concat, cos, expandDims, matmul, multiply, sin } from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';

/** The width of R, d_model in the paper: all heads together, plus one if that is odd, so that each sine has a cosine. */
export function positionDim(heads: number, headDim: number): number {
  return 2 * Math.ceil((heads * headDim) / 2);
}

/**
 * r_Δ = W_{k,R} R_Δ for the distances Δ = nearest … farthest: [heads, distances, headDim], from W_{k,R} [heads, headDim,
 * width]. R_Δ holds sin(Δω) and then cos(Δω) for the frequencies ω = 10000^(−2f/width) of Vaswani et al. 2017, §3.5; their
 * order makes no difference, since W_{k,R} is learned.
 */
export function distanceKeys(nearest: number, farthest: number, W_kR: Tensor): Tensor {
  const width = W_kR.shape[2];
  const distances = Array.from({ length: farthest - nearest + 1 }, (_, t) => nearest + t);
  const frequencies = Array.from({ length: width / 2 }, (_, f) => 10000 ** ((-2 * f) / width));
  // In float64 whatever the type of W: rounding ω would cause an error in Δω that grows with the distance.
  const angles = multiply(
    fromArray(distances, [distances.length, 1], 'float64'),
    fromArray(frequencies, [width / 2], 'float64'),
  );
  const exact = concat([sin(angles), cos(angles)], 1);
  const R = fromArray(elements(exact), exact.shape, W_kR.dtype);
  return matmul(expandDims(R, 0), W_kR, { transposeB: true });
}
