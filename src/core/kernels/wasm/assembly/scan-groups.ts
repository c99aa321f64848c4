/**
 * Groups of scans without a delta rule, with one decay for each token or none: the twins of the walks of scanSumsKernel and
 * scanKernel in kernels/scan.ts, without a call for each step of a chunk. Places are counted as there. `sums` are float64, all else
 * is float32 or a list of int32.
 */
import { decayRows, exponential } from './scan-decay';
import { addPairs } from './scan-pairs';
import { packPanels } from './panels';
import { byRows } from './tile-rows';
import { at } from './vector';

/** Places of a chunk, and the most that one may decay (SINGLE_REACH of kernels/scan-walk.ts). */
const CHUNK = 32;
const REACH: f64 = 1e6;
/** The exponential of less is 0 in float64. */
const NOTHING: f64 = -745.2;

// @ts-ignore: decorator
@inline
function read(table: usize, index: i32): i32 {
  return load<i32>(at(table, index));
}

/** The decay on the way to a place: backwards that of the row before, and the first place has none. */
// @ts-ignore: decorator
@inline
function stepTo(g: usize, sequence: i32, length: i32, place: i32, reverse: bool): f64 {
  if (reverse && place == 0) return 0;
  return <f64>load<f32>(at(g, sequence * length + (reverse ? length - place : place)));
}

/** Sets the sums of a chunk of at most that many places, and returns how many are within reach. */
function sumUp(sums: usize, g: usize, sequence: i32, length: i32, place: i32, most: i32, reverse: bool): i32 {
  let sum: f64 = 0;
  store<f64>(sums, 0);
  for (let row = 1; row < most; row++) {
    sum += stepTo(g, sequence, length, place + row, reverse);
    // Written so that NaN ends a chunk.
    if (!(sum >= -REACH)) return row;
    store<f64>(sums + ((<usize>row) << 3), sum);
  }
  return most;
}

/** The state times e^sum; what is forgotten is gone, even if it was not finite. */
function decayState(state: usize, sum: f64, count: i32): void {
  const both = f64x2.splat(max(sum, NOTHING));
  const factor = exponential(both, both);
  const single = f32x4.extract_lane(factor, 0);
  if (single == 1) return;
  if (single == 0) {
    memory.fill(state, 0, (<usize>count) << 2);
    return;
  }
  const vectors = count & ~3;
  for (let c = 0; c < vectors; c += 4) v128.store(at(state, c), f32x4.mul(factor, v128.load(at(state, c))));
  for (let c = vectors; c < count; c++) store<f32>(at(state, c), single * load<f32>(at(state, c)));
}

/** Adds rows of keys, times what is left of them at the end of the chunk, and values to the state, or puts them there. */
// @ts-ignore: decorator
@inline
function write(
  state: usize,
  keys: usize,
  values: usize,
  direction: i32,
  sums: usize,
  scaled: usize,
  rows: i32,
  m: i32,
  n: i32,
  accumulate: bool,
): void {
  let left = keys;
  let row = direction * m;
  if (sums != 0) {
    decayRows(keys, row, sums, load<f64>(sums + ((<usize>(rows - 1)) << 3)), -1, scaled, rows, m);
    left = scaled;
    row = m;
  }
  byRows(state, n, left, 1, row, values, direction * n, 32, m, n, rows, 1, accumulate);
}

