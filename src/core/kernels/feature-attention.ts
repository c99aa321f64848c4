/**
 * The outputs of queries from the sums over keys, o_i = Σ_f e^{a_if} S_f / Σ_f e^{a_if} z_f (kernels/feature-sums.ts), and
 * all of its gradients, in which each side reads what the other has written.
 */
import type { NumericArray } from '../memory.ts';
import { mapOf } from './feature-maps.ts';
import { dotsOfRows, scaleRows } from './feature-rows.ts';
import {
  centred,
  FEATURE_NUMBERS,
  type FeatureNumbers,
  raiseScales,
  STATE_ARRAYS,
  stateOf,
  takeWriters,
  WRITER_ARRAYS,
  write,
} from './feature-sums.ts';
import { defineKernel } from './kernel.ts';
import { addPairs, CHUNK, rowAt, rowsFrom, scanGroup } from './scan-chunk.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { block, inPanels, multiplyTile, transposed } from './tile.ts';

/**
 * The results of a reading: the outputs of queries, the gradients of rows, or the gradients of rows and vectors.
 */
export const ATTEND = 0;
export const SLOPES = 1;
export const SLOPES_AND_MIXTURE = 2;

const READER_ARRAYS = ['readers', 'readerShifts', 'readerVectors', 'readerWeights'] as const;

const scratch = new Scratch();

/**
 * The results of readers from the state before their group, and with `along` also from the writers of their group up to their
 * own place. These writers are added to the state on the way, so the last slot ends as the final state. Without `along`, all
 * readers share one slot. Items: groups of readers × sequences.
 *
 * - ATTEND: mixture = o, and logSum = log Σ_f e^{a_if} z_f; zeros and −∞ where nothing was written. Of the readers, only the rows are read.
 * - SLOPES: of Σ_f φ(x_if) e^{c_i} (S_f · v_i + z_f t_i) by x_if; zeros for masked readers, whatever their rows hold.
 * - SLOPES_AND_MIXTURE: that, and mixture = Σ_f φ(x_if) e^{c_i} S_f.
 */
export const featureReadKernel = defineKernel(
  'feature-read',
  {
    arrays: [...READER_ARRAYS, ...WRITER_ARRAYS, ...STATE_ARRAYS, 'mixture', 'logSum', 'slopes'],
    numbers: [...FEATURE_NUMBERS, 'along', 'asked'],
  },
  (begin, end, arrays, numbers) => {
    const { sequences, length, m, n, along, reverse, asked } = numbers;
    const map = mapOf(numbers.map);
    const { readers, readerShifts, readerVectors, readerWeights, mixture, logSum, slopes } = arrays;
    const size = scanGroup(m, n);
    const groups = Math.ceil(length / size);
    const left = block(scratch.get('left', readers, CHUNK * m), 0, m);
    const weights = scratch.get('weights', readers, CHUNK);
    const shifts = scratch.get('shifts', readers, CHUNK);
    const denominators = scratch.get('denominators', readers, CHUNK);
    for (let item = begin; item < end; item++) {
      const sequence = item % sequences;
      const group = Math.floor(item / sequences);
      const state = stateOf(arrays, along ? item : sequence, numbers);
      const { sums, totals, at } = state;
      // The state stays as it is where nothing is written on the way.
      const across = asked === ATTEND || along ? transposed(sums) : inPanels('sums', transposed(sums), n, m);
      const last = Math.min(length, (group + 1) * size);
      let relative = centred(state, numbers);
      for (let place = group * size; place < last; ) {
        if (along) raiseScales(arrays, state, sequence, place, numbers);
        if (along) relative = centred(state, numbers);
        const met = along ? takeWriters(arrays, relative, sequence, place, last, numbers) : null;
        const { scales, largest } = relative;
        const rows = met?.rows ?? Math.min(CHUNK, last - place);

        // φ(x) e^(μ − r), or with the shifts of readers φ(x) e^(μ + c)
        const x = rowsFrom(readers, sequence, length, m, place, reverse);
        if (asked === ATTEND) map.largestOfSums(x, scales, shifts, rows, m);
        for (let r = 0; r < rows; r++) {
          const row = sequence * length + rowAt(place + r, length, reverse);
          shifts[r] = asked === ATTEND ? -shifts[r] : readerShifts[row] + largest;
          if (asked === ATTEND) logSum[row] = largest - shifts[r];
          else weights[r] = readerWeights[row];
        }
        map.powersOfSums(x, scales, 1, shifts, left.data, rows, m);

        if (asked !== SLOPES) {
          const target = rowsFrom(mixture, sequence, length, n, place, reverse);
          multiplyTile(target, left, sums, rows, n, m, 1, false);
          if (asked === ATTEND) dotsOfRows(left.data, totals.subarray(at, at + m), denominators, rows, m);
          // What readers get from the writers of their own chunk, and the weights of these for the denominator.
          if (met !== null) {
            const weighed = { weights: met.weights, totals: denominators };
            addPairs(target, left, met.right, met.vectors, rows, m, n, null, { weighed });
          }
        }
        if (asked === ATTEND) normalise(mixture, logSum, denominators, sequence, place, rows, numbers);
        else {
          const target = rowsFrom(slopes, sequence, length, m, place, reverse);
          const vectors = rowsFrom(readerVectors, sequence, length, n, place, reverse);
          multiplyTile(target, vectors, across, rows, m, n, 1, false);
          multiplyTile(target, block(weights, 0, 1), block(totals, at, m), rows, m, 1, 1, true);
          // Σ_j (v_i · v_j + t_i t_j) φ(x_j) over those writers
          if (met !== null) {
            const weighed = { weights: met.weights, own: weights };
            addPairs(target, vectors, met.vectors, met.right, rows, n, m, null, { weighed });
          }
          map.multiplySlopes(target, left.data, x, shifts, rows, m);
        }
        if (met !== null && (place + rows < last || group === groups - 1)) write(state, met, numbers);
        place += rows;
      }
    }
  },
);

