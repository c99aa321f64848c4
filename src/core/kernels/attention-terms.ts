/**
 * What attention adds to its scores besides scale · q_i·k_j, on one tile of pairs, and the way back. With p_i the place of
 * query i among the keys:
 *
 *     S_ij = c tanh((scale q_i·k_j + scale q̂_i·r_{p_i − j} + bias_ij − slope |p_i − j| + G_{p_i} − G_j) / c)
 *
 * A relative rule q̂·r (Dai et al. 2019, §3.3), a bias, slopes (ALiBi; Press et al. 2022), sums of log-gates (forgetting
 * attention; Lin et al. 2025, eq. 5) and a soft cap (Gemma 2, 2024, §2): each is there only if it was asked for.
 */
import type { NumericArray } from '../memory.ts';
import { scramble } from '../random.ts';
import { type Side, TILE } from './attention-side.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';
import { Scratch } from './scratch.ts';
import { block, multiplyTile, transposed } from './tile.ts';

/** Arrays of the terms, all of which may be left out. */
export const TERM_ARRAYS = ['bias', 'slopes', 'gates', 'relativeQueries', 'relativeKeys'] as const;

/** Numbers of the terms. */
export const TERM_NUMBERS = [
  'scale',
  'headDim',
  'heads',
  'queryLength',
  'keyLength',
  /** p of query 0. */
  'queryStart',
  /** Distances of the bias's axes in memory; 0 along an axis of extent 1. */
  'biasBatch',
  'biasHead',
  'biasQuery',
  'biasKey',
  /** Distance of the first row of `relativeKeys`, and how many rows a head has. */
  'nearest',
  'distances',
  /** 0: none. */
  'softCap',
  /** Weights dropped: the words of a key, a threshold of 2³² (0: none), and what the others are multiplied by. */
  'dropKey1',
  'dropKey2',
  'dropThreshold',
  'dropShare',
] as const;

export type TermArrays = KernelArrays<never, (typeof TERM_ARRAYS)[number]>;
export type TermNumbers = KernelNumbers<(typeof TERM_NUMBERS)[number]>;

/** Gradients of the terms, all of which may be left out. */
export const TERM_GRADIENTS = [
  'biasGradient',
  'gatesQueryGradient',
  'gatesKeyGradient',
  'relativeQueriesGradient',
  'relativeKeysGradient',
] as const;

export type TermGradients = KernelArrays<never, (typeof TERM_GRADIENTS)[number]>;

const scratch = new Scratch();

/** Distances that a tile of neighbours can have; tokens that lie further apart take theirs one by one. */
const MOST_DISTANCES = 3 * TILE;

/** Distance of the first of the rows of `relativeKeys` that a tile meets, and their number; null: too far apart. */
function distancesOf(queries: Side, keys: Side, { queryStart, nearest, distances }: TermNumbers) {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < queries.count; i++) {
    lowest = Math.min(lowest, queries.tokens[i]);
    highest = Math.max(highest, queries.tokens[i]);
  }
  for (let j = 0; j < keys.count; j++) {
    first = Math.min(first, keys.tokens[j]);
    last = Math.max(last, keys.tokens[j]);
  }
  // Pairs of a tile that may not meet can lie further apart than there are distances.
  const from = Math.max(nearest, queryStart + lowest - last);
  const end = Math.min(nearest + distances, queryStart + highest - first + 1);
  return { from, count: end - from, fits: end - from <= MOST_DISTANCES };
}

