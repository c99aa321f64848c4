/**
 * The linear recurrence that reads with one vector what it takes out with another:
 *
 *     S_t = Ŝ_t − e_t x_tᵀ + k_t v_tᵀ,   x_t = Ŝ_tᵀ r_t,   Ŝ_t = a_t ∘ S_{t−1},   o_t = S_tᵀ q_t
 *
 * With the exponents of kernels/scan.ts, where A⁺ = e^B ∘ A and A⁻ = e^−B ∘ A for the rows A of a chunk (and with one decay for
 * each token the same products in the form that is given there):
 *
 *     X = R⁺ S + stril(R⁺ K⁻ᵀ) V − stril(R⁺ E⁻ᵀ) X
 *     O = Q⁺ S + tril(Q⁺ K⁻ᵀ) V − tril(Q⁺ E⁻ᵀ) X,   S ← S + K⁻ᵀ V − E⁻ᵀ X
 *
 * Its gradients take two walks. With D the gradient of the state from later tokens, and G that of the outputs, the walk from
 * the last token to the first (where K⁺ and Q⁻ decay in the other direction) gives
 *
 *     X̄ = −E⁺ D − tril(E⁺ Q⁻ᵀ) G − stril(E⁺ R⁻ᵀ) X̄,   D ← D + Q⁻ᵀ G + R⁻ᵀ X̄
 *     V̄ = K⁺ D + tril(K⁺ Q⁻ᵀ) G + stril(K⁺ R⁻ᵀ) X̄
 *     K̄⁻ = V Dᵀ + tril(V Gᵀ) Q⁻ + stril(V X̄ᵀ) R⁻,   Ē⁻ = −X Dᵀ − tril(X Gᵀ) Q⁻ − stril(X X̄ᵀ) R⁻
 *
 * and the walk from the first to the last
 *
 *     Q̄⁺ = G Sᵀ + tril(G Vᵀ) K⁻ − tril(G Xᵀ) E⁻,   R̄⁺ = X̄ Sᵀ + stril(X̄ Vᵀ) K⁻ − stril(X̄ Xᵀ) E⁻.
 */
import type { NumericArray } from '../memory.ts';
import { defineKernel } from './kernel.ts';
import { addPairs, CHUNK, solvePairs } from './scan-chunk.ts';
import { SCAN_NUMBERS } from './scan-steps.ts';
import { walkGroups } from './scan-walk.ts';
import { Scratch } from './scratch.ts';
import { multiplyTile, transposed } from './tile.ts';

const STRICT = { strict: true };
const LESS = { alpha: -1 };
const STRICT_LESS = { strict: true, alpha: -1 };

const scratch = new Scratch();

/** Factors of the rows of a chunk that change nothing. */
function onesLike(x: NumericArray): NumericArray {
  return scratch.get('ones', x, CHUNK).fill(1, 0, CHUNK);
}

/** The outputs, and X in `taken`. The states end as the final ones. Items: sequences. */
export const scanErasingKernel = defineKernel(
  'scan-erasing',
  {
    arrays: ['queries', 'keys', 'values', 'reads', 'erases', 'g', 'states', 'output', 'taken'],
    numbers: SCAN_NUMBERS,
  },
  (begin, end, { queries, keys, values, reads, erases, g, states, output, taken }, numbers) => {
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
        const reading = walk.reading('reading', reads);
        const right = walk.writing('right', keys);
        const erasing = walk.writing('erasing', erases);
        const v = walk.rowsOf(values, n);
        const x = walk.rowsOf(taken, n);
        multiplyTile(x, reading.outside, state, rows, n, m, 1, false);
        addPairs(x, reading.inside, right.inside, v, rows, m, n, sums, STRICT);
        solvePairs(x, x, reading.inside, erasing.inside, onesLike(values), rows, m, n, sums);
        const target = walk.rowsOf(output, n);
        multiplyTile(target, left.outside, state, rows, n, m, 1, false);
        addPairs(target, left.inside, right.inside, v, rows, m, n, sums);
        addPairs(target, left.inside, erasing.inside, x, rows, m, n, sums, LESS);
        walk.turn(state);
        multiplyTile(state, transposed(right.outside), v, m, n, rows, 1, true);
        multiplyTile(state, transposed(erasing.outside), x, m, n, rows, -1, true);
      },
      (walk, state) => walk.leave(state),
    );
  },
);

