/**
 * Attention by features e^a of queries and e^b of keys, for exponents of any size. The sums over keys come first,
 *
 *     o_i = Σ_f e^{a_if} S_f / Σ_f e^{a_if} z_f,   S_f = Σ_j e^{b_jf + c_j} v_jᵀ,   z_f = Σ_j e^{b_jf + c_j} t_j,
 *
 * and each channel f has its own scale μ_f: the sums are stored as e^−μ_f S_f and e^−μ_f z_f, where μ_f is about the largest
 * exponent in them. Then no sum overflows, and z_f is about 1 or more where t = 1. A query multiplies its numerator and
 * denominator by e^−r_i, where r_i is about max_f (a_if + μ_f), so its denominator is about 1 or more. One scale for all channels would not be enough: where
 * vectors are long, the features that a query and a key share may be far below the largest of either.
 *
 * Both sides of the attention have the same four arrays: rows x [length, m], shifts c [length] (one for all channels of a
 * token; −∞ for a masked token), vectors v [length, n] and weights t [length]. The exponents are x, or log φ(x) for another
 * φ(x) than e^x (kernels/feature-maps.ts). Keys write into the sums and queries read
 * them; in the backward pass they change roles.
 */
import type { NumericArray } from '../memory.ts';
import { mapOf } from './feature-maps.ts';
import { addWeightedRows, mixRows } from './feature-rows.ts';
import { defineKernel, type KernelArrays, type KernelNumbers } from './kernel.ts';
import { CHUNK, rowAt, rowsFrom, scanGroup } from './scan-chunk.ts';
import { Scratch } from './scratch.ts';
import { type Block, block, multiplyTile, transposed } from './tile.ts';

/** The scale of an empty sum. Not −∞, because −∞ − (−∞) is NaN. A float32 holds it exactly. */
export const NOTHING = -(2 ** 100);
/**
 * A chunk ends before a writer whose exponent exceeds its scale by more than this. Scales rise only where chunks begin, so
 * that a reader's result does not depend on later tokens.
 */
const REACH = 20;
/** Channels of one item of a fold. */
export const FOLD_CHANNELS = 16;

const scratch = new Scratch();

/**
 * The writers, and the state for each group of them: slot after slot [sequences, m, n] of sums, [sequences, m] of the others.
 * Shifts and scales are float64: exponents may be large and nearly cancel.
 */
export const WRITER_ARRAYS = ['writers', 'writerShifts', 'writerVectors', 'writerWeights'] as const;
export const STATE_ARRAYS = ['sums', 'totals', 'scales'] as const;
/** `length` of a side; `map`: its φ, of FEATURE_MAPS; `reverse`: 1 to walk from the last row to the first. */
export const FEATURE_NUMBERS = ['sequences', 'length', 'm', 'n', 'map', 'reverse'] as const;

export type Writers = KernelArrays<(typeof WRITER_ARRAYS)[number], never>;
export type States = KernelArrays<(typeof STATE_ARRAYS)[number], never>;
export type FeatureNumbers = KernelNumbers<(typeof FEATURE_NUMBERS)[number]>;

/** Sums of one sequence and their scales, at their places in the arrays of all sequences. */
export interface State {
  sums: Block;
  totals: NumericArray;
  scales: NumericArray;
  /** Of totals and scales. */
  at: number;
}

export function stateOf({ sums, totals, scales }: States, slot: number, { m, n }: FeatureNumbers): State {
  return { sums: block(sums, slot * m * n, n), totals, scales, at: slot * m };
}

/** Writers of a chunk: φ(x) e^(c − μ), vectors and weights, with zeros for masked tokens; weights up to CHUNK. */
export interface Written {
  rows: number;
  right: Block;
  vectors: Block;
  weights: NumericArray;
}

/** The scales relative to the largest of them, in the type of the exponents. */
export interface CentredScales {
  scales: NumericArray;
  largest: number;
}

export function centred({ sums, scales, at }: State, { m }: FeatureNumbers): CentredScales {
  const target = scratch.get('scales', sums.data, m);
  let largest = Number.NEGATIVE_INFINITY;
  for (let f = at; f < at + m; f++) if (scales[f] > largest) largest = scales[f];
  for (let f = 0; f < m; f++) target[f] = scales[at + f] - largest;
  return { scales: target, largest };
}

/** Takes writers from a place on, at most CHUNK, up to the first one out of reach of the scales. */
export function takeWriters(
  { writers, writerShifts, writerVectors, writerWeights }: Writers,
  { scales, largest: base }: CentredScales,
  sequence: number,
  place: number,
  last: number,
  { length, m, n, map, reverse }: FeatureNumbers,
): Written {
  const right = scratch.get('right', writers, CHUNK * m);
  const weights = scratch.get('weights', writers, CHUNK);
  const shifts = scratch.get('shifts', writers, CHUNK);
  const most = Math.min(CHUNK, last - place);
  for (let r = 0; r < most; r++) {
    shifts[r] = writerShifts[sequence * length + rowAt(place + r, length, reverse)] - base;
  }
  const x = rowsFrom(writers, sequence, length, m, place, reverse);
  const rows = mapOf(map).powersOfSums(x, scales, -1, shifts, right, most, m, REACH);
  let absent = 0;
  for (let r = 0; r < rows; r++) {
    const isThere = shifts[r] !== Number.NEGATIVE_INFINITY;
    weights[r] = isThere ? writerWeights[sequence * length + rowAt(place + r, length, reverse)] : 0;
    if (!isThere) absent++;
  }
  for (let r = rows; r < CHUNK; r++) weights[r] = 0;
  let vectors = rowsFrom(writerVectors, sequence, length, n, place, reverse);
  if (absent > 0) {
    const present = scratch.get('vectors', writers, CHUNK * n);
    for (let r = 0; r < rows; r++) {
      const from = vectors.offset + r * vectors.rowStride;
      const isThere = shifts[r] !== Number.NEGATIVE_INFINITY;
      for (let c = 0; c < n; c++) present[r * n + c] = isThere ? writerVectors[from + c] : 0;
    }
    vectors = block(present, 0, n);
  }
  return { rows, right: block(right, 0, m), vectors, weights };
}

