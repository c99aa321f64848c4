/**
 * The causal scan r_i = Σ_{j ≤ i} (a_i · b_j) c_j, by way of its state S_i = Σ_{j ≤ i} b_j c_jᵀ, an m × n matrix:
 * r_i = S_iᵀ a_i. A sequence is cut into groups, which are independent items, and a group into chunks. Three kernels run
 * one after the other: what each group adds to the state; the sum of that over all groups before; and, from there, the
 * results, chunk by chunk. Within a chunk the pairs j ≤ i meet directly. The cuts depend on the extents alone, so the
 * bits do not depend on the number of threads.
 *
 * Places are counted in walking order: a reverse scan (j ≥ i) walks the same rows from the last one on.
 */
import type { NumericArray } from '../memory.ts';
import { VECTOR_OPERATIONS } from './elementwise.ts';
import { defineKernel } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, multiplyTile, transposed } from './tile.ts';

/** Places that meet directly. The longer, the fewer updates of the state and the more pairs. */
const CHUNK = 32;
/** Places of a chunk that share one product with the pairs up to the last of them. */
const STRIP = 8;
/** Entries of a state that make one item of the sum over groups. */
export const STATE_PIECE = 1024;

const ADD = VECTOR_OPERATIONS.indexOf('add');

const scratch = new Scratch();

/** What all three kernels are told, in this order. */
export type ScanNumbers = readonly [
  length: number,
  /** Width of a and b. */
  m: number,
  /** Width of c and of the result. */
  n: number,
  groups: number,
  /** 1 to walk from the last row to the first. */
  reverse: number,
];

/**
 * Places of a group. No shorter than the smaller side of a state, so that the states of all groups take no more memory
 * than a, b and c.
 */
export function scanGroup(m: number, n: number): number {
  return Math.ceil(Math.max(256, Math.min(m, n)) / CHUNK) * CHUNK;
}

/** The rows of a sequence from a place on, in walking order. */
function rowsFrom(
  data: NumericArray,
  sequence: number,
  length: number,
  width: number,
  place: number,
  reverse: number,
): Block {
  const row = reverse ? length - 1 - place : place;
  return block(data, (sequence * length + row) * width, reverse ? -width : width);
}

/**
 * Σ b_j c_jᵀ over every group but the last, put where the group after it will look for it. arrays: b, c, states
 * [sequences, groups, m, n]. Items: sequences × (groups − 1).
 */
export const scanStatesKernel = defineKernel('scan-states', (begin, end, [b, c, states], numbers) => {
  const [length, m, n, groups, reverse] = numbers as unknown as ScanNumbers;
  const size = scanGroup(m, n);
  for (let item = begin; item < end; item++) {
    const sequence = Math.floor(item / (groups - 1));
    const group = item % (groups - 1);
    const state = block(states, (sequence * groups + group + 1) * m * n, n);
    for (let place = group * size; place < (group + 1) * size; place += CHUNK) {
      const right = rowsFrom(c, sequence, length, n, place, reverse);
      const left = transposed(rowsFrom(b, sequence, length, m, place, reverse));
      multiplyTile(state, left, right, m, n, CHUNK, 1, place > group * size);
    }
  }
});

/** Each group's state becomes the sum of it and all before. arrays: states. Items: sequences × pieces of a state. */
export const scanPrefixKernel = defineKernel('scan-prefix', (begin, end, [states], numbers) => {
  const [, m, n, groups] = numbers as unknown as ScanNumbers;
  const entries = m * n;
  const pieces = Math.ceil(entries / STATE_PIECE);
  const fast = isOnHeap(states) ? vectorKernels() : null;
  for (let item = begin; item < end; item++) {
    const first = Math.floor(item / pieces) * groups * entries + (item % pieces) * STATE_PIECE;
    const count = Math.min(STATE_PIECE, entries - (item % pieces) * STATE_PIECE);
    for (let group = 2; group < groups; group++) {
      const at = first + group * entries;
      if (fast !== null) {
        const to = states.byteOffset + 4 * at;
        fast.binary(ADD, to, 1, 0, to - 4 * entries, 1, 0, to, 1, count);
      } else for (let i = at; i < at + count; i++) states[i] += states[i - entries];
    }
  }
});

/**
 * arrays: a, b, c, states, result. Items: sequences × groups. The state of a group is its own to go on with; that of
 * the first one starts unset.
 */
export const scanKernel = defineKernel('scan', (begin, end, [a, b, c, states, result], numbers) => {
  const [length, m, n, groups, reverse] = numbers as unknown as ScanNumbers;
  const size = scanGroup(m, n);
  const pairs = scratch.get('pairs', a, STRIP * CHUNK);
  for (let item = begin; item < end; item++) {
    const sequence = Math.floor(item / groups);
    const group = item % groups;
    const state = block(states, item * m * n, n);
    const last = Math.min(length, (group + 1) * size);
    for (let place = group * size; place < last; place += CHUNK) {
      const rows = Math.min(CHUNK, last - place);
      const hasState = place > 0;
      const left = rowsFrom(a, sequence, length, m, place, reverse);
      const middle = rowsFrom(b, sequence, length, m, place, reverse);
      const right = rowsFrom(c, sequence, length, n, place, reverse);
      const target = rowsFrom(result, sequence, length, n, place, reverse);
      if (hasState) multiplyTile(target, left, state, rows, n, m, 1, false);
      addPairs(target, left, middle, right, pairs, rows, m, n, hasState);
      if (place + CHUNK < last) multiplyTile(state, transposed(middle), right, m, n, rows, 1, hasState);
    }
  }
});

/** target_i += or = Σ_{j ≤ i} (left_i · middle_j) right_j for the rows of one chunk. */
function addPairs(
  target: Block,
  left: Block,
  middle: Block,
  right: Block,
  pairs: NumericArray,
  rows: number,
  m: number,
  n: number,
  accumulate: boolean,
): void {
  for (let row = 0; row < rows; row += STRIP) {
    const count = Math.min(STRIP, rows - row);
    const columns = row + count;
    multiplyTile(block(pairs, 0, CHUNK), rowsOf(left, row), transposed(middle), count, columns, m, 1, false);
    for (let i = 0; i < count; i++) pairs.fill(0, i * CHUNK + row + i + 1, i * CHUNK + columns);
    multiplyTile(rowsOf(target, row), block(pairs, 0, CHUNK), right, count, n, columns, 1, accumulate);
  }
}

/** The same block from another row on. */
function rowsOf({ data, offset, rowStride, columnStride }: Block, row: number): Block {
  return block(data, offset + row * rowStride, rowStride, columnStride);
}
