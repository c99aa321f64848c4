/** The best keys for every query, by an indexer's scores. Outside the tape: no gradient can flow through a choice. */
import { expectShape } from '../errors.ts';
import { expectOptions, integerOf } from '../expect.ts';
import { topKeysKernel } from '../kernels/top-keys.ts';
import { queriesOfItem } from '../kernels/top-keys-estimate.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { rowsOf } from './attention-call.ts';
import { expectAxes, expectFlags, expectFloat, expectSameDType, expectTensor } from './check.ts';
import { LONGEST } from './layout.ts';

/** How many keys are chosen, and where the queries stand. */
export interface KeyChoice {
  /** Keys for each query, 1 or more. */
  count: number;
  /** The place of query 0 among the keys: there are this many more keys than queries. */
  start: number;
  /** [batch, keys], uint8: 0 = the key is not chosen. */
  keyMask?: Tensor | undefined;
}

const checks = { count: integerOf(1, LONGEST), start: integerOf(0, LONGEST), keyMask: expectTensor };

/**
 * The `count` keys up to its own place that score highest for each query, by Σ_j w_tj relu(q_tj·k_sj) over the heads j of an
 * indexer: queries [batch, heads, length, width], keys [batch, heads, start + length, width], weights [batch, heads, length].
 * The result is int32 [batch, 1, length, count], ascending, −1 where there are fewer keys. Of keys that score alike the
 * nearest are chosen. Throws ArgumentError or ShapeError, with the name of the argument, for arguments that do not fit.
 */
export function topKeys(queries: Tensor, keys: Tensor, weights: Tensor, choice: KeyChoice): Tensor {
  const { count, start, keyMask } = expectOptions('choice', choice, checks, ['count', 'start']);
  expectFloat('queries', queries);
  expectAxes('queries', queries, 4);
  const [batch, heads, length, width] = queries.shape;
  const keyLength = start + length;
  expectSameDType('keys', keys, queries.dtype, 'to match queries');
  expectShape('keys', keys.shape, [batch, heads, keyLength, width], 'for these queries');
  expectSameDType('weights', weights, queries.dtype, 'to match queries');
  expectShape('weights', weights.shape, [batch, heads, length], 'to match queries');
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, keyLength], 'to match keys');
  const lists = empty([batch, 1, length, count], 'int32');
  const { data, capacity } = rowsOf(keys);
  parallelFor(
    topKeysKernel,
    batch * Math.ceil(length / queriesOfItem(keyLength)),
    {
      queries: elements(queries),
      keys: data,
      weights: elements(weights),
      lists: elements(lists),
      mask: keyMask && elements(keyMask),
    },
    { heads, length, keyLength, capacity, width, count, start },
    { costPerItem: Math.min(length, queriesOfItem(keyLength)) * keyLength * (heads * width + COST_OF_RANK) },
  );
  return lists;
}

/** Ranking a key, in multiply-adds. */
const COST_OF_RANK = 16;