/** Adds the terms to a tile of scores, rows TILE apart, which holds scale · q·k. `head` counts batch entries and heads. */
export function addTerms(
  scores: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  arrays: TermArrays,
  numbers: TermNumbers,
): void {
  const { bias, slopes, gates, relativeQueries, relativeKeys } = arrays;
  const { heads, keyLength, queryStart, softCap } = numbers;
  const [m, n] = [queries.count, keys.count];
  const h = head % heads;
  if (relativeQueries !== undefined && relativeKeys !== undefined) {
    addRelative(scores, queries, keys, head, relativeQueries, relativeKeys, numbers);
  }
  if (bias !== undefined) {
    const { biasBatch, biasHead, biasQuery, biasKey } = numbers;
    const start = Math.floor(head / heads) * biasBatch + h * biasHead;
    for (let i = 0; i < m; i++) {
      const row = start + queries.tokens[i] * biasQuery;
      for (let j = 0; j < n; j++) scores[i * TILE + j] += bias[row + keys.tokens[j] * biasKey];
    }
  }
  if (slopes !== undefined) {
    for (let i = 0; i < m; i++) {
      const p = queryStart + queries.tokens[i];
      for (let j = 0; j < n; j++) scores[i * TILE + j] -= slopes[h] * Math.abs(p - keys.tokens[j]);
    }
  }
  if (gates !== undefined) {
    const start = head * keyLength;
    for (let i = 0; i < m; i++) {
      const own = gates[start + queryStart + queries.tokens[i]];
      for (let j = 0; j < n; j++) scores[i * TILE + j] += own - gates[start + keys.tokens[j]];
    }
  }
  if (softCap !== 0) {
    for (let i = 0; i < m; i++) {
      for (let at = i * TILE; at < i * TILE + n; at++) scores[at] = softCap * Math.tanh(scores[at] / softCap);
    }
  }
}

function addRelative(
  scores: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  relativeQueries: NumericArray,
  relativeKeys: NumericArray,
  numbers: TermNumbers,
): void {
  const { scale, headDim, heads, queryLength, queryStart, nearest, distances } = numbers;
  const [m, n] = [queries.count, keys.count];
  const { from, count, fits } = distancesOf(queries, keys, numbers);
  if (count <= 0) return;
  const start = (head % heads) * distances - nearest;
  if (fits) {
    // q̂_i·r_Δ for all distances of the tile, and out of these those of Δ = p_i − j.
    const byDistance = scratch.get('by distance', scores, TILE * MOST_DISTANCES);
    const rows = queries.rows('relative', relativeQueries, head * queryLength, headDim);
    const r = block(relativeKeys, (start + from) * headDim, headDim);
    multiplyTile(block(byDistance, 0, MOST_DISTANCES), rows, transposed(r), m, count, headDim, scale, false);
    for (let i = 0; i < m; i++) {
      const p = i * MOST_DISTANCES + queryStart + queries.tokens[i] - from;
      for (let j = 0; j < n; j++) {
        const at = p - keys.tokens[j];
        if (at >= i * MOST_DISTANCES && at < i * MOST_DISTANCES + count) scores[i * TILE + j] += byDistance[at];
      }
    }
    return;
  }
  for (let i = 0; i < m; i++) {
    const row = (head * queryLength + queries.tokens[i]) * headDim;
    for (let j = 0; j < n; j++) {
      const distance = queryStart + queries.tokens[i] - keys.tokens[j];
      if (distance < nearest || distance >= nearest + distances) continue;
      let dot = 0;
      for (let c = 0; c < headDim; c++)
        dot += relativeQueries[row + c] * relativeKeys[(start + distance) * headDim + c];
      scores[i * TILE + j] += scale * dot;
    }
  }
}

/**
 * Passes a tile of ∂S on to the terms. `slopes` holds ∂S of the capped scores, and then of those before; `scores` the
 * capped ones, if there is a cap.
 */
export function addTermGradients(
  slopes: NumericArray,
  scores: NumericArray | null,
  queries: Side,
  keys: Side,
  head: number,
  arrays: TermArrays,
  gradients: TermGradients,
  numbers: TermNumbers,
): void {
  const { biasGradient, gatesQueryGradient, gatesKeyGradient } = gradients;
  const { heads, queryLength, keyLength, softCap } = numbers;
  const [m, n] = [queries.count, keys.count];
  if (softCap !== 0 && scores !== null) {
    // tanh′ = 1 − tanh². Of a pair that may not meet, ∂S is 0.
    for (let i = 0; i < m; i++) {
      for (let at = i * TILE; at < i * TILE + n; at++) {
        if (slopes[at] !== 0) slopes[at] *= 1 - (scores[at] / softCap) ** 2;
      }
    }
  }
  if (biasGradient !== undefined) {
    const { biasBatch, biasHead, biasQuery, biasKey } = numbers;
    const start = Math.floor(head / heads) * biasBatch + (head % heads) * biasHead;
    for (let i = 0; i < m; i++) {
      const row = start + queries.tokens[i] * biasQuery;
      for (let j = 0; j < n; j++) biasGradient[row + keys.tokens[j] * biasKey] += slopes[i * TILE + j];
    }
  }
  if (gatesQueryGradient !== undefined && gatesKeyGradient !== undefined) {
    for (let i = 0; i < m; i++) {
      let sum = 0;
      for (let j = 0; j < n; j++) {
        sum += slopes[i * TILE + j];
        gatesKeyGradient[head * keyLength + keys.tokens[j]] -= slopes[i * TILE + j];
      }
      gatesQueryGradient[head * queryLength + queries.tokens[i]] += sum;
    }
  }
  addRelativeGradients(slopes, queries, keys, head, arrays, gradients, numbers);
}

