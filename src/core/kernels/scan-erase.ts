/**
 * The linear recurrence that reads with one vector what it takes out with another:
 *
 *     S_t = Ŝ_t − e_t x_tᵀ + k_t v_tᵀ,   x_t = Ŝ_tᵀ r_t,   Ŝ_t = a_t ∘ S_{t−1},   o_t = S_tᵀ q_t
 *
 * With the exponents of kernels/scan.ts, where A⁺ = e^B ∘ A and A⁻ = e^−B ∘ A for the rows A of a chunk:
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
import { defineKernel } from './kernel.ts';
import { addPairs, solvePairs } from './scan-chunk.ts';
import { SCAN_NUMBERS, walkGroups } from './scan-walk.ts';
import { multiplyTile, transposed } from './tile.ts';

const STRICT = { strict: true };
const LESS = { alpha: -1 };
const STRICT_LESS = { strict: true, alpha: -1 };

const one = () => 1;

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
        const { rows } = walk;
        const left = walk.scaled('left', queries, 1);
        const reading = walk.scaled('reading', reads, 1);
        const right = walk.scaled('right', keys, -1);
        const erasing = walk.scaled('erasing', erases, -1);
        const v = walk.rowsOf(values, n);
        const x = walk.rowsOf(taken, n);
        multiplyTile(x, reading, state, rows, n, m, 1, false);
        addPairs(x, reading, right, v, rows, m, n, STRICT);
        solvePairs(x, x, reading, erasing, one, rows, m, n);
        const target = walk.rowsOf(output, n);
        multiplyTile(target, left, state, rows, n, m, 1, false);
        addPairs(target, left, right, v, rows, m, n);
        addPairs(target, left, erasing, x, rows, m, n, LESS);
        multiplyTile(state, transposed(right), v, m, n, rows, 1, true);
        multiplyTile(state, transposed(erasing), x, m, n, rows, -1, true);
      },
      (walk, state) => walk.settle(state),
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
        const { rows } = walk;
        const erasing = walk.scaled('erasing', arrays.erases, 1);
        const left = walk.scaled('left', arrays.keys, 1);
        const right = walk.scaled('right', arrays.queries, -1);
        const reading = walk.scaled('reading', arrays.reads, -1);
        const [vectors, v, x] = [arrays.gradient, arrays.values, arrays.taken].map((each) => walk.rowsOf(each, n));

        const ofTaken = walk.rowsOf(arrays.ofTaken, n);
        multiplyTile(ofTaken, erasing, state, rows, n, m, -1, false);
        addPairs(ofTaken, erasing, right, vectors, rows, m, n, LESS);
        solvePairs(ofTaken, ofTaken, erasing, reading, one, rows, m, n);

        const ofValues = walk.rowsOf(arrays.ofValues, n);
        multiplyTile(ofValues, left, state, rows, n, m, 1, false);
        addPairs(ofValues, left, right, vectors, rows, m, n);
        addPairs(ofValues, left, reading, ofTaken, rows, m, n, STRICT);

        const ofKeys = walk.rowsOf(arrays.ofKeys, m);
        multiplyTile(ofKeys, v, transposed(state), rows, m, n, 1, false);
        addPairs(ofKeys, v, vectors, right, rows, n, m);
        addPairs(ofKeys, v, ofTaken, reading, rows, n, m, STRICT);
        walk.scale(ofKeys, 1);

        const ofErases = walk.rowsOf(arrays.ofErases, m);
        multiplyTile(ofErases, x, transposed(state), rows, m, n, -1, false);
        addPairs(ofErases, x, vectors, right, rows, n, m, LESS);
        addPairs(ofErases, x, ofTaken, reading, rows, n, m, STRICT_LESS);
        walk.scale(ofErases, 1);

        multiplyTile(state, transposed(right), vectors, m, n, rows, 1, true);
        multiplyTile(state, transposed(reading), ofTaken, m, n, rows, 1, true);
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
      const { rows } = walk;
      const right = walk.scaled('right', arrays.keys, -1);
      const erasing = walk.scaled('erasing', arrays.erases, -1);
      const [v, x] = [arrays.values, arrays.taken].map((each) => walk.rowsOf(each, n));

      const vectors = walk.rowsOf(arrays.gradient, n);
      const ofQueries = walk.rowsOf(arrays.ofQueries, m);
      multiplyTile(ofQueries, vectors, transposed(state), rows, m, n, 1, false);
      addPairs(ofQueries, vectors, v, right, rows, n, m);
      addPairs(ofQueries, vectors, x, erasing, rows, n, m, LESS);
      walk.scale(ofQueries, 1);

      const ofTaken = walk.rowsOf(arrays.ofTaken, n);
      const ofReads = walk.rowsOf(arrays.ofReads, m);
      multiplyTile(ofReads, ofTaken, transposed(state), rows, m, n, 1, false);
      addPairs(ofReads, ofTaken, v, right, rows, n, m, STRICT);
      addPairs(ofReads, ofTaken, x, erasing, rows, n, m, STRICT_LESS);
      walk.scale(ofReads, 1);

      multiplyTile(state, transposed(right), v, m, n, rows, 1, true);
      multiplyTile(state, transposed(erasing), x, m, n, rows, -1, true);
    });
  },
);
