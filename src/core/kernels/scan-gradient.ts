/**
 * The gradients of a scan (kernels/scan.ts), by two walks. S are the states, D their gradients from later tokens, G is the
 * gradient of the outputs and U the rows that were written, all relative to the first place of a chunk:
 *
 *     from the first token to the last        Q̄⁺ = G Sᵀ + tril(G Uᵀ) K⁻
 *     from the last token to the first        Ū = K D + tril(K⁺ Q⁻ᵀ) G,   K̄ = U Dᵀ + tril(U Gᵀ) Q⁻,   D ← D + Q⁻ᵀ G
 *
 * where K⁺ and Q⁻ belong to the backward walk, which decays in the other direction by the same numbers (with one decay for
 * each token, in the form of kernels/scan.ts). Without a delta rule
 * U = V. With one, the gradient of U is R = Ū − stril(K⁺ K⁻ᵀ) W with W = β R, because later tokens remove part of U. The
 * gradient of V is W, and W is subtracted from all that follows, as U was from the state:
 *
 *     D ← D − K⁻ᵀ W,   K̄ ← K̄ − stril(U Wᵀ) K⁻,   and in the forward walk   K̄⁺ = −W Sᵀ − stril(W Uᵀ) K⁻.
 */
import { dtypeOf, ROUNDING } from '../dtype.ts';
import { defineKernel } from './kernel.ts';
import { addPairs, solvePairs } from './scan-chunk.ts';
import { addStep, SCAN_NUMBERS } from './scan-steps.ts';
import { walkGroups } from './scan-walk.ts';
import { Scratch } from './scratch.ts';
import { isInHeap, isOnHeap, vectorKernels } from './simd.ts';
import { multiplyTile, transposed } from './tile.ts';

const STRICT_LESS = { strict: true, alpha: -1 };

const scratch = new Scratch();

/**
 * From the first token to the last: gradients of queries, and with a delta rule (`taken`, W) of keys where they are read.
 * Items: groups × sequences.
 */
export const scanQueriesKernel = defineKernel(
  'scan-queries',
  {
    arrays: ['keys', 'written', 'g', 'states', 'gradient', 'ofQueries'],
    optional: ['taken', 'ofReading'],
    numbers: SCAN_NUMBERS,
  },
  (begin, end, { keys, written, g, states, gradient, ofQueries, taken, ofReading }, numbers) => {
    const { m, n } = numbers;
    walkGroups(begin, end, g, states, numbers, (walk, state) => {
      const { rows, sums } = walk;
      const right = walk.writing('right', keys);
      const u = walk.rowsOf(written, n);
      const vectors = walk.across('gradient', gradient, n);
      const target = walk.rowsOf(ofQueries, m);
      multiplyTile(target, vectors.outside, transposed(state), rows, m, n, 1, false);
      addPairs(target, vectors.inside, u, right.inside, rows, n, m, sums);
      walk.scale(target);
      if (taken !== undefined && ofReading !== undefined) {
        const w = walk.across('taken', taken, n);
        const reading = walk.rowsOf(ofReading, m);
        multiplyTile(reading, w.outside, transposed(state), rows, m, n, -1, false);
        addPairs(reading, w.inside, u, right.inside, rows, n, m, sums, STRICT_LESS);
        walk.scale(reading);
      }
      if (!walk.goesOn) return;
      walk.turn(state);
      multiplyTile(state, transposed(right.outside), u, m, n, rows, 1, true);
    });
  },
);

/**
 * From the last token to the first (`reverse` is 1, and the states are those of the backward walk): gradients of keys where
 * they are written, and of values; with a delta rule (`beta`) also R, the gradient of the rows that were written. Items:
 * groups × sequences.
 */
