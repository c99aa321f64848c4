/**
 * Attention by α-entmax. Its threshold is known only when all scores of a query are, so a few queries at a time hold their scores
 * with all keys; the backward pass computes them again.
 */
import type { NumericArray } from '../memory.ts';
import { entmaxRow, entmaxRowGradient, newSupport, type Support } from './entmax.ts';
import { defineKernel, type KernelArrays, type KernelNumbers } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

const scratch = new Scratch();

/** Keys that a product takes at once, so that they stay in the cache. */
const KEYS = 256;

const ARRAYS = ['queries', 'keys', 'values', 'alpha'] as const;
/**
 * queries [batch, heads, queryLength, headDim] packed, and keys and values with `keyCapacity` and `valueCapacity` rows from head to
 * head; query i is token `start` + i, and meets the keys up to its own where `causal` is 1.
 */
const NUMBERS = [
  'heads',
  'queryLength',
  'keyLength',
  'headDim',
  'valueDim',
  'keyCapacity',
  'valueCapacity',
  'scale',
  'start',
  'causal',
] as const;
type Numbers = KernelNumbers<(typeof NUMBERS)[number]>;
type Arrays = KernelArrays<(typeof ARRAYS)[number], 'mask'>;

/** Queries that are computed together: fewer where there are many keys, since all scores of theirs are in memory. */
export const queriesOfTile = (keyLength: number): number =>
  Math.max(8, Math.min(32, 2 ** Math.floor(17 - Math.log2(keyLength))));

/** Items: tiles of `queriesOfTile` queries of a head. */
export const entmaxAttentionKernel = defineKernel(
  'entmax-attention',
  { arrays: [...ARRAYS, 'output'], optional: ['mask'], numbers: NUMBERS },
  (begin, end, arrays, numbers) => {
    const { queryLength, keyLength, valueDim, valueCapacity } = numbers;
    const { output, values } = arrays;
    const size = queriesOfTile(keyLength);
    const tiles = Math.ceil(queryLength / size);
    const scores = scratch.get('scores', arrays.queries, size * keyLength);
    const support = newSupport(keyLength);
    for (let item = begin; item < end; item++) {
      const head = Math.floor(item / tiles);
      const from = (item % tiles) * size;
      const rows = Math.min(size, queryLength - from);
      const met = loadScores(scores, head, from, rows, arrays, numbers);
      for (let row = 0; row < rows; row++) weigh(scores, head, from, row, met, support, arrays, numbers);
      const result = block(output, (head * queryLength + from) * valueDim, valueDim);
      for (let first = 0; first < met; first += KEYS) {
        const count = Math.min(KEYS, met - first);
        const v = block(values, (head * valueCapacity + first) * valueDim, valueDim);
        multiplyTile(result, block(scores, first, met), v, rows, valueDim, count, 1, first > 0);
      }
    }
  },
);

/**
 * Items: heads, [batch · heads], because all queries of a head add to the gradients of its keys. ofAlpha [batch · heads] is float64.
 */
export const entmaxAttentionGradientKernel = defineKernel(
  'entmax-attention-gradient',
  {
    arrays: [...ARRAYS, 'gradient', 'ofQueries', 'ofKeys', 'ofValues', 'ofAlpha'],
    optional: ['mask'],
    numbers: NUMBERS,
  },
  (begin, end, arrays, numbers) => {
    const { queryLength, keyLength, headDim, valueDim, scale, keyCapacity, valueCapacity } = numbers;
    const { queries, keys, values, gradient, ofQueries, ofKeys, ofValues, ofAlpha, alpha } = arrays;
    const size = queriesOfTile(keyLength);
    const scores = scratch.get('scores', queries, size * keyLength);
    const ofScores = scratch.get('ofScores', queries, size * keyLength);
    const support = newSupport(keyLength);
    for (let head = begin; head < end; head++) {
      const own = alpha[head % numbers.heads];
      ofKeys.fill(0, head * keyLength * headDim, (head + 1) * keyLength * headDim);
      ofValues.fill(0, head * keyLength * valueDim, (head + 1) * keyLength * valueDim);
      ofAlpha[head] = 0;
      for (let from = 0; from < queryLength; from += size) {
        const rows = Math.min(size, queryLength - from);
        const met = loadScores(scores, head, from, rows, arrays, numbers);
        const g = block(gradient, (head * queryLength + from) * valueDim, valueDim);
        for (let first = 0; first < met; first += KEYS) {
          const v = block(values, (head * valueCapacity + first) * valueDim, valueDim);
          const count = Math.min(KEYS, met - first);
          multiplyTile(block(ofScores, first, met), g, transposed(v), rows, count, valueDim, 1, false);
        }
        for (let row = 0; row < rows; row++) {
          const count = weigh(scores, head, from, row, met, support, arrays, numbers);
          ofAlpha[head] += entmaxRowGradient(ofScores, row * met, met, own, support, count);
        }
        const q = block(queries, (head * queryLength + from) * headDim, headDim);
        const ofQ = block(ofQueries, (head * queryLength + from) * headDim, headDim);
        for (let first = 0; first < met; first += KEYS) {
          const count = Math.min(KEYS, met - first);
          const [weights, slopes] = [block(scores, first, met), block(ofScores, first, met)];
          const k = block(keys, (head * keyCapacity + first) * headDim, headDim);
          const ofK = block(ofKeys, (head * keyLength + first) * headDim, headDim);
          const ofV = block(ofValues, (head * keyLength + first) * valueDim, valueDim);
          multiplyTile(ofQ, slopes, k, rows, headDim, count, scale, first > 0);
          multiplyTile(ofK, transposed(slopes), q, count, headDim, rows, scale, true);
          multiplyTile(ofV, transposed(weights), g, count, valueDim, rows, 1, true);
        }
      }
    }
  },
);

/** scale q·k of some queries with all keys that the last of them meets, whose number it returns: [rows, met]. */
function loadScores(
  scores: NumericArray,
  head: number,
  from: number,
  rows: number,
  { queries, keys }: Arrays,
  { queryLength, keyLength, headDim, keyCapacity, scale, start, causal }: Numbers,
): number {
  const met = causal === 1 ? Math.min(keyLength, start + from + rows) : keyLength;
  const q = block(queries, (head * queryLength + from) * headDim, headDim);
  for (let first = 0; first < met; first += KEYS) {
    const k = block(keys, (head * keyCapacity + first) * headDim, headDim);
    const count = Math.min(KEYS, met - first);
    multiplyTile(block(scores, first, met), q, transposed(k), rows, count, headDim, scale, false);
  }
  return met;
}

/** Weights in place of a row of scores; zeros for the keys that it does not meet. */
function weigh(
  scores: NumericArray,
  head: number,
  from: number,
  row: number,
  met: number,
  support: Support,
  { alpha, mask }: Arrays,
  { heads, keyLength, start, causal }: Numbers,
): number {
  const own = causal === 1 ? Math.min(met, start + from + row + 1) : met;
  const flags = Math.floor(head / heads) * keyLength;
  scores.fill(0, row * met + own, (row + 1) * met);
  return entmaxRow(scores, row * met, own, alpha[head % heads], support, mask, flags);
}
