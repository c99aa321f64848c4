/** Softmax attention of every token among those that sorting by group has put near it. */
import { recordAll } from '../autograd.ts';
import { ArgumentError, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectBoolean, expectFiniteNumber, expectRecord, integerOf, optional } from '../expect.ts';
import { chunkedAttentionKernel } from '../kernels/chunked-attention.ts';
import { chunkedGradientKernel, gradientBlock, gradientRounds } from '../kernels/chunked-attention-gradient.ts';
import { type ChunkedNumbers, OWN } from '../kernels/chunks.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import type { Attended } from './attention.ts';
import { beginBackward } from './attention-backward.ts';
import { expectFloat, expectInt32, expectSameDType } from './check.ts';
import { sortByCounting } from './sort.ts';

/** Tokens in groups, sorted by (group, position) in every round, and cut into chunks. See `sortIntoChunks`. */
export interface SortedChunks {
  /** int32 [batch, heads, rounds, length]: the group of each token. */
  group: Tensor;
  /** The token at each place after sorting, and the place of each token. */
  order: Tensor;
  place: Tensor;
  /** Groups are 0 … groups − 1; tokens of group `groups` take no part. */
  groups: number;
  chunkLength: number;
}

export interface ChunkedOptions {
  /** Key j is visible to query i only if j ≤ i, counted before sorting. */
  causal: boolean;
  /** Whether tokens meet that are near each other but in different groups. */
  acrossGroups: boolean;
  /** Added to the score of a token with itself. */
  selfBias: number;
  /** Whether a pair that meets in N rounds weighs 1/N in each, so that the rounds together count it once. */
  countOnce: boolean;
  /** What q·k is multiplied by; 1/√headDim by default. */
  scale?: number;
}

/** Multiply-adds that an exp counts for, and the rules before it. */
const EXP_COST = 24;

/**
 * Sorts tokens by group, stably, in every round, and cuts the sorted tokens into chunks; the last may be shorter.
 * `group` is int32 [batch, heads, rounds, length], 0 … groups; tokens of group `groups` come last and take no part.
 * Throws ShapeError or ArgumentError for what does not fit.
 */
export function sortIntoChunks(group: Tensor, groups: number, chunkLength: number): SortedChunks {
  expectInt32('group', group);
  if (group.shape.length !== 4) {
    throw new ShapeError(`group: expected [batch, heads, rounds, length], got ${formatShape(group.shape)}`);
  }
  expectInteger('groups', groups, 1);
  expectInteger('chunkLength', chunkLength, 1);
  const { order, place } = sortByCounting('group', group, groups + 1);
  return { group, order, place, groups, chunkLength };
}

/**
 * One round of attention among sorted tokens: query i meets key j if both are in one group, and the place of j is in the
 * chunk of i's, the one before it, or (unless causal) the one after it. queries and keys [batch, heads, length, headDim],
 * values [batch, heads, length, valueDim], all in the order before sorting, as are the results, which are
 * differentiable. O(length · chunkLength) time at most, O(length) memory. Join the rounds by `joinAttention`.
 * Throws ShapeError or ArgumentError for what does not fit.
 */
