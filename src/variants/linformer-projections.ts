/**
 * Linformer's projections of a sequence onto fewer rows: X ↦ E X for X [batch, heads, L, width], E ∈ ℝ^{k×L}. E is
 * dense, or else its row r is zero outside the r-th of k segments of the sequence (pooling, and convolution whose kernel
 * and stride are L/k), which takes O(L) operations and not O(L·k).
 */
import type { DType } from '../core/memory.ts';
import { expandDims, gatherRows, matmul, multiply, reshape, transpose } from '../core/ops/index.ts';
import { elements, fromArray, type Tensor } from '../core/tensor.ts';

/** A segment of the sequence for every projected row. */
export interface Segments {
  /** k */
  readonly count: number;
  /** ⌈L/k⌉: the tokens of the longest segment. */
  readonly longest: number;
  /** Segment r holds the tokens begins[r] … begins[r + 1] − 1; k + 1 entries. */
  readonly begins: readonly number[];
}

/**
 * k segments as even as can be: where k does not divide L, their lengths are ⌊L/k⌋ and ⌈L/k⌉. (Segments of ⌈L/k⌉ and a
 * short last one would leave rows of k without any token: 10 tokens in 7 rows make 5 segments of 2.)
 */
export function segmentsOf(length: number, count: number): Segments {
  const begins = Array.from({ length: count + 1 }, (_, r) => Math.floor((r * length) / count));
  return { count, longest: Math.ceil(length / count), begins };
}

/** E X, dense: E [heads, k, L], or [1, k, L] for all heads together. */
export function projectDense(projection: Tensor, x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape;
  const [matrices, count] = projection.shape;
  // Whatever shares a matrix is put side by side as columns: one product for each matrix, and a gradient of its size,
  // where a broadcast over the batch would first make a gradient for every entry.
  const sharing = reshape(x, [-1, matrices, length, width]);
  const columns = reshape(transpose(sharing, [1, 2, 0, 3]), [matrices, length, -1]);
  const product = reshape(matmul(projection, columns), [matrices, count, -1, width]);
  return reshape(transpose(product, [2, 0, 1, 3]), [batch, heads, count, width]);
}

/**
 * E X where row r of E is zero outside segment r. `taps` [batch or 1, heads or 1, k or 1, longest] holds what is inside,
 * from the segment's first token on; a shorter segment meets the first of them. Leading axes of extent 1 may be absent.
 */
export function projectSegments(taps: Tensor, x: Tensor, segments: Segments): Tensor {
  const [batch, heads, , width] = x.shape;
  const cut = reshape(padSegments(x, segments), [batch, heads, segments.count, segments.longest, width]);
  return reshape(matmul(expandDims(taps, -2), cut), [batch, heads, segments.count, width]);
}

/** The tokens with every segment filled up to the longest with zeros. */
function padSegments(x: Tensor, { count, longest, begins }: Segments): Tensor {
  if (x.shape[2] === count * longest) return x;
  const index = new Int32Array(count * longest);
  for (let r = 0; r < count; r++) {
    for (let t = 0; t < longest; t++) index[r * longest + t] = begins[r] + t < begins[r + 1] ? begins[r] + t : -1;
  }
  return gatherRows(x, index);
}

/** How many real keys each segment holds: [batch or 1][k]. */
export function realKeys({ begins }: Segments, keyMask: Tensor | undefined): number[][] {
  const sizes = begins.slice(1).map((end, r) => end - begins[r]);
  if (keyMask === undefined) return [sizes];
  const [batch, length] = keyMask.shape;
  const mask = elements(keyMask);
  return Array.from({ length: batch }, (_, b) => {
    return sizes.map((size, r) => {
      let real = 0;
      for (let j = begins[r]; j < begins[r] + size; j++) real += mask[b * length + j];
      return real;
    });
  });
}

/** Taps that take the mean of each segment's real keys, the others being zero: [batch or 1, 1, k, longest]. */
export function meanTaps(counts: number[][], { longest }: Segments, dtype: DType): Tensor {
  const taps = counts.flat().flatMap((real) => new Array<number>(longest).fill(real === 0 ? 0 : 1 / real));
  return fromArray(taps, [counts.length, 1, counts[0].length, longest], dtype);
}

/** x [batch, heads, L, width] with zeros in the rows that keyMask [batch, L] leaves out; x itself without a mask. */
export function zeroPadding(x: Tensor, keyMask: Tensor | undefined): Tensor {
  if (keyMask === undefined) return x;
  const [batch, length] = keyMask.shape;
  return multiply(x, fromArray(elements(keyMask), [batch, 1, length, 1], x.dtype));
}
