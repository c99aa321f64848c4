/** The best blocks of keys for every query, by coarse keys. Outside the tape: no gradient can flow through a choice. */
import { ArgumentError, expectShape } from '../errors.ts';
import { expectOptions, integerOf } from '../expect.ts';
import { coarseSeen } from '../kernels/coarse-keys.ts';
import { topBlocksKernel } from '../kernels/top-blocks.ts';
import { QUERIES_OF_ITEM } from '../kernels/top-blocks-estimate.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { rowsOf } from './attention-call.ts';
import { expectAxes, expectFlags, expectFloat, expectSameDType, expectTensor } from './check.ts';
import { LONGEST } from './layout.ts';

export { coarseSeen };

/** What a coarse key stands for, and how many blocks of which size are chosen. */
export interface BlockChoice {
  /** The place of query 0 among the tokens. */
  start: number;
  /** Tokens that a coarse key stands for: key c for those from c · stride on. */
  span: number;
  stride: number;
  /** Tokens of a block. */
  block: number;
  /** Blocks for each query, 3 or more: the first, the last two, and the best of the others. */
  count: number;
  /** Neighbouring heads that add their scores up and share the choice; it divides the number of heads. */
  group: number;
  /** [batch, coarse keys], uint8: 0 = the key counts for nothing. */
  keyMask?: Tensor | undefined;
}

const SIZES = ['start', 'span', 'stride', 'block', 'count', 'group'] as const;

const checks = {
  start: integerOf(0, LONGEST),
  span: integerOf(1, LONGEST),
  stride: integerOf(1, LONGEST),
  block: integerOf(1, LONGEST),
  count: integerOf(3, LONGEST),
  group: integerOf(1, LONGEST),
  keyMask: expectTensor,
};

/**
 * For queries [batch, heads, length, width] and coarse keys [batch, heads, n, width], the blocks of tokens that each query
 * should meet: int32 [batch, heads, length, count], ascending, −1 where it has fewer. A block's score is the sum of
 * softmax(q·K/√width) over coarse keys, each times the tokens that it has in common with the block, in strides. No block lies
 * after a query, and none is named twice. Without coarse keys, null, all blocks but the fixed ones are equally good. Throws
 * ArgumentError or ShapeError, with the name of the argument, for arguments that do not fit.
 */
export function topBlocks(queries: Tensor, keys: Tensor | null, choice: BlockChoice): Tensor {
  const { keyMask, ...sizes } = expectOptions('choice', choice, checks, SIZES);
  expectFloat('queries', queries);
  expectAxes('queries', queries, 4);
  const [batch, heads, length, width] = queries.shape;
  const coarse = coarseSeen(sizes.start + length, sizes.span, sizes.stride);
  if (heads % sizes.group !== 0)
    throw new ArgumentError(`group: expected a divisor of ${heads} heads, got ${sizes.group}`);
  if (keys !== null) expectSameDType('keys', keys, queries.dtype, 'to match queries');
  if (keys !== null) expectShape('keys', keys.shape, [batch, heads, coarse, width], 'for these tokens');
  else if (coarse > 0) throw new ArgumentError(`keys: expected ${coarse} coarse keys, got none`);
  if (keyMask !== undefined) expectFlags('keyMask', keyMask, [batch, coarse], 'to match keys');

  const lists = empty([batch, heads, length, sizes.count], 'int32');
  const rows = keys && rowsOf(keys);
  parallelFor(
    topBlocksKernel,
    ((batch * heads) / sizes.group) * Math.ceil(length / QUERIES_OF_ITEM),
    {
      queries: elements(queries),
      keys: rows?.data ?? elements(queries),
      lists: elements(lists),
      mask: keyMask && elements(keyMask),
    },
    { ...sizes, heads, length, width, coarse, capacity: rows?.capacity ?? 0 },
    { costPerItem: Math.min(length, QUERIES_OF_ITEM) * sizes.group * coarse * (width + COST_OF_WEIGHT) },
  );
  return lists;
}

/** An exp and the shares of two blocks, in multiply-adds. */
const COST_OF_WEIGHT = 32;
