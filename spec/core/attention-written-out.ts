/** Attention over key sets, pair by pair in float64: which pairs meet, and how often, is read off the sets as they are stated. */

import { isBlockSet } from '../../src/core/ops/check-key-sets.ts';
import { type AttentionSettings, type BlockSet, type KeySet, type RunSet, runs } from '../../src/core/ops/index.ts';
import type { Random } from '../../src/core/random.ts';
import { elements, fromArray, type Tensor } from '../../src/core/tensor.ts';

type Pair = (batch: number, head: number, query: number, key: number) => number;

/** Entry of a table [batch or 1, heads or 1, …rest], whatever its batch and heads. */
function entry(tensor: Tensor, b: number, h: number, ...rest: number[]): number {
  const { shape } = tensor;
  const index = [shape[0] === 1 ? 0 : b, shape[1] === 1 ? 0 : h, ...rest];
  return elements(tensor)[index.reduce((at, n, axis) => at * shape[axis] + n, 0)];
}

function tokenAt(given: Tensor | Int32Array, b: number, h: number, round: number, place: number): number {
  if (given instanceof Int32Array) return given[place];
  return given.shape.length === 3 ? entry(given, b, h, place) : entry(given, b, h, round, place);
}

function labelOf(labels: Tensor, b: number, h: number, round: number, token: number): number {
  return labels.shape.length === 3 ? entry(labels, b, h, token) : entry(labels, b, h, round, token);
}

function roundsOf(set: RunSet | BlockSet): number {
  const labels = set.labels === undefined ? [] : 'queries' in set.labels ? [set.labels.queries] : [set.labels];
  const tensors = [set.queryTokens, set.keyTokens, ...labels].filter(
    (each): each is Tensor => each !== undefined && !(each instanceof Int32Array),
  );
  return Math.max(1, ...tensors.map(({ shape }) => (shape.length === 4 ? shape[2] : 1)));
}

const known = new WeakMap<object, Map<string, Int32Array>>();

/** The token at every place. */
function placesIn(order: Tensor | Int32Array, b: number, h: number, round: number, count: number): Int32Array {
  const lists = known.get(order) ?? new Map<string, Int32Array>();
  known.set(order, lists);
  const name = `${b} ${h} ${round}`;
  const list = lists.get(name) ?? Int32Array.from({ length: count }, (_, place) => tokenAt(order, b, h, round, place));
  lists.set(name, list);
  return list;
}

function meetsInRound(
  set: RunSet | BlockSet,
  round: number,
  start: number,
  b: number,
  h: number,
  i: number,
  j: number,
): boolean {
  const places = (order: Tensor | Int32Array | undefined, count: number, token: number) =>
    order === undefined ? token : placesIn(order, b, h, round, count).indexOf(token);
  const [queryCount, keyCount] = isBlockSet(set)
    ? [set.queryLength, set.keyLength]
    : [set.layout.queryLength, set.layout.keyLength];
  const [query, key] = [places(set.queryTokens, queryCount, i), places(set.keyTokens, keyCount, j)];
  if (query < 0 || key < 0) return false;
  if (set.causal && j > start + i) return false;
  for (let n = 0; n < (set.except?.length ?? 0); n++) if (set.except?.[n] === j) return false;
  if (set.labels !== undefined) {
    const { queries, keys } = 'queries' in set.labels ? set.labels : { queries: set.labels, keys: set.labels };
    const own = labelOf(queries, b, h, round, i);
    if (own < 0 || own !== labelOf(keys, b, h, round, j)) return false;
  }
  if (isBlockSet(set)) {
    const width = set.lists.shape[3];
    for (let n = 0; n < width; n++) {
      if (entry(set.lists, b, h, Math.floor(query / set.queryBlock), n) === Math.floor(key / set.keyBlock)) return true;
    }
    return false;
  }
  const { heads } = set.layout;
  const { dilation, begin, end, start: first = 0 } = heads[heads.length === 1 ? 0 : h];
  if (key % dilation !== (first + query) % dilation) return false;
  const n = Math.floor(key / dilation);
  return n >= begin[query] && n < end[query];
}

