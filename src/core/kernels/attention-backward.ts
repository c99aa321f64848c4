/**
 * Gradients of attention. The weights are recomputed a tile of pairs at a time from two saved numbers of each row, the
 * largest score m_i and the sum of exponentials relative to it, P_ij = exp(S_ij − m_i) / sum_i:
 *
 *     ∂P_ij = ∂O_i · v_j        ∂S_ij = P_ij (∂P_ij − δ_i)       δ_i = ∂O_i · O_i − ∂lse_i
 *     ∂q_i = scale Σ_j ∂S_ij k_j      ∂k_j = scale Σ_i ∂S_ij q_i      ∂v_j = Σ_i P_ij ∂O_i
 *
 * A pair adds to the gradients of a query and of a key. So blocks of queries meet blocks of keys in rounds
 * (ops/attention-plan.ts); within a round, no two meetings share a block.
 */
import type { NumericArray } from '../memory.ts';
import { kernelsAtOnce, passBackAtOnce } from './attention-at-once.ts';
import { inHalves, reachOf, thoseThatMeet } from './attention-meet.ts';
import { hidePairs } from './attention-rules.ts';
import { passBackRun, takesWhole, type WholeRuns, wholeRuns } from './attention-run.ts';
import { newTile, readTile, SET_ARRAYS, SET_NUMBERS } from './attention-sets.ts';
import { Side, TILE } from './attention-side.ts';
import {
  addTermGradients,
  addTerms,
  dropWeights,
  TERM_ARRAYS,
  TERM_GRADIENTS,
  TERM_NUMBERS,
} from './attention-terms.ts';
import { KeyWalk, loadQueries } from './attention-walk.ts';
import { defineKernel, type KernelArrays, type KernelNumbers } from './kernel.ts';
import { weighRows } from './online-softmax.ts';
import { Scratch } from './scratch.ts';
import { isOnHeap, vectorKernels } from './simd.ts';
import { block, multiplyTile, transposed } from './tile.ts';

/**
 * δ, and the two numbers that weights are recomputed from: the largest score, and the share 1 / sum. The largest score is −∞
 * for a query without any gradient, so that its row has no influence. Items: rows.
 */
export const attentionRowsKernel = defineKernel(
  'attention-rows',
  {
    arrays: ['output', 'outputGradient', 'largest', 'sums', 'delta', 'weighed', 'shares'],
    optional: ['logSumExpGradient'],
    numbers: ['width'],
  },
  (from, to, arrays, { width }) => {
    const { output, outputGradient, largest, sums, delta, weighed, shares, logSumExpGradient } = arrays;
    const fast = Object.values(arrays).every((array) => array === undefined || isOnHeap(array))
      ? vectorKernels()
      : null;
    if (fast !== null) {
      const [o, g] = [output, outputGradient].map(({ byteOffset }) => byteOffset + 4 * from * width);
      const [m, s, d, w, p] = [largest, sums, delta, weighed, shares].map(({ byteOffset }) => byteOffset + 4 * from);
      const along = logSumExpGradient === undefined ? 0 : logSumExpGradient.byteOffset + 4 * from;
      fast.attentionRows(o, g, along, m, s, d, w, p, to - from, width);
      return;
    }
    for (let row = from; row < to; row++) {
      let dot = 0;
      let isAsked = false;
      for (let c = row * width; c < (row + 1) * width; c++) {
        if (outputGradient[c] === 0) continue;
        isAsked = true;
        dot += output[c] * outputGradient[c];
      }
      const along = logSumExpGradient?.[row] ?? 0;
      delta[row] = dot - along;
      weighed[row] = isAsked || along !== 0 ? largest[row] : Number.NEGATIVE_INFINITY;
      shares[row] = sums[row] === 0 ? 0 : 1 / sums[row];
    }
  },
);

const ARRAYS = [
  'queries',
  'keys',
  'values',
  'outputGradient',
  'weighed',
  'shares',
  'delta',
  'tiles',
  'starts',
] as const;
const OPTIONAL = [
  'queryGradient',
  'keyGradient',
  'valueGradient',
  ...SET_ARRAYS,
  ...TERM_ARRAYS,
  ...TERM_GRADIENTS,
] as const;
const NUMBERS = [
  'valueDim',
  'group',
  'keyCapacity',
  'valueCapacity',
  'hasTerms',
  ...new Set([...SET_NUMBERS, ...TERM_NUMBERS]),
] as const;

type Arrays = KernelArrays<(typeof ARRAYS)[number], (typeof OPTIONAL)[number]>;
type Numbers = KernelNumbers<(typeof NUMBERS)[number]>;

/** Queries of a tile where labels part them: pairs of other labels are computed and thrown away. */
const WITH_LABELS = TILE / 2;

const scratch = new Scratch();
const all = new Side();
const keys = new Side();
const walk = new KeyWalk();
const tile = newTile();