/** From the last token to the first (`reverse` is 1): gradients of keys, values, erases and X (`ofTaken`). Items: sequences. */
export const scanErasingKeysKernel = defineKernel(
  'scan-erasing-keys',
  {
    arrays: [
      'queries',
      'keys',
      'values',
      'reads',
      'erases',
      'taken',
      'g',
      'states',
      'gradient',
      'ofKeys',
      'ofValues',
      'ofErases',
      'ofTaken',
    ],
    numbers: SCAN_NUMBERS,
  },
  (begin, end, arrays, numbers) => {
    const { m, n } = numbers;
    walkGroups(
      begin,
      end,
      arrays.g,
      arrays.states,
      numbers,
      (walk, state) => {
        const { rows, sums } = walk;
        const erasing = walk.reading('erasing', arrays.erases);
        const left = walk.reading('left', arrays.keys);
        const right = walk.writing('right', arrays.queries);
        const reading = walk.writing('reading', arrays.reads);
        const vectors = walk.rowsOf(arrays.gradient, n);
        const v = walk.across('values', arrays.values, n);
        const x = walk.across('taken', arrays.taken, n);

        const ofTaken = walk.rowsOf(arrays.ofTaken, n);
        multiplyTile(ofTaken, erasing.outside, state, rows, n, m, -1, false);
        addPairs(ofTaken, erasing.inside, right.inside, vectors, rows, m, n, sums, LESS);
        solvePairs(ofTaken, ofTaken, erasing.inside, reading.inside, onesLike(arrays.values), rows, m, n, sums);

        const ofValues = walk.rowsOf(arrays.ofValues, n);
        multiplyTile(ofValues, left.outside, state, rows, n, m, 1, false);
        addPairs(ofValues, left.inside, right.inside, vectors, rows, m, n, sums);
        addPairs(ofValues, left.inside, reading.inside, ofTaken, rows, m, n, sums, STRICT);

        const ofKeys = walk.rowsOf(arrays.ofKeys, m);
        multiplyTile(ofKeys, v.outside, transposed(state), rows, m, n, 1, false);
        addPairs(ofKeys, v.inside, vectors, right.inside, rows, n, m, sums);
        addPairs(ofKeys, v.inside, ofTaken, reading.inside, rows, n, m, sums, STRICT);
        walk.scale(ofKeys);

        const ofErases = walk.rowsOf(arrays.ofErases, m);
        multiplyTile(ofErases, x.outside, transposed(state), rows, m, n, -1, false);
        addPairs(ofErases, x.inside, vectors, right.inside, rows, n, m, sums, LESS);
        addPairs(ofErases, x.inside, ofTaken, reading.inside, rows, n, m, sums, STRICT_LESS);
        walk.scale(ofErases);

        walk.turn(state);
        multiplyTile(state, transposed(right.outside), vectors, m, n, rows, 1, true);
        multiplyTile(state, transposed(reading.outside), ofTaken, m, n, rows, 1, true);
      },
      (walk, state) => walk.leave(state),
    );
  },
);

/** From the first token to the last: gradients of queries and reads. Items: sequences. */
export const scanErasingQueriesKernel = defineKernel(
  'scan-erasing-queries',
  {
    arrays: ['keys', 'values', 'erases', 'taken', 'g', 'states', 'gradient', 'ofTaken', 'ofQueries', 'ofReads'],
    numbers: SCAN_NUMBERS,
  },
  (begin, end, arrays, numbers) => {
    const { m, n } = numbers;
    walkGroups(begin, end, arrays.g, arrays.states, numbers, (walk, state) => {
      const { rows, sums } = walk;
      const right = walk.writing('right', arrays.keys);
      const erasing = walk.writing('erasing', arrays.erases);
      const [v, x] = [arrays.values, arrays.taken].map((each) => walk.rowsOf(each, n));

      const vectors = walk.across('gradient', arrays.gradient, n);
      const ofQueries = walk.rowsOf(arrays.ofQueries, m);
      multiplyTile(ofQueries, vectors.outside, transposed(state), rows, m, n, 1, false);
      addPairs(ofQueries, vectors.inside, v, right.inside, rows, n, m, sums);
      addPairs(ofQueries, vectors.inside, x, erasing.inside, rows, n, m, sums, LESS);
      walk.scale(ofQueries);

      const ofTaken = walk.across('ofTaken', arrays.ofTaken, n);
      const ofReads = walk.rowsOf(arrays.ofReads, m);
      multiplyTile(ofReads, ofTaken.outside, transposed(state), rows, m, n, 1, false);
      addPairs(ofReads, ofTaken.inside, v, right.inside, rows, n, m, sums, STRICT);
      addPairs(ofReads, ofTaken.inside, x, erasing.inside, rows, n, m, sums, STRICT_LESS);
      walk.scale(ofReads);

      walk.turn(state);
      multiplyTile(state, transposed(right.outside), v, m, n, rows, 1, true);
      multiplyTile(state, transposed(erasing.outside), x, m, n, rows, -1, true);
    });
  },
);