export function chunkedAttention(
  queries: Tensor,
  keys: Tensor,
  values: Tensor,
  chunks: SortedChunks,
  round: number,
  options: ChunkedOptions,
): Attended {
  expectInputs(queries, keys, values, chunks, round);
  expectRecord('options', options, {
    causal: expectBoolean,
    acrossGroups: expectBoolean,
    countOnce: expectBoolean,
    selfBias: expectFiniteNumber,
    scale: optional(expectFiniteNumber),
  });
  const [batch, heads, length, headDim] = queries.shape;
  const valueDim = values.shape[3];
  const { chunkLength, groups } = chunks;
  const rounds = chunks.group.shape[2];
  const numbers: ChunkedNumbers = [
    length,
    headDim,
    valueDim,
    options.scale ?? 1 / Math.sqrt(headDim),
    rounds,
    round,
    chunkLength,
    groups,
    options.causal ? 1 : 0,
    options.acrossGroups ? 1 : 0,
    options.selfBias,
    options.countOnce && rounds > 1 ? 1 : 0,
  ];
  const items = batch * heads * Math.ceil(length / OWN);
  const reach = Math.min(length, OWN + (options.causal ? 1 : 2) * chunkLength);
  const pairsPerItem = Math.min(length, OWN) * reach;
  const given = [chunks.order, chunks.place, chunks.group, queries, keys, values];

  const output = empty([batch, heads, length, valueDim], queries.dtype);
  const logSumExp = empty([batch, heads, length], queries.dtype);
  parallelFor(chunkedAttentionKernel, items, [...given, output, logSumExp].map(elements), numbers, {
    costPerItem: pairsPerItem * (headDim + valueDim + EXP_COST),
  });

  recordAll('chunkedAttention', [output, logSumExp], [queries, keys, values], (upstream) => {
    const begun = beginBackward([output, logSumExp], upstream, [queries, keys, values]);
    const { outputGradient, delta, gradients, results, asked } = begun;
    const arrays = [...given, outputGradient, logSumExp, delta, ...results].map(elements);
    const block = gradientBlock(chunkLength);
    const blocks = batch * heads * Math.ceil(length / block);
    for (const distance of gradientRounds(options.causal)) {
      // Of a block beside theirs, queries only meet the chunk at the edge.
      const pairs = distance === 0 ? (items * pairsPerItem) / blocks : chunkLength * chunkLength;
      parallelFor(chunkedGradientKernel, blocks, arrays, [...numbers, distance, asked], {
        costPerItem: pairs * (4 * headDim + valueDim + EXP_COST),
      });
    }
    return gradients;
  });
  return { output, logSumExp };
}

function expectInputs(queries: Tensor, keys: Tensor, values: Tensor, chunks: SortedChunks, round: number): void {
  expectFloat('queries', queries);
  expectSameDType('keys', keys, queries.dtype, 'to match queries');
  expectSameDType('values', values, queries.dtype, 'to match queries');
  if (queries.shape.length !== 4) {
    throw new ShapeError(`queries: expected [batch, heads, length, headDim], got ${formatShape(queries.shape)}`);
  }
  const table = (name: string, tensor: unknown) => expectInt32(name, tensor as Tensor);
  expectRecord('chunks', chunks, {
    group: table,
    order: table,
    place: table,
    groups: integerOf(1),
    chunkLength: integerOf(1),
  });
  const [batch, heads, length] = queries.shape;
  const rounds = chunks.group.shape[2];
  expectShape('keys', keys.shape, queries.shape, 'to match queries');
  expectShape('values', values.shape, [batch, heads, length, values.shape[3]], 'to match queries');
  expectInteger('round', round, 0, rounds - 1);
  for (const name of ['group', 'order', 'place'] as const) {
    expectShape(`chunks.${name}`, chunks[name].shape, [batch, heads, rounds, length], 'to match queries');
    expectRoundWithin(`chunks.${name}`, chunks[name], round, name === 'group' ? chunks.groups + 1 : length);
  }
}

/** Throws ArgumentError unless the entries of one round are 0 … below − 1: a kernel goes where they say. */
function expectRoundWithin(name: string, table: Tensor, round: number, below: number): void {
  const [batch, heads, rounds, length] = table.shape;
  const entries = elements(table);
  for (let head = 0; head < batch * heads; head++) {
    const begin = (head * rounds + round) * length;
    for (let at = begin; at < begin + length; at++) {
      if (entries[at] >= 0 && entries[at] < below) continue;
      throw new ArgumentError(`${name}: expected 0 to ${below - 1}, got ${entries[at]} at element ${at}`);
    }
  }
}
