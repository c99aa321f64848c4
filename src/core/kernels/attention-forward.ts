/**
 * Softmax attention that never holds a row of weights: a tile of queries walks over the keys it can meet, a tile at a
 * time, and keeps for each query the largest score so far, the sum of exponentials relative to it, and the weighted sum
 * of values (Milakov & Gimelshein 2018, algorithm 3; Rabe & Staats 2021, §2).
 */

import { attendAtOnce, kernelsAtOnce } from './attention-at-once.ts';
import { meetFew } from './attention-few.ts';
import { finishRows } from './attention-finish.ts';
import { hidePairs } from './attention-rules.ts';
import { attendRun, takesWhole, wholeRuns } from './attention-run.ts';
import { newTile, readTile, SET_ARRAYS, SET_NUMBERS } from './attention-sets.ts';
import { Side, TILE } from './attention-side.ts';
import { addTerms, dropWeights, TERM_ARRAYS, TERM_NUMBERS } from './attention-terms.ts';
import { KeyWalk, loadQueries } from './attention-walk.ts';
import { defineKernel } from './kernel.ts';
import { OnlineSoftmax } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, ROWS_THAT_PAY, transposed } from './tile.ts';

const scratch = new Scratch();
const softmax = new OnlineSoftmax(TILE, TILE);
const queries = new Side();
const keys = new Side();
const walk = new KeyWalk();
const tile = newTile();

/**
 * Items: tiles of queries, or from `starts` runs of tiles, which may hold the same queries. `largest` and `sums` [batch, heads, queryLength] cover the keys that a row has met so far: with
 * `goesOn`, this set of keys is joined to the sets before it. A query that has met no key gets an output of zeros and a
 * largest score of −∞.
 */
export const attentionForwardKernel = defineKernel(
  'attention-forward',
  {
    arrays: ['queries', 'keys', 'values', 'output', 'logSumExp', 'largest', 'sums', 'tiles'],
    optional: ['starts', ...SET_ARRAYS, ...TERM_ARRAYS],
    numbers: [
      'valueDim',
      /** How many heads share a head of keys, and how many rows a head of keys, and of values, takes in memory. */
      'group',
      'keyCapacity',
      'valueCapacity',
      'hasTerms',
      'goesOn',
      ...new Set([...SET_NUMBERS, ...TERM_NUMBERS]),
    ],
  },
  (from, to, arrays, numbers) => {
    const { valueDim, headDim, queryLength, scale, group } = numbers;
    const scores = scratch.get('scores', arrays.queries, TILE * TILE);
    const sum = scratch.get('sum', arrays.queries, TILE * valueDim);
    const weights = block(scores, 0, TILE);
    const sums = block(sum, 0, valueDim);
    const fast = kernelsAtOnce(arrays, numbers.hasTerms || numbers.dropThreshold);
    const whole = fast === null || queryLength < ROWS_THAT_PAY ? null : wholeRuns(arrays, numbers);
    const { starts } = arrays;
    const [first, end] = starts === undefined ? [from, to] : [starts[from], starts[to]];
    for (let row = first; row < end; row++) {
      readTile(arrays.tiles, row, tile);
      const dilation = arrays.dilations?.[tile.layout] ?? 1;
      loadQueries(queries, tile, dilation, tile.first, tile.end, arrays, numbers);
      const m = queries.count;
      if (m === 0) continue;
      // Few rows are multiplied in another order. Where others decide how many queries meet, rows must not depend on them: those
      // beyond the last are products of what the scratch holds, and never read.
      const products = starts === undefined ? m : Math.max(m, ROWS_THAT_PAY);
      softmax.start(products);
      if (whole !== null && m >= ROWS_THAT_PAY && tile.begin < tile.stop && takesWhole(queries)) {
        attendRun(whole, queries, tile, dilation, softmax, products, arrays, numbers);
        finishRows(queries, softmax, tile.head * queryLength, whole.sum, valueDim, arrays, numbers.goesOn === 1);
        continue;
      }
      const keyHead = Math.floor(tile.head / group);
      const q = queries.rows('queries', arrays.queries, tile.head * queryLength, headDim);
      sum.fill(0, 0, m * valueDim);
      if (starts === undefined && meetFew(queries, tile, dilation, softmax, sum, arrays, numbers)) {
        finishRows(queries, softmax, tile.head * queryLength, sum, valueDim, arrays, numbers.goesOn === 1);
        continue;
      }
      walk.start(tile, queries, arrays, numbers);
      let meetsAny = numbers.goesOn === 0;
      while (walk.next(keys, tile, dilation, arrays, numbers)) {
        const n = keys.count;
        meetsAny = true;
        const k = keys.rows('keys', arrays.keys, keyHead * numbers.keyCapacity, headDim);
        const v = keys.rows('values', arrays.values, keyHead * numbers.valueCapacity, valueDim);
        if (
          fast !== null &&
          attendAtOnce(fast, queries, keys, tile, [q, k, v], scores, sum, softmax, products, arrays, numbers)
        ) {
          continue;
        }
        multiplyTile(weights, q, transposed(k), products, n, headDim, scale, false);
        if (numbers.hasTerms) addTerms(scores, queries, keys, tile.head, arrays, numbers);
        hidePairs(scores, queries, keys, tile, arrays, numbers);
        softmax.exponentiate(scores, m, n, sum, valueDim);
        if (numbers.dropThreshold) dropWeights(scores, queries, keys, tile.head, numbers);
        multiplyTile(sums, weights, v, m, valueDim, n, 1, true);
      }
      if (!meetsAny) continue;
      finishRows(queries, softmax, tile.head * queryLength, sum, valueDim, arrays, numbers.goesOn === 1);
    }
  },
);