function addRelativeGradients(
  slopes: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  { relativeQueries, relativeKeys }: TermArrays,
  { relativeQueriesGradient, relativeKeysGradient }: TermGradients,
  numbers: TermNumbers,
): void {
  if (relativeQueries === undefined || relativeKeys === undefined) return;
  if (relativeQueriesGradient === undefined && relativeKeysGradient === undefined) return;
  const { scale, headDim, heads, queryLength, queryStart, nearest, distances } = numbers;
  const [m, n] = [queries.count, keys.count];
  const { from, count, fits } = distancesOf(queries, keys, numbers);
  if (count <= 0) return;
  const start = (head % heads) * distances - nearest;
  if (fits) {
    const byDistance = scratch.get('gradient by distance', slopes, TILE * MOST_DISTANCES);
    for (let i = 0; i < m; i++) {
      byDistance.fill(0, i * MOST_DISTANCES, i * MOST_DISTANCES + count);
      const p = i * MOST_DISTANCES + queryStart + queries.tokens[i] - from;
      for (let j = 0; j < n; j++) {
        const at = p - keys.tokens[j];
        if (at >= i * MOST_DISTANCES && at < i * MOST_DISTANCES + count) byDistance[at] += slopes[i * TILE + j];
      }
    }
    const weights = block(byDistance, 0, MOST_DISTANCES);
    const r = block(relativeKeys, (start + from) * headDim, headDim);
    if (relativeQueriesGradient !== undefined) {
      queries.addProduct(relativeQueriesGradient, head * queryLength, headDim, weights, r, count, scale);
    }
    if (relativeKeysGradient !== undefined) {
      const rows = queries.rows('relative', relativeQueries, head * queryLength, headDim);
      const sum = block(relativeKeysGradient, (start + from) * headDim, headDim);
      multiplyTile(sum, transposed(weights), rows, count, headDim, m, scale, true);
    }
    return;
  }
  for (let i = 0; i < m; i++) {
    const row = (head * queryLength + queries.tokens[i]) * headDim;
    for (let j = 0; j < n; j++) {
      const distance = queryStart + queries.tokens[i] - keys.tokens[j];
      const slope = scale * slopes[i * TILE + j];
      if (slope === 0) continue;
      const to = (start + distance) * headDim;
      for (let c = 0; c < headDim; c++) {
        if (relativeQueriesGradient !== undefined) relativeQueriesGradient[row + c] += slope * relativeKeys[to + c];
        if (relativeKeysGradient !== undefined) relativeKeysGradient[to + c] += slope * relativeQueries[row + c];
      }
    }
  }
}

/** Drops entries of a tile of weights (or of their gradients), the same ones every time, and makes up for them. */
export function dropWeights(
  weights: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  { queryLength, dropKey1, dropKey2, dropThreshold, dropShare }: TermNumbers,
): void {
  for (let i = 0; i < queries.count; i++) {
    // The row has a word of its own, and a pair one from it: there may be more pairs than words.
    const row = scramble(head * queryLength + queries.tokens[i] + dropKey1);
    for (let j = 0; j < keys.count; j++) {
      const bits = scramble(scramble(row ^ (keys.tokens[j] + dropKey2)) + dropKey2) >>> 0;
      weights[i * TILE + j] *= bits < dropThreshold ? 0 : dropShare;
    }
  }
}
