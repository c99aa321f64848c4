/** A sequence cut into segments of nearly the same length, and one row mixed from the tokens of each. */
import { elements, fromArray, type Tensor } from '../tensor.ts';
import { gatherRows } from './gather.ts';
import { matmul } from './matmul.ts';
import { expandDims, reshape } from './shape.ts';

/** A sequence cut into segments. */
export interface Segments {
  readonly count: number;
  /** Tokens of the longest segment: ⌈length / count⌉. */
  readonly longest: number;
  /** Segment r holds the tokens begins[r] … begins[r + 1] − 1; count + 1 entries. */
  readonly begins: readonly number[];
}

/**
 * Segments as even as can be: where `count` does not divide the length, their lengths differ by one. (Segments of
 * ⌈length / count⌉ and a short last one would leave some without any token: 10 tokens in 7 make 5 segments of 2.)
 */
export function segmentsOf(length: number, count: number): Segments {
  const begins = Array.from({ length: count + 1 }, (_, r) => Math.floor((r * length) / count));
  return { count, longest: Math.ceil(length / count), begins };
}

/** How many real tokens each segment holds: [batch][count], or [1][count] without a mask. */
export function realTokens({ begins }: Segments, keyMask: Tensor | undefined): number[][] {
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

/** Taps for `mixSegments` that take the mean of each segment's real tokens, the others being zero. */
export function meanTaps(counts: number[][], { longest }: Segments, dtype: Tensor['dtype']): Tensor {
  const taps = counts.flat().flatMap((real) => new Array<number>(longest).fill(real === 0 ? 0 : 1 / real));
  return fromArray(taps, [counts.length, 1, counts[0].length, longest], dtype);
}

/**
 * Row r of the result [batch, heads, count, width] is the sum over segment r of taps · rows of x [batch, heads, length,
 * width]. `taps` [batch or 1, heads or 1, count or 1, longest] meet a segment from its first token on; a shorter one
 * meets the first of them. Leading axes of extent 1 may be absent.
 */
export function mixSegments(taps: Tensor, x: Tensor, segments: Segments): Tensor {
  const [batch, heads, , width] = x.shape;
  const cut = reshape(padSegments(x, segments), [batch, heads, segments.count, segments.longest, width]);
  return reshape(matmul(expandDims(taps, -2), cut), [batch, heads, segments.count, width]);
}

/**
 * The key mask [batch or 1, rows] of rows that were mixed: one without a real token is not there. `counts` has an entry
 * for each row, or one for all rows where each mixes the whole sequence.
 */
export function rowsWithTokens(counts: number[][], rows: number): Tensor {
  const seen = counts.flatMap((own) => Array.from({ length: rows }, (_, r) => Number(own[r % own.length] > 0)));
  return fromArray(seen, [counts.length, rows], 'uint8');
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