/** Items: from `starts`, runs of tiles, each a block of queries and one of keys (or the lists of a block set). */
export const attentionBackwardKernel = defineKernel(
  'attention-backward',
  { arrays: ARRAYS, optional: OPTIONAL, numbers: NUMBERS },
  (from, to, arrays, numbers) => {
    const whole = wholeRuns(arrays, numbers, numbers.softCap);
    for (let row = arrays.starts[from]; row < arrays.starts[to]; row++) {
      readTile(arrays.tiles, row, tile);
      const dilation = arrays.dilations?.[tile.layout] ?? 1;
      const size = arrays.queryLabels === undefined ? TILE : WITH_LABELS;
      for (let first = tile.first; first < tile.end; first += size) {
        passBack(first, Math.min(tile.end, first + size), dilation, whole, arrays, numbers);
      }
    }
  },
);

/** The queries at the places from `first` to `end` of a tile, with all keys of the tile. */
function passBack(
  first: number,
  end: number,
  dilation: number,
  whole: WholeRuns | null,
  arrays: Arrays,
  numbers: Numbers,
): void {
  loadQueries(all, tile, dilation, first, end, arrays, numbers, arrays.weighed);
  if (all.count === 0) return;
  if (whole !== null && takesWhole(all)) {
    passBackRun(whole, all, tile, dilation, arrays, numbers);
    return;
  }
  walk.start(tile, all, arrays, numbers);
  if (arrays.begins !== undefined) {
    const { begin, end } = reachOf(all, 0, all.count, tile, arrays, numbers, tile.begin, tile.stop);
    walk.span(begin, end);
  }
  while (walk.next(keys, tile, dilation, arrays, numbers)) {
    const queries = thoseThatMeet(all, keys, tile, arrays, numbers);
    if (queries.count > 0) inHalves(queries, keys, tile, arrays, numbers, addGradients);
  }
}

function addGradients(queries: Side, keys: Side, arrays: Arrays, numbers: Numbers): void {
  const { headDim, valueDim, queryLength, scale, group, keyCapacity, valueCapacity } = numbers;
  const { queryGradient, keyGradient, valueGradient } = arrays;
  const { head } = tile;
  const keyHead = Math.floor(head / group);
  const [m, n] = [queries.count, keys.count];
  const scores = scratch.get('scores', arrays.queries, TILE * TILE);
  const slopes = scratch.get('slopes', arrays.queries, TILE * TILE);
  const [weights, gradients] = [block(scores, 0, TILE), block(slopes, 0, TILE)];
  const q = queries.rows('queries', arrays.queries, head * queryLength, headDim);
  const g = queries.rows('output gradient', arrays.outputGradient, head * queryLength, valueDim);
  const k = keys.rows('keys', arrays.keys, keyHead * keyCapacity, headDim);
  const v = keys.rows('values', arrays.values, keyHead * valueCapacity, valueDim);
  const fast = kernelsAtOnce(arrays, numbers.hasTerms || numbers.dropThreshold || numbers.softCap);
  if (fast !== null && passBackAtOnce(fast, queries, keys, tile, [q, g, k, v], scores, slopes, arrays, numbers)) return;

  // S, then P and ∂S.
  multiplyTile(weights, q, transposed(k), m, n, headDim, scale, false);
  if (numbers.hasTerms) addTerms(scores, queries, keys, head, arrays, numbers);
  const capped = numbers.softCap === 0 ? null : scratch.get('capped', scores, TILE * TILE);
  if (capped !== null) for (let i = 0; i < m * TILE; i++) capped[i] = scores[i];
  hidePairs(scores, queries, keys, tile, arrays, numbers);
  multiplyTile(gradients, g, transposed(v), m, n, valueDim, 1, false);
  if (numbers.dropThreshold) dropWeights(slopes, queries, keys, head, numbers);
  weigh(queries, n, scores, slopes, arrays, head * queryLength);

  if (valueGradient !== undefined) {
    if (numbers.dropThreshold) dropWeights(scores, queries, keys, head, numbers);
    keys.addProduct(valueGradient, keyHead * numbers.keyLength, valueDim, transposed(weights), g, m, 1);
  }
  if (numbers.hasTerms) addTermGradients(slopes, capped, queries, keys, head, arrays, arrays, numbers);
  if (keyGradient !== undefined) {
    keys.addProduct(keyGradient, keyHead * numbers.keyLength, headDim, transposed(gradients), q, m, scale);
  }
  if (queryGradient !== undefined) {
    queries.addProduct(queryGradient, head * queryLength, headDim, gradients, k, n, scale);
  }
}

/** P = exp(S − m) / sum into `scores` and ∂S = P ∘ (∂P − δ) into `slopes`. */
function weigh(
  queries: Side,
  columns: number,
  scores: NumericArray,
  slopes: NumericArray,
  { weighed, shares, delta }: Arrays,
  start: number,
): void {
  const { count, tokens, step } = queries;
  if (!queries.isListed) {
    weighRows(scores, slopes, TILE, count, columns, weighed, shares, delta, start + tokens[0], step);
    return;
  }
  const own = {
    weighed: scratch.get('weighed', weighed, TILE),
    shares: scratch.get('shares', weighed, TILE),
    delta: scratch.get('delta', delta, TILE),
  };
  for (let i = 0; i < count; i++) {
    own.weighed[i] = weighed[start + tokens[i]];
    own.shares[i] = shares[start + tokens[i]];
    own.delta[i] = delta[start + tokens[i]];
  }
  weighRows(scores, slopes, TILE, count, columns, own.weighed, own.shares, own.delta, 0, 1);
}
