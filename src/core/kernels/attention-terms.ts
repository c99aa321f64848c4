/**
 * The terms that attention adds to its scores besides scale · q_i·k_j, on one tile of pairs, and their gradients. With p_i
 * the place of query i among the keys:
 *
 *     S_ij = c tanh((scale q_i·k_j + scale q̂_i·r_{p_i − j} + bias_ij − slope |p_i − j| + G_{p_i} − G_j) / c)
 *
 * A relative rule q̂·r (Dai et al. 2019, §3.3), a bias, slopes (ALiBi; Press et al. 2022), sums of log-gates (forgetting
 * attention; Lin et al. 2025, eq. 5) and a soft cap (Gemma 2, 2024, §2): each is optional.
 */
import type { NumericArray } from '../memory.ts';
import { scramble } from '../portable.ts';
import {
  addRelative,
  addRelativeGradients,
  RELATIVE_ARRAYS,
  RELATIVE_GRADIENTS,
  RELATIVE_NUMBERS,
} from './attention-relative.ts';
import { type Side, TILE } from './attention-side.ts';
import type { KernelArrays, KernelNumbers } from './kernel.ts';

/** Arrays of the terms, all optional. */
export const TERM_ARRAYS = ['bias', 'slopes', 'gates', ...RELATIVE_ARRAYS] as const;

/** Numbers of the terms. */
export const TERM_NUMBERS = [
  ...RELATIVE_NUMBERS,
  'keyLength',
  /** Distances of the bias's axes in memory; 0 along an axis of extent 1. */
  'biasBatch',
  'biasHead',
  'biasQuery',
  'biasKey',
  /** 0: none. */
  'softCap',
  /** Sums of gates from one head to the next. */
  'gateCapacity',
  /** Weights dropped: the words of a key, a threshold of 2³² (0: none), and what the others are multiplied by. */
  'dropKey1',
  'dropKey2',
  'dropThreshold',
  'dropShare',
] as const;

type TermArrays = KernelArrays<never, (typeof TERM_ARRAYS)[number]>;
type TermNumbers = KernelNumbers<(typeof TERM_NUMBERS)[number]>;

/** Gradients of the terms, all optional. */
export const TERM_GRADIENTS = [
  'biasGradient',
  'gatesQueryGradient',
  'gatesKeyGradient',
  ...RELATIVE_GRADIENTS,
] as const;

type TermGradients = KernelArrays<never, (typeof TERM_GRADIENTS)[number]>;

/** Adds the terms to a tile of scores, rows TILE apart, which holds scale · q·k. `head` counts batch entries and heads. */
export function addTerms(
  scores: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  arrays: TermArrays,
  numbers: TermNumbers,
): void {
  const { bias, slopes, gates } = arrays;
  const { heads, gateCapacity, queryStart, softCap } = numbers;
  const [m, n] = [queries.count, keys.count];
  const h = head % heads;
  addRelative(scores, queries, keys, head, arrays, numbers);
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
    const start = head * gateCapacity;
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

/**
 * Passes a tile of ∂S on to the terms. `slopes` holds ∂S for the capped scores on entry, and for the scores before the cap on
 * return; `scores` holds the capped scores, if there is a cap.
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
    // tanh′ = 1 − tanh². A pair that must not meet has ∂S = 0.
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

/** Drops entries of a tile of weights (or of their gradients), the same ones every time, and scales up the others. */
export function dropWeights(
  weights: NumericArray,
  queries: Side,
  keys: Side,
  head: number,
  { queryLength, dropKey1, dropKey2, dropThreshold, dropShare }: TermNumbers,
): void {
  for (let i = 0; i < queries.count; i++) {
    // Each row draws a word, and each pair derives one from it: there may be more pairs than words.
    const row = scramble(head * queryLength + queries.tokens[i] + dropKey1);
    for (let j = 0; j < keys.count; j++) {
      const bits = scramble(scramble(row ^ (keys.tokens[j] + dropKey2)) + dropKey2) >>> 0;
      weights[i * TILE + j] *= bits < dropThreshold ? 0 : dropShare;
    }
  }
}