export const scanKeysKernel = defineKernel(
  'scan-keys',
  {
    arrays: ['queries', 'keys', 'written', 'g', 'states', 'gradient', 'ofKeys', 'ofValues'],
    optional: ['beta', 'ofWritten'],
    numbers: SCAN_NUMBERS,
  },
  (begin, end, { queries, keys, written, g, states, gradient, ofKeys, ofValues, beta, ofWritten }, numbers) => {
    const { m, n } = numbers;
    walkGroups(
      begin,
      end,
      g,
      states,
      numbers,
      (walk, state) => {
        const { rows, sums } = walk;
        const left = walk.reading('left', keys);
        const right = walk.writing('right', queries);
        const vectors = walk.rowsOf(gradient, n);
        const u = walk.across('written', written, n);
        const values = walk.rowsOf(ofValues, n);
        const mixture = walk.rowsOf(ofWritten ?? ofValues, n);
        multiplyTile(mixture, left.outside, state, rows, n, m, 1, false);
        addPairs(mixture, left.inside, right.inside, vectors, rows, m, n, sums);
        const slopes = walk.rowsOf(ofKeys, m);
        multiplyTile(slopes, u.outside, transposed(state), rows, m, n, 1, false);
        addPairs(slopes, u.inside, vectors, right.inside, rows, n, m, sums);
        const taking = beta && walk.writing('taking', keys);
        if (beta !== undefined && taking !== undefined) {
          solvePairs(mixture, values, left.inside, taking.inside, walk.numbersOf(beta), rows, m, n, sums);
          addPairs(slopes, u.inside, values, taking.inside, rows, n, m, sums, STRICT_LESS);
        }
        walk.scale(slopes);
        if (!walk.goesOn) return;
        walk.turn(state);
        multiplyTile(state, transposed(right.outside), vectors, m, n, rows, 1, true);
        if (taking !== undefined) multiplyTile(state, transposed(taking.outside), values, m, n, rows, -1, true);
      },
      (walk, state) => walk.leave(state),
    );
  },
);

/** gains_t += sign · x_t · x̄_t in float64, for rows of x and their gradients. Items: rows. */
export const scanGainsKernel = defineKernel(
  'scan-gains',
  { arrays: ['x', 'gradient', 'gains'], numbers: ['width', 'sign'] },
  (begin, end, { x, gradient, gains }, { width, sign }) => {
    const fast = vectorKernels();
    if (fast !== null && isOnHeap(x) && isOnHeap(gradient) && isInHeap(gains)) {
      const [a, b] = [x.byteOffset + 4 * begin * width, gradient.byteOffset + 4 * begin * width];
      fast.addDotsOfRows(a, b, gains.byteOffset + 8 * begin, sign, end - begin, width);
      return;
    }
    for (let row = begin; row < end; row++) {
      let product = 0;
      for (let c = row * width; c < (row + 1) * width; c++) product += x[c] * gradient[c];
      gains[row] += sign * product;
    }
  },
);

/**
 * Gradients of g from those of its sums. The gradient of g_t is the sum of b_i [sequences, length, decays] over all i ≥ t,
 * taken group by group; `borders` [sequences, groups, decays] has the sum of all later groups. Where a decay leaves less than
 * rounding would, the sum restarts at 0: the remaining differences would be noise. Items: sequences × groups.
 */
export const scanDecaysKernel = defineKernel(
  'scan-decays',
  { arrays: ['b', 'g', 'borders', 'result'], numbers: SCAN_NUMBERS },
  (begin, end, { b, g, borders, result }, { length, size, decays }) => {
    const groups = Math.ceil(length / size);
    const sums = new Float64Array(decays);
    const least = Math.log(ROUNDING[dtypeOf(g) as keyof typeof ROUNDING]);
    for (let item = begin; item < end; item++) {
      const sequence = Math.floor(item / groups);
      const group = item % groups;
      for (let f = 0; f < decays; f++) sums[f] = borders[item * decays + f];
      for (let t = Math.min(length, (group + 1) * size) - 1; t >= group * size; t--) {
        const at = (sequence * length + t) * decays;
        for (let f = 0; f < decays; f++) {
          sums[f] = g[at + f] < least ? 0 : sums[f] + b[at + f];
          result[at + f] = sums[f];
        }
      }
    }
  },
);

/**
 * The sum of all later groups, for group `first`: ⟨a ∘ S, D⟩ for each channel, from the states after it and their gradients from
 * later tokens. Items: sequences.
 */
export const scanBordersKernel = defineKernel(
  'scan-borders',
  { arrays: ['states', 'ahead', 'g', 'borders'], numbers: SCAN_NUMBERS },
  (begin, end, { states, ahead, g, borders }, numbers) => {
    const { length, m, n, size, first, decays } = numbers;
    const groups = Math.ceil(length / size);
    for (let sequence = begin; sequence < end; sequence++) {
      const at = (sequence * groups + first) * decays;
      borders.fill(0, at, at + decays);
      const step = scratch.get('step', g, decays);
      step.fill(0, 0, decays);
      if (first < groups - 1) addStep(step, 0, g, sequence, (first + 1) * size, numbers);
      for (let f = 0; f < m; f++) {
        const row = (sequence * m + f) * n;
        let product = 0;
        for (let c = row; c < row + n; c++) product += states[c] * ahead[c];
        const which = decays === 1 ? 0 : f;
        borders[at + which] += Math.exp(step[which]) * product;
      }
    }
  },
);