/** The loop of scanSumsKernel. The table: keys, values, g, states from the second slot on, totals likewise, sums, scaled, and the numbers. */
export function scanSumGroups(table: usize, begin: i32, end: i32): void {
  const keys = <usize>read(table, 0);
  const values = <usize>read(table, 1);
  const g = <usize>read(table, 2);
  const states = <usize>read(table, 3);
  const totals = <usize>read(table, 4);
  const scaled = <usize>read(table, 6);
  const sequences = read(table, 7);
  const length = read(table, 8);
  const m = read(table, 9);
  const n = read(table, 10);
  const size = read(table, 11);
  const first = read(table, 12);
  const decays = read(table, 13);
  const reverse = read(table, 14) != 0;
  const sums = decays == 0 ? 0 : <usize>read(table, 5);
  const direction = reverse ? -1 : 1;
  const groups = (length + size - 1) / size;
  for (let item = begin; item < end; item++) {
    const sequence = item % sequences;
    const group = first + item / sequences;
    const state = at(states, item * m * n);
    const before = (groups - 1 - group) * size;
    let place = reverse ? max(0, length - before - size) : group * size;
    const last = reverse ? length - before : min(length, (group + 1) * size);
    let total: f64 = 0;
    for (let p = place; p < last && decays > 0; p++) total += stepTo(g, sequence, length, p, reverse);
    if (decays > 0) store<f32>(at(totals, item), <f32>total);
    for (let isEmpty = true; place < last; isEmpty = false) {
      let rows = min(CHUNK, last - place);
      if (sums != 0) {
        const rest = stepTo(g, sequence, length, place, reverse);
        rows = sumUp(sums, g, sequence, length, place, rows, reverse);
        if (!isEmpty) {
          decayState(state, rest + load<f64>(sums + ((<usize>(rows - 1)) << 3)), m * n);
        }
      }
      const row = sequence * length + (reverse ? length - 1 - place : place);
      write(state, at(keys, row * m), at(values, row * n), direction, sums, scaled, rows, m, n, !isEmpty);
      place += rows;
    }
  }
}

/**
 * The loop of scanKernel. The table: queries, keys, values, g, states, output, sums, scaled, panels, pairs, and the numbers but the
 * direction, which is that of the rows.
 */
export function scanGroups(table: usize, begin: i32, end: i32): void {
  const queries = <usize>read(table, 0);
  const keys = <usize>read(table, 1);
  const values = <usize>read(table, 2);
  const g = <usize>read(table, 3);
  const states = <usize>read(table, 4);
  const output = <usize>read(table, 5);
  const scaled = <usize>read(table, 7);
  const panels = <usize>read(table, 8);
  const pairs = <usize>read(table, 9);
  const sequences = read(table, 10);
  const length = read(table, 11);
  const m = read(table, 12);
  const n = read(table, 13);
  const size = read(table, 14);
  const first = read(table, 15);
  const sums = read(table, 16) == 0 ? 0 : <usize>read(table, 6);
  for (let item = begin; item < end; item++) {
    const sequence = item % sequences;
    const group = first + item / sequences;
    const state = at(states, item * m * n);
    const last = min(length, (group + 1) * size);
    for (let place = group * size; place < last; ) {
      let rows = min(CHUNK, last - place);
      const row = sequence * length + place;
      const own = at(queries, row * m);
      const key = at(keys, row * m);
      const value = at(values, row * n);
      const to = at(output, row * n);
      let rest: f64 = 0;
      let reading = own;
      if (sums != 0) {
        rest = stepTo(g, sequence, length, place, false);
        if (rest < NOTHING) {
          decayState(state, -Infinity, m * n);
          rest = 0;
        }
        rows = sumUp(sums, g, sequence, length, place, rows, false);
        decayRows(own, m, sums, -rest, 1, scaled, rows, m);
        reading = scaled;
      }
      byRows(to, n, reading, m, 1, state, n, 32, rows, n, m, 1, false);
      packPanels(panels, key, 1, m, m, rows);
      addPairs(to, n, own, m, panels, value, n, pairs, CHUNK, rows, m, n, sums, false, 1, 0, 0, 0);
      place += rows;
      // What is left is read again by the next chunk, or after the last group as the final state.
      if (place < last || place == length) {
        if (sums != 0) decayState(state, rest + load<f64>(sums + ((<usize>(rows - 1)) << 3)), m * n);
        write(state, key, value, 1, sums, scaled, rows, m, n, true);
      }
    }
  }
}
