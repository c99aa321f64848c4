/**
 * The linear recurrence S_t = a_t ∘ S_{t−1} + k_t u_tᵀ, o_t = S_tᵀ q_t, where u_t = v_t, or with a delta rule
 * β_t (v_t − (a_t ∘ S_{t−1})ᵀ k_t): the value that the state already holds for k_t is removed before v_t is written. Decays a
 * are given by their logarithms g ≤ 0: none, one for each token, or one for each channel (row of S) too.
 *
 * Within a chunk, let B_i be the sum of g from after its first place up to place i, S the state decayed to the first place,
 * Q⁺ = e^B ∘ Q, K⁺ = e^B ∘ K and K⁻ = e^−B ∘ K:
 *
 *     O = Q⁺ S + tril(Q⁺ K⁻ᵀ) U,   U = β (V − K⁺ S − stril(K⁺ K⁻ᵀ) U),   S ← S + K⁻ᵀ U,
 *
 * and the rest of B decays S at the next chunk. Only K⁻ could overflow, so a chunk ends where B would be under −REACH.
 *
 * With one decay for each token B_i is a number, and no power above 1 is needed, however strong the decay: with n the last place,
 *
 *     O = Q⁺ S + (E ∘ Q Kᵀ) U,   E_ij = e^{B_i − B_j} for j ≤ i, else 0,   S ← e^{B_n} S + (e^{B_n − B} ∘ K)ᵀ U.
 */
import type { NumericArray } from '../memory.ts';
import { mixRows } from './feature-rows.ts';
import { defineKernel } from './kernel.ts';
import { addPairs, CHUNK, solvePairs } from './scan-chunk.ts';
import { readGroups, sumGroups } from './scan-groups.ts';
import { addSteps, SCAN_NUMBERS } from './scan-steps.ts';
import { Walk, walkGroups } from './scan-walk.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { type Block, block, multiplyTile, transposed } from './tile.ts';

/** Channels that make one item of a fold. */
export const FOLD_CHANNELS = 16;

const scratch = new Scratch();

/**
 * The state that each group would leave without the groups before it, and its decay, stored one slot further, in states
 * [slots, sequences, m, n] and totals [slots, sequences, decays]. Not for a delta rule. Items: groups × sequences.
 */
export const scanSumsKernel = defineKernel(
  'scan-sums',
  { arrays: ['keys', 'values', 'g', 'states', 'totals'], numbers: SCAN_NUMBERS },
  (begin, end, arrays, numbers) => {
    if (sumGroups(begin, end, arrays, numbers)) return;
    const { keys, values, g, states, totals } = arrays;
    const { sequences, m, n, first, decays } = numbers;
    const walk = new Walk(g, numbers);
    for (let item = begin; item < end; item++) {
      const [sequence, group] = [item % sequences, first + Math.floor(item / sequences)];
      const slot = item + sequences;
      const state = block(states, slot * m * n, n);
      walk.begin(sequence, group);
      for (let isEmpty = true; walk.next(isEmpty ? null : state); isEmpty = false) {
        const { outside } = walk.writing('right', keys);
        if (!isEmpty) walk.turn(state);
        multiplyTile(state, transposed(outside), walk.rowsOf(values, n), m, n, walk.rows, 1, !isEmpty);
      }
      walk.settle(state);
      addSteps(totals, slot * decays, g, sequence, group, numbers);
    }
  },
);

/** Turns each slot into the state after all groups before it. Items: sequences × blocks of channels. */
export const scanFoldKernel = defineKernel(
  'scan-fold',
  { arrays: ['states', 'totals'], numbers: ['sequences', 'm', 'n', 'slots', 'decays'] },
  (begin, end, { states, totals }, { sequences, m, n, slots, decays }) => {
    const blocks = Math.ceil(m / FOLD_CHANNELS);
    const ones = scratch.get('ones', states, FOLD_CHANNELS).fill(1);
    const kept = scratch.get('kept', states, FOLD_CHANNELS);
    for (let item = begin; item < end; item++) {
      const sequence = Math.floor(item / blocks);
      const first = (item % blocks) * FOLD_CHANNELS;
      const count = Math.min(FOLD_CHANNELS, m - first);
      for (let slot = 1; slot < slots; slot++) {
        const own = slot * sequences + sequence;
        const from = ((own - sequences) * m + first) * n;
        let forgotten = 0;
        for (let f = 0; f < count; f++) {
          kept[f] = decays === 0 ? 1 : Math.exp(totals[own * decays + (decays === 1 ? 0 : first + f)]);
          if (kept[f] === 0) forgotten++;
        }
        const to = (own * m + first) * n;
        if (forgotten === 0) mixRows(states, to, ones, from, kept, count, n);
        else addKept(states, to, from, kept, count, n);
      }
    }
  },
);

/**
 * The outputs. With a delta rule (`beta`), `missing` receives v_t − (a_t ∘ S_{t−1})ᵀ k_t. The slot of the last group of a
 * sequence ends as the final state. Items: groups × sequences.
 */
export const scanKernel = defineKernel(
  'scan',
  {
    arrays: ['queries', 'keys', 'values', 'g', 'states', 'output'],
    optional: ['beta', 'missing'],
    numbers: SCAN_NUMBERS,
  },
  (begin, end, arrays, numbers) => {
    const { queries, keys, values, g, states, output, beta, missing } = arrays;
    if (beta === undefined && readGroups(begin, end, arrays, numbers)) return;
    const { m, n } = numbers;
    walkGroups(
      begin,
      end,
      g,
      states,
      numbers,
      (walk, state) => {
        const { rows, sums } = walk;
        const left = walk.reading('left', queries);
        const right = walk.writing('right', keys);
        let u = walk.rowsOf(values, n);
        if (beta !== undefined && missing !== undefined) {
          const reading = walk.reading('reading', keys);
          const x = walk.rowsOf(missing, n);
          copyRows(x, u, rows, n);
          multiplyTile(x, reading.outside, state, rows, n, m, -1, true);
          u = block(scratch.get('written', values, CHUNK * n), 0, n);
          solvePairs(x, u, reading.inside, right.inside, walk.numbersOf(beta), rows, m, n, sums);
        }
        const target = walk.rowsOf(output, n);
        multiplyTile(target, left.outside, state, rows, n, m, 1, false);
        addPairs(target, left.inside, right.inside, u, rows, m, n, sums);
        if (!walk.goesOn) return;
        walk.turn(state);
        multiplyTile(state, transposed(right.outside), u, m, n, rows, 1, true);
      },
      (walk, state) => walk.leave(state),
    );
  },
);

/** Rows one after another: to_r += kept[r] from_r, but nothing of a row that is forgotten, even if it was not finite. */
function addKept(x: NumericArray, to: number, from: number, kept: NumericArray, rows: number, count: number): void {
  for (let r = 0; r < rows; r++) {
    if (kept[r] === 0) continue;
    for (let i = r * count; i < (r + 1) * count; i++) x[to + i] += kept[r] * x[from + i];
  }
}

function copyRows(to: Block, from: Block, rows: number, columns: number): void {
  const fast = vectorKernels();
  if (fast !== null && isOnHeap(to.data) && isOnHeap(from.data)) {
    const source = from.data.byteOffset + 4 * from.offset;
    fast.copyRows(source, from.rowStride, to.data.byteOffset + 4 * to.offset, to.rowStride, rows, columns);
    return;
  }
  for (let r = 0; r < rows; r++) {
    const [target, source] = [to.offset + r * to.rowStride, from.offset + r * from.rowStride];
    for (let c = 0; c < columns; c++) to.data[target + c] = from.data[source + c];
  }
}
