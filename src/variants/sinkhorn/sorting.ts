/** The sorting network of Sinkhorn attention: sums over blocks of tokens, and from them the scores of an order of blocks. */
import { add, cast, gatherRows, matmul, padRows, relu, reshape, scale, slice, sum } from '../../core/ops/index.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { Parameters } from '../variant.ts';

/**
 * ψ_P: the sums over `size` rows of x [batch, heads, length, width] from each of these places on, float64 [batch, heads, count,
 * width]. Places outside count as zeros.
 */
export function sumsOfBlocks(x: Tensor, begins: Int32Array, size: number): Tensor {
  const [batch, heads, length, width] = x.shape;
  const count = begins.length;
  const isCut = count * size === length && begins.every((begin, n) => begin === n * size);
  const index = Int32Array.from({ length: isCut ? 0 : count * size }, (_, n) => {
    const token = begins[Math.floor(n / size)] + (n % size);
    return token < 0 || token >= length ? -1 : token;
  });
  const rows = isCut ? x : gatherRows(x, index);
  return cast(sum(reshape(rows, [batch, heads, count, size, width]), 3), 'float64');
}

/** Which rows and columns of a matrix over all blocks are asked for, and how scores become exponents. */
export interface Sorting {
  first: number;
  columns: number;
  temperature: number;
  gumbel: number;
}

/**
 * (R + ε)/τ with R_i = σ(W_B σ(W_P X′_i + b_P) + b_B), float64 [batch, heads, rows, columns], from pooled rows X′ [batch, heads,
 * rows, width]. In float64, because the exponentials of large scores would show float32's rounding.
 */
export function scoresOf(pooled: Tensor, parameters: Parameters, sorting: Sorting): Tensor {
  const { first, columns, temperature, gumbel } = sorting;
  const { W_P, b_P, W_B, b_B } = parameters;
  const exact = (x: Tensor) => cast(x, 'float64');
  const upTo = (x: Tensor) => exact(slice(x, 2, 0, columns));
  const hidden = relu(add(matmul(pooled, exact(W_P)), exact(b_P)));
  const R = relu(add(matmul(hidden, upTo(W_B)), upTo(b_B)));
  if (gumbel === 0) return scale(R, 1 / temperature);
  const [rows, most] = [pooled.shape[2], parameters.G.shape[1]];
  const noise = slice(upTo(parameters.G), 1, first, Math.min(most, first + rows));
  return scale(add(R, scale(padRows(noise, 1, rows - noise.shape[1]), gumbel)), 1 / temperature);
}
