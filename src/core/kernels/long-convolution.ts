/**
 * A causal convolution with a filter as long as the sequence, for each column its own: y_i = Σ_{j ≤ i} h_{i−j} z_j, by Fourier
 * transforms in float64. An item is two columns of a head, which travel as one complex sequence; it transforms their filters
 * once for all entries of the batch and adds up their gradients over these in order, so bits do not depend on the threads.
 *
 * A transform spreads the rounding of its largest number over all rows. Rows that nothing reaches are therefore set to 0.
 */
import type { NumericArray } from '../memory.ts';
import { type Complex, fourierOf, multiplySpectra } from './fourier.ts';
import { defineKernel, type KernelNumbers } from './kernel.ts';

const NUMBERS = [
  'batch',
  'heads',
  /** Rows of z. */
  'length',
  'width',
  /** Rows of h, at most `length`. */
  'taps',
  /** Rows from one head to the next in the arrays of z and of h, which may be views of longer caches. */
  'valueRows',
  'filterRows',
  /** The first row of y that is wanted. */
  'from',
  /** Numbers of a transform, a power of two: enough that nothing comes round to a wanted row. */
  'size',
] as const;

export type LongConvolutionNumbers = KernelNumbers<(typeof NUMBERS)[number]>;

/** Numbers of a transform: without those of the wanted rows, what comes round falls on rows before them. */
export function transformSize(length: number, taps: number, from: number): number {
  let size = 2;
  while (size < length || size < length + taps - 1 - from) size *= 2;
  return size;
}

/** Whether so few products are wanted that transforms take longer. */
export function isDirect(length: number, taps: number, from: number, size: number): boolean {
  return productsOf(length, taps, from) <= 2 * size * Math.log2(size);
}

/** Products of a column: min(i + 1, taps) of them for each wanted row i. */
export function productsOf(length: number, taps: number, from: number): number {
  const upTo = (rows: number) => {
    const growing = Math.min(rows, taps);
    return (growing * (growing + 1)) / 2 + (rows - growing) * taps;
  };
  return upTo(length) - upTo(from);
}

/** Two neighbouring columns of rows [count, width] in one array; the second may be missing. */
interface Columns {
  data: NumericArray;
  offset: number;
  width: number;
  count: number;
  isPair: boolean;
}

/** Columns of a head: the items are counted by heads, then by pairs of columns. */
function columnsAt(item: number, width: number): { head: number; column: number; isPair: boolean } {
  const pairs = Math.ceil(width / 2);
  const column = (item % pairs) * 2;
  return { head: Math.floor(item / pairs), column, isPair: column + 1 < width };
}

/** x + iy from row `at` of the buffer on, and zeros everywhere else. */
function load({ re, im }: Complex, { data, offset, width, count, isPair }: Columns, at: number): void {
  re.fill(0);
  im.fill(0);
  for (let i = 0, from = offset; i < count; i++, from += width) {
    re[at + i] = data[from];
    if (isPair) im[at + i] = data[from + 1];
  }
}

/** Rows `at` … of the buffer times `factor`, but 0 outside of first … last, for each of the two columns. */
function store({ re, im }: Complex, to: Columns, at: number, factor: number, real: Reach, imaginary: Reach): void {
  const { data, offset, width, count, isPair } = to;
  for (let i = 0, place = offset; i < count; i++, place += width) {
    const row = at + i;
    data[place] = row < real.first || row > real.last ? 0 : factor * re[row];
    if (isPair) data[place + 1] = row < imaginary.first || row > imaginary.last ? 0 : factor * im[row];
  }
}

/** The first and the last row that are not 0; first = ∞ and last = −1 if all are. */
interface Reach {
  first: number;
  last: number;
}

function reachOf(x: Float64Array): Reach {
  let last = x.length - 1;
  while (last >= 0 && x[last] === 0) last--;
  if (last < 0) return { first: Number.POSITIVE_INFINITY, last };
  let first = 0;
  while (x[first] === 0) first++;
  return { first, last };
}

/** From the first input on. */
const after = ({ first }: Reach): Reach => ({ first, last: Number.POSITIVE_INFINITY });
/** Up to the last gradient. */
const before = ({ last }: Reach): Reach => ({ first: 0, last });