function normalise(
  mixture: NumericArray,
  logSum: NumericArray,
  denominators: NumericArray,
  sequence: number,
  place: number,
  rows: number,
  { length, n, reverse }: FeatureNumbers,
): void {
  for (let r = 0; r < rows; r++) {
    logSum[sequence * length + rowAt(place + r, length, reverse)] += Math.log(denominators[r]);
    denominators[r] = denominators[r] === 0 ? 0 : 1 / denominators[r];
  }
  scaleRows(rowsFrom(mixture, sequence, length, n, place, reverse), denominators, rows, n);
}

/**
 * Of each query: −λ as its shift, λ the logarithm of its denominator, and the weight δ = λ̄ − ō · o, so that e^{a + b − λ}
 * (ō · v + δ) is the gradient with respect to a + b. A query that met nothing counts as masked, and so does one without any
 * gradient, whatever its row holds. Items: queries.
 */
export const featureDeltasKernel = defineKernel(
  'feature-deltas',
  { arrays: ['output', 'logSum', 'gradient', 'logSumGradient', 'shifts', 'weights'], numbers: ['n'] },
  (begin, end, { output, logSum, gradient, logSumGradient, shifts, weights }, { n }) => {
    const fast = vectorKernels();
    if (fast !== null && [output, gradient, logSumGradient, weights].every(isOnHeap)) {
      const floats = (array: NumericArray, at: number) => array.byteOffset + array.BYTES_PER_ELEMENT * at;
      const [o, g] = [output, gradient].map((array) => floats(array, begin * n));
      const [l, ofL, s, w] = [logSum, logSumGradient, shifts, weights].map((array) => floats(array, begin));
      fast.deltasOfRows(o, l, g, ofL, s, w, end - begin, n);
      return;
    }
    for (let row = begin; row < end; row++) {
      let product = 0;
      let isThere = logSumGradient[row] !== 0;
      for (let c = row * n; c < (row + 1) * n; c++) {
        product += gradient[c] * output[c];
        if (gradient[c] !== 0) isThere = true;
      }
      if (logSum[row] === Number.NEGATIVE_INFINITY) isThere = false;
      shifts[row] = isThere ? -logSum[row] : Number.NEGATIVE_INFINITY;
      weights[row] = isThere ? logSumGradient[row] - product : 0;
    }
  },
);