/** Adds the writers of a chunk to the state. */
export function write(
  { sums, totals, at }: State,
  { rows, right, vectors, weights }: Written,
  { m, n }: FeatureNumbers,
): void {
  multiplyTile(sums, transposed(right), vectors, m, n, rows, 1, true);
  addWeightedRows(right.data, weights, totals, at, rows, m);
}

/** Raises the scales to the exponents of the writer at a place, and rescales the sums to match. */
export function raiseScales(
  { writers, writerShifts }: Writers,
  { sums, totals, scales, at }: State,
  sequence: number,
  place: number,
  { length, m, n, map, reverse }: FeatureNumbers,
): void {
  const row = sequence * length + rowAt(place, length, reverse);
  const shift = writerShifts[row];
  if (shift === Number.NEGATIVE_INFINITY) return;
  const { logOf } = mapOf(map);
  for (let f = 0; f < m; f++) {
    const x = writers[row * m + f];
    const before = scales[at + f];
    // No logarithm of φ is above x.
    if (!(x + shift > before)) continue;
    const exponent = logOf(x) + shift;
    if (!(exponent > before)) continue;
    scales[at + f] = exponent;
    const factor = Math.exp(before - scales[at + f]);
    totals[at + f] *= factor;
    const start = sums.offset + f * n;
    for (let c = start; c < start + n; c++) sums.data[c] *= factor;
  }
}

/** Sets the scales to the largest exponents of the writers from a place to another. */
function setScales(
  { writers, writerShifts }: Writers,
  { scales, at }: State,
  sequence: number,
  first: number,
  last: number,
  { length, m, map, reverse }: FeatureNumbers,
): void {
  const start = sequence * length + rowAt(first, length, reverse);
  const step = reverse ? -1 : 1;
  let base = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < last - first; i++) {
    const shift = writerShifts[start + step * i];
    if (shift > base) base = shift;
  }
  scales.fill(NOTHING, at, at + m);
  if (base === Number.NEGATIVE_INFINITY) return;
  // Relative to the largest shift, so that they are as exact as the exponents are.
  const relative = scratch.get('relative', writers, m);
  const shifts = scratch.get('shifts', writers, CHUNK);
  relative.fill(NOTHING, 0, m);
  for (let place = first; place < last; place += CHUNK) {
    const rows = Math.min(CHUNK, last - place);
    for (let r = 0; r < rows; r++) shifts[r] = writerShifts[start + step * (place - first + r)] - base;
    mapOf(map).raiseToSums(rowsFrom(writers, sequence, length, m, place, reverse), shifts, relative, rows, m);
  }
  for (let f = 0; f < m; f++) scales[at + f] = relative[f] === NOTHING ? NOTHING : relative[f] + base;
}

/** Each group's own sums, stored one slot further. Items: groups × sequences. */
export const featureSumsKernel = defineKernel(
  'feature-sums',
  { arrays: [...WRITER_ARRAYS, ...STATE_ARRAYS], numbers: FEATURE_NUMBERS },
  (begin, end, arrays, numbers) => {
    const { sequences, length, m, n } = numbers;
    const size = scanGroup(m, n);
    for (let item = begin; item < end; item++) {
      const sequence = item % sequences;
      const state = stateOf(arrays, item + sequences, numbers);
      const first = Math.floor(item / sequences) * size;
      const last = Math.min(length, first + size);
      const { sums, totals, at } = state;
      sums.data.fill(0, sums.offset, sums.offset + m * n);
      totals.fill(0, at, at + m);
      setScales(arrays, state, sequence, first, last, numbers);
      const relative = centred(state, numbers);
      for (let place = first; place < last; ) {
        const written = takeWriters(arrays, relative, sequence, place, last, numbers);
        write(state, written, numbers);
        place += written.rows;
      }
    }
  },
);

/** Adds to each slot all slots before it. Items: sequences × blocks of channels. */
export const featureFoldKernel = defineKernel(
  'feature-fold',
  { arrays: STATE_ARRAYS, numbers: ['sequences', 'm', 'n', 'slots'] },
  (begin, end, { sums, totals, scales }, { sequences, m, n, slots }) => {
    const blocks = Math.ceil(m / FOLD_CHANNELS);
    const [kept, own] = ['kept', 'own'].map((name) => scratch.get(name, sums, FOLD_CHANNELS));
    for (let item = begin; item < end; item++) {
      const sequence = Math.floor(item / blocks);
      const first = (item % blocks) * FOLD_CHANNELS;
      for (let slot = 1; slot < slots; slot++) {
        const count = Math.min(FOLD_CHANNELS, m - first);
        const to = (slot * sequences + sequence) * m + first;
        const from = to - sequences * m;
        for (let f = 0; f < count; f++) {
          const scale = Math.max(scales[from + f], scales[to + f]);
          kept[f] = Math.exp(scales[from + f] - scale);
          own[f] = Math.exp(scales[to + f] - scale);
          scales[to + f] = scale;
          totals[to + f] = own[f] * totals[to + f] + kept[f] * totals[from + f];
        }
        mixRows(sums, to * n, own, from * n, kept, count, n);
      }
    }
  },
);