/** How often a pair counts, over all sets and rounds. */
export function multiplicity(sets: readonly KeySet[], start: number): Pair {
  return (b, h, i, j) => {
    let sum = 0;
    for (const given of sets) {
      const set = 'heads' in given ? { layout: given } : given;
      let meetings = 0;
      for (let round = 0; round < roundsOf(set); round++) if (meetsInRound(set, round, start, b, h, i, j)) meetings++;
      // Nobody counts how often a token meets itself.
      const once = !isBlockSet(set) && set.once === true && j !== start + i;
      sum += once && meetings > 1 ? 1 : meetings;
    }
    return sum;
  };
}

/** Output [batch, heads, queryLength, valueDim] and log-sum-exp of it all, as lists of numbers. */
export function attentionWrittenOut(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  sets: readonly KeySet[],
  settings: AttentionSettings = {},
): { output: number[]; logSumExp: number[] } {
  const [batch, heads, queryLength, headDim] = queries.shape;
  const [, keyHeads, keyLength] = keys.shape;
  const width = values.shape[3];
  const {
    keyMask,
    scale = 1 / Math.sqrt(headDim),
    queryStart = 0,
    bias,
    relative,
    slopes,
    logGates,
    softCap,
    selfBias = 0,
    sinks,
  } = settings;
  const at = (tensor: Tensor, ...index: number[]) =>
    elements(tensor)[index.reduce((sum, n, axis) => sum * tensor.shape[axis] + (tensor.shape[axis] === 1 ? 0 : n), 0)];
  const times = multiplicity(sets, queryStart);
  const output: number[] = [];
  const logSumExp: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const keyHead = Math.floor(h / (heads / keyHeads));
      for (let i = 0; i < queryLength; i++) {
        const p = queryStart + i;
        const scores: number[] = [];
        for (let j = 0; j < keyLength; j++) {
          const count = times(b, h, i, j);
          if (count === 0 || (keyMask && at(keyMask, b, j) === 0)) {
            scores.push(-Infinity);
            continue;
          }
          let score = 0;
          for (let c = 0; c < headDim; c++) score += scale * at(queries, b, h, i, c) * at(keys, b, keyHead, j, c);
          if (relative) {
            const row = p - j - relative.nearest;
            for (let c = 0; c < headDim; c++)
              score += scale * at(relative.queries, b, h, i, c) * at(relative.keys, h, row, c);
          }
          if (bias) score += at(bias, b, h, i, j);
          if (slopes) score -= slopes[h] * Math.abs(p - j);
          if (logGates) {
            for (let l = j + 1; l <= p; l++) score += at(logGates, b, h, l);
            for (let l = p + 1; l <= j; l++) score -= at(logGates, b, h, l);
          }
          if (softCap) score = softCap * Math.tanh(score / softCap);
          scores.push(score + (p === j ? selfBias : 0) + Math.log(count));
        }
        const sink = sinks ? at(sinks, h) : -Infinity;
        const largest = Math.max(sink, ...scores);
        const exponentials = scores.map((score) => (largest === -Infinity ? 0 : Math.exp(score - largest)));
        const sum = exponentials.reduce(
          (total, each) => total + each,
          sink === -Infinity ? 0 : Math.exp(sink - largest),
        );
        logSumExp.push(sum === 0 ? -Infinity : largest + Math.log(sum));
        for (let c = 0; c < width; c++) {
          let total = 0;
          exponentials.forEach((weight, j) => {
            if (weight !== 0) total += (weight / sum) * at(values, b, keyHead, j, c);
          });
          output.push(total);
        }
      }
    }
  }
  return { output, logSumExp };
}

/** Two rounds of tokens in groups, sorted and cut into as many chunks, as hashing has them; one group meets nobody. */
export function sortedSet(length: number, groups: number, random: Random): RunSet {
  const labels = Array.from({ length: 2 * length }, () => random.integer(groups + 1) - 1);
  const orders = [0, 1].map((round) => {
    const own = labels.slice(round * length, (round + 1) * length);
    return own.map((_, token) => token).sort((a, b) => own[a] - own[b] || a - b);
  });
  const size = Math.ceil(length / groups);
  const chunkOf = (place: number) => Math.floor(place / size);
  const begin = Int32Array.from({ length }, (_, place) => Math.max(0, chunkOf(place) - 1) * size);
  const end = Int32Array.from({ length }, (_, place) => Math.min(length, (chunkOf(place) + 2) * size));
  const order = fromArray(orders.flat(), [1, 1, 2, length], 'int32');
  return {
    layout: runs(begin, end, length),
    queryTokens: order,
    keyTokens: order,
    labels: fromArray(labels, [1, 1, 2, length], 'int32'),
  };
}
