/** Routing of queries to blocks of keys, outside the tape: a choice is nothing that a gradient could flow through. */
import { ArgumentError, expectShape } from '../errors.ts';
import { expectOptions, integerOf } from '../expect.ts';
import { chooseBlocksKernel } from '../kernels/choose-blocks.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, type Tensor } from '../tensor.ts';
import { rowsOf } from './attention-call.ts';
import { expectAxes, expectFloat, expectInt32, expectTensor } from './check.ts';
import { LONGEST } from './layout.ts';

/** What `chooseBlocks` chooses from. */
export interface RoutingChoice {
  /** Keys of a block. */
  blockSize: number;
  /** The most blocks that a query chooses. */
  count: number;
  /** Place of query 0 among the keys; 0 by default. */
  start?: number;
  /** int32 [batch, blocks]: 0 for a block that none may choose, such as one of padding. Absent: all may be chosen. */
  real?: Tensor | undefined;
}

/**
 * For every query [batch, heads, length, width] the `count` blocks whose means, float64 [batch, heads, blocks, width], have
 * the largest products with it, among the blocks that end before the query: int32 [batch, heads, length, count], the best
 * first, −1 for none. Of equal products the first counts. Throws ShapeError or ArgumentError for arguments that do not fit.
 */
export function chooseBlocks(queries: Tensor, means: Tensor, choice: RoutingChoice): Tensor {
  expectFloat('queries', queries);
  expectAxes('queries', queries, 4);
  expectTensor('means', means);
  const {
    blockSize,
    count,
    start = 0,
    real,
  } = expectOptions(
    'choice',
    choice,
    {
      blockSize: integerOf(1, LONGEST),
      count: integerOf(1, LONGEST),
      start: integerOf(0, LONGEST),
      real: expectTensor,
    },
    ['blockSize', 'count'],
  );
  const [batch, heads, length, width] = queries.shape;
  const blocks = means.shape[2];
  expectShape('means', means.shape, [batch, heads, blocks, width], 'to match queries');
  if (means.dtype !== 'float64') throw new ArgumentError(`means: expected float64, got ${means.dtype}`);
  if (real !== undefined) {
    expectInt32('real', real);
    expectShape('real', real.shape, [batch, blocks], 'to match means');
  }
  const needed = Math.floor((start + length - 1) / blockSize);
  if (blocks < needed) throw new ArgumentError(`means: expected those of ${needed} blocks, got ${blocks}`);
  const result = empty([batch, heads, length, count], 'int32');
  const { data, capacity } = rowsOf(means);
  parallelFor(
    chooseBlocksKernel,
    batch * heads * length,
    {
      queries: elements(queries),
      means: data,
      result: elements(result),
      ...(real && { real: elements(real) }),
    },
    { length, lists: heads, width, capacity, blocks, blockSize, start, count },
    { costPerItem: Math.max(1, blocks) * (width + 2) },
  );
  return result;
}