/** `result`: rows from … length − 1 of y, [batch, heads, length − from, width]. Items: heads × pairs of columns. */
export const longConvolutionKernel = defineKernel(
  'long-convolution',
  { arrays: ['filter', 'values', 'result'], numbers: NUMBERS },
  (begin, end, { filter, values, result }, numbers) => {
    const { batch, heads, length, width, taps, valueRows, filterRows, from, size } = numbers;
    const fourier = fourierOf(size);
    const [H, Z] = [fourier.buffer(0), fourier.buffer(1)];
    for (let item = begin; item < end; item++) {
      const { head, column, isPair } = columnsAt(item, width);
      load(H, { data: filter, offset: head * filterRows * width + column, width, count: taps, isPair }, 0);
      fourier.forward(H);
      for (let entry = 0; entry < batch; entry++) {
        const sequence = entry * heads + head;
        load(Z, { data: values, offset: sequence * valueRows * width + column, width, count: length, isPair }, 0);
        const [real, imaginary] = [after(reachOf(Z.re)), after(reachOf(Z.im))];
        fourier.forward(Z);
        multiplySpectra(Z, Z, H, false, false);
        fourier.inverse(Z);
        const count = length - from;
        const rows = { data: result, offset: sequence * count * width + column, width, count, isPair };
        store(Z, rows, from, 1 / size, real, imaginary);
      }
    }
  },
);

/**
 * z̄_j = Σ_i h_{i−j} ȳ_i and h̄_t = Σ_i ȳ_i z_{i−t}, the latter added up over the batch, whichever are wanted; ȳ: `gradient`,
 * the rows from … of y. Items: heads × pairs of columns.
 */
export const longConvolutionGradientKernel = defineKernel(
  'long-convolution-gradient',
  { arrays: ['filter', 'values', 'gradient'], optional: ['ofFilter', 'ofValues'], numbers: NUMBERS },
  (begin, end, { filter, values, gradient, ofFilter, ofValues }, numbers) => {
    const { batch, heads, length, width, taps, valueRows, filterRows, from, size } = numbers;
    const fourier = fourierOf(size);
    const [H, Z, Y, sum] = [fourier.buffer(0), fourier.buffer(1), fourier.buffer(2), fourier.buffer(3)];
    for (let item = begin; item < end; item++) {
      const { head, column, isPair } = columnsAt(item, width);
      if (ofValues !== undefined) {
        load(H, { data: filter, offset: head * filterRows * width + column, width, count: taps, isPair }, 0);
        fourier.forward(H);
      }
      sum.re.fill(0);
      sum.im.fill(0);
      // The furthest that a gradient reaches back to a value, in each column.
      const [real, imaginary] = [
        { first: 0, last: -1 },
        { first: 0, last: -1 },
      ];
      for (let entry = 0; entry < batch; entry++) {
        const sequence = entry * heads + head;
        const count = length - from;
        load(Y, { data: gradient, offset: sequence * count * width + column, width, count, isPair }, from);
        const [y1, y2] = [reachOf(Y.re), reachOf(Y.im)];
        fourier.forward(Y);
        if (ofFilter !== undefined) {
          load(Z, { data: values, offset: sequence * valueRows * width + column, width, count: length, isPair }, 0);
          real.last = Math.max(real.last, y1.last - reachOf(Z.re).first);
          imaginary.last = Math.max(imaginary.last, y2.last - reachOf(Z.im).first);
          fourier.forward(Z);
          multiplySpectra(sum, Y, Z, true, true);
        }
        if (ofValues === undefined) continue;
        multiplySpectra(Y, Y, H, true, false);
        fourier.inverse(Y);
        const rows = { data: ofValues, offset: sequence * length * width + column, width, count: length, isPair };
        store(Y, rows, 0, 1 / size, before(y1), before(y2));
      }
      if (ofFilter === undefined) continue;
      fourier.inverse(sum);
      const ofHead = { data: ofFilter, offset: head * taps * width + column, width, count: taps, isPair };
      store(sum, ofHead, 0, 1 / size, real, imaginary);
    }
  },
);

/** The same y as sums of products in float64: faster for a few rows. Items: batch × heads × wanted rows. */
export const directConvolutionKernel = defineKernel(
  'long-convolution-direct',
  { arrays: ['filter', 'values', 'result'], numbers: NUMBERS },
  (begin, end, { filter, values, result }, { heads, length, width, taps, valueRows, filterRows, from }) => {
    const sums = new Float64Array(width);
    for (let item = begin; item < end; item++) {
      const sequence = Math.floor(item / (length - from));
      const row = from + (item % (length - from));
      sums.fill(0);
      for (let j = Math.max(0, row - taps + 1); j <= row; j++) {
        const z = (sequence * valueRows + j) * width;
        const h = ((sequence % heads) * filterRows + row - j) * width;
        for (let c = 0; c < width; c++) sums[c] += filter[h + c] * values[z + c];
      }
      for (let c = 0; c < width; c++) result[item * width + c] = sums[c];
    }
  },
);
