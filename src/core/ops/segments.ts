/** A sequence cut into segments of nearly the same length, and one row mixed from the tokens of each. */
import { expectDType } from '../dtype.ts';
import { ArgumentError, expectInteger, formatShape, ShapeError } from '../errors.ts';
import { expectList, expectRecord, integerOf, listOf } from '../expect.ts';
import { elements, fromArray, type Tensor } from '../tensor.ts';
import { expectAxes, expectFlags, expectFloat, expectSameDType } from './check.ts';
import { gatherRows } from './gather.ts';
import { LONGEST } from './layout.ts';
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

/** Throws ArgumentError unless it is a result of `segmentsOf`, for a sequence of this length if one is given. */
function expectSegments(name: string, segments: Segments, length?: number): void {
  expectRecord(name, segments, { count: integerOf(1), longest: integerOf(1), begins: listOf(integerOf(0), 2) });
  const { count, longest, begins } = segments;
  const sizes = begins.slice(1).map((end, r) => end - begins[r]);
  const areInOrder = begins[0] === 0 && sizes.every((size) => size >= 1 && size <= longest);
  if (areInOrder && sizes.length === count && begins[count] === (length ?? begins[count])) return;
  throw new ArgumentError(
    `${name}: expected what segmentsOf gives${length === undefined ? '' : ` for a length of ${length}`}`,
  );
}

/** Throws ArgumentError unless every batch entry has the same number of counts. */
function expectCounts(name: string, counts: number[][]): void {
  expectList(name, counts, listOf(integerOf(0), 1), 1);
  if (counts.every((own) => own.length === counts[0].length)) return;
  throw new ArgumentError(`${name}: expected ${counts[0].length} counts for every batch entry`);
}

/**
 * Segments as even as can be: where `count` does not divide the length, their lengths differ by one. (Segments of ⌈length /
 * count⌉ tokens could leave some empty: 10 tokens in 7 segments would fill 5 segments of 2.)
 */
export function segmentsOf(length: number, count: number): Segments {
  expectInteger('length', length, 1, LONGEST);
  expectInteger('count', count, 1, length);
  const begins = Array.from({ length: count + 1 }, (_, r) => Math.floor((r * length) / count));
  return { count, longest: Math.ceil(length / count), begins };
}

/** How many real tokens each segment holds: [batch][count], or [1][count] without a mask. */
export function realTokens(segments: Segments, keyMask: Tensor | undefined): number[][] {
  expectSegments('segments', segments);
  const { begins } = segments;
  const sizes = begins.slice(1).map((end, r) => end - begins[r]);
  if (keyMask === undefined) return [sizes];
  expectAxes('keyMask', keyMask, 2);
  expectFlags('keyMask', keyMask, [keyMask.shape[0], begins[segments.count]], 'to match the segments');
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

/** Taps for `mixSegments` that take the mean of each segment's real tokens; the taps of masked tokens are zero. */
export function meanTaps(counts: number[][], segments: Segments, dtype: Tensor['dtype']): Tensor {
  expectCounts('counts', counts);
  expectSegments('segments', segments);
  expectDType('dtype', dtype, ['float32', 'float64']);
  const { longest } = segments;
  const all = counts.flat();
  const taps = new (dtype === 'float64' ? Float64Array : Float32Array)(all.length * longest);
  all.forEach((real, row) => {
    taps.fill(real === 0 ? 0 : 1 / real, row * longest, (row + 1) * longest);
  });
  return fromArray(taps, [counts.length, 1, counts[0].length, longest], dtype);
}

/**
 * Row r of the result [batch, heads, count, width] is the sum over segment r of taps · rows of x [batch, heads, length,
 * width]. `taps` [batch or 1, heads or 1, count or 1, longest] meet a segment from its first token on; a shorter segment uses
 * only the first taps. Leading axes of extent 1 may be absent.
 */
export function mixSegments(taps: Tensor, x: Tensor, segments: Segments): Tensor {
  expectFloat('x', x);
  expectSameDType('taps', taps, x.dtype, 'to match x');
  if (x.shape.length !== 4) {
    throw new ShapeError(`x: expected [batch, heads, length, width], got ${formatShape(x.shape)}`);
  }
  const [batch, heads, length, width] = x.shape;
  expectSegments('segments', segments, length);
  const most = [batch, heads, segments.count, segments.longest];
  const axes = taps.shape.length;
  const fits = (extent: number, axis: number) => extent === most[axis] || (extent === 1 && axis < 3);
  if (axes < 1 || axes > 4 || !taps.shape.every((extent, n) => fits(extent, n + 4 - axes))) {
    throw new ShapeError(
      `taps: expected ${formatShape(most)}, or 1 in place of all but the last, got ${formatShape(taps.shape)}`,
    );
  }
  const cut = reshape(padSegments(x, segments), [batch, heads, segments.count, segments.longest, width]);
  return reshape(matmul(expandDims(taps, -2), cut), [batch, heads, segments.count, width]);
}

/**
 * The key mask [batch or 1, rows] of mixed rows: a row without a real token is masked. `counts` has an entry for each row, or
 * one entry for all rows where each mixes the whole sequence.
 */
export function rowsWithTokens(counts: number[][], rows: number): Tensor {
  expectCounts('counts', counts);
  expectInteger('rows', rows, 1, LONGEST);
  const seen = counts.flatMap((own) => Array.from({ length: rows }, (_, r) => Number(own[r % own.length] > 0)));
  return fromArray(seen, [counts.length, rows], 'uint8');
}

/** The tokens, with every segment padded with zeros to the longest. */
function padSegments(x: Tensor, { count, longest, begins }: Segments): Tensor {
  if (x.shape[2] === count * longest) return x;
  const index = new Int32Array(count * longest);
  for (let r = 0; r < count; r++) {
    for (let t = 0; t < longest; t++) index[r * longest + t] = begins[r] + t < begins[r + 1] ? begins[r] + t : -1;
  }
  return gatherRows(x, index);
}
