/** Rows picked and put by index. A row is an entry along the last but one axis. */
import { record } from '../autograd.ts';
import { copyInto } from '../copy-into.ts';
import { ArgumentError, describe, expectInteger, expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectOptions, integerOf } from '../expect.ts';
import { gatherKernel, putRowsKernel, SCATTER_COLUMNS, scatterAddKernel } from '../kernels/rows.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, fromArray, placementOf, Tensor, zeros } from '../tensor.ts';
import { expectAxes, expectFloat, expectSameDType, expectTensor } from './check.ts';

/** Row numbers: one list for all leading entries, or (as a tensor) a list for each. */
export type RowIndex = Int32Array | Tensor;

/** Options of `gatherRows`: a row that gets no gradient. */
export interface GatherOptions {
  /** The number of a row that gets no gradient, such as the padding row of a table of embeddings. */
  constantRow?: number | undefined;
}

/**
 * Row index[j] of x [..., length, width] as row j of the result [..., count, width]. `index` is an Int32Array or an
 * int32 tensor of [count], or an int32 tensor of [..., count] with the leading axes of x. Index −1 gives a row of zeros.
 * Throws ArgumentError if an index is outside −1 … length − 1, or a `constantRow` outside the length.
 */
export function gatherRows(x: Tensor, index: RowIndex, options: GatherOptions = {}): Tensor {
  const { constantRow } = expectOptions('options', options, { constantRow: integerOf(0) });
  expectFloat('x', x);
  const plan = planRows('x', x, index, -1);
  if (constantRow !== undefined) expectInteger('options.constantRow', constantRow, 0, plan.length - 1);
  const own = plan.index();
  const result = empty([...plan.leading, plan.count, plan.width], x.dtype);
  const arrays = { source: elements(x), index: elements(own), result: elements(result) };
  parallelFor(gatherKernel, plan.outer * plan.count, arrays, plan.numbers, {
    costPerItem: 2 * plan.width,
  });
  return record('gatherRows', result, [x], (gradient) => {
    const index = constantRow === undefined ? own : withoutRow(own, constantRow);
    const sums = empty(x.shape, x.dtype);
    parallelFor(
      scatterAddKernel,
      plan.outer * Math.ceil(plan.width / SCATTER_COLUMNS),
      { rows: elements(gradient), index: elements(index), result: elements(sums) },
      plan.numbers,
      {
        costPerItem: 2 * (plan.count + plan.length) * Math.min(plan.width, SCATTER_COLUMNS),
      },
    );
    return [sums];
  });
}

/**
 * base [..., length, width] with row index[j] replaced by row j of `rows` [..., count, width]; `index` as in
 * `gatherRows`, without −1. Throws ArgumentError if an index is outside 0 … length − 1 or appears twice.
 */
export function scatterRows(base: Tensor, index: RowIndex, rows: Tensor): Tensor {
  expectFloat('base', base);
  expectSameDType('rows', rows, base.dtype, 'to match base');
  const plan = planRows('base', base, index, 0);
  expectShape('rows', rows.shape, [...plan.leading, plan.count, plan.width], 'to match base and index');
  expectDistinct(plan);
  const own = plan.index();
  return record('scatterRows', withRows(base, rows, own, plan), [base, rows], (gradient) => [
    base.requiresGrad ? withRows(gradient, zeros(rows.shape, rows.dtype), own, plan) : null,
    rows.requiresGrad ? gatherRows(gradient, own) : null,
  ]);
}

function withoutRow(index: Tensor, row: number): Tensor {
  const others = (elements(index) as Int32Array).map((each) => (each === row ? -1 : each));
  return fromArray(others, index.shape, 'int32');
}

function withRows(base: Tensor, rows: Tensor, index: Tensor, plan: RowPlan): Tensor {
  const result = empty(base.shape, base.dtype);
  copyInto(placementOf(result), placementOf(base));
  parallelFor(
    putRowsKernel,
    plan.outer * plan.count,
    { rows: elements(rows), index: elements(index), result: elements(result) },
    plan.numbers,
    {
      costPerItem: 2 * plan.width,
    },
  );
  return result;
}

interface RowPlan {
  leading: number[];
  outer: number;
  length: number;
  width: number;
  count: number;
  /** The row numbers as the caller passed them. */
  rows: Int32Array;
  /** The same as a tensor. It copies a list, so it is made only after all other checks. */
  index(): Tensor;
  /** For the kernels; `own`: each leading entry has its own list. */
  numbers: { length: number; width: number; count: number; own: number };
}

function planRows(name: string, x: Tensor, index: RowIndex, lowest: number): RowPlan {
  expectAxes(name, x, 2);
  const leading = x.shape.slice(0, -2);
  const [length, width] = x.shape.slice(-2);
  if (index instanceof Int32Array && index.length === 0)
    throw new ShapeError('index: expected at least one row, got none');
  if (!(index instanceof Int32Array) && !(index instanceof Tensor && index.dtype === 'int32')) {
    const given = index instanceof Tensor ? index.dtype : describe(index);
    throw new ArgumentError(`index: expected an Int32Array or an int32 tensor, got ${given}`);
  }
  if (index instanceof Tensor) expectTensor('index', index);
  const shape = index instanceof Int32Array ? [index.length] : index.shape;
  const count = shape[shape.length - 1] ?? 0;
  const own = shape.length !== 1;
  if (own) {
    const expected = [...leading, count];
    if (formatShape(shape) !== formatShape(expected)) {
      throw new ShapeError(
        `index: expected [count] or [${[...leading, 'count'].join(', ')}] for ${name} of ` +
          `${formatShape(x.shape)}, got ${formatShape(shape)}`,
      );
    }
  }
  const rows = index instanceof Int32Array ? index : (elements(index) as Int32Array);
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] < lowest || rows[i] >= length) {
      throw new ArgumentError(`index: expected ${lowest} to ${length - 1}, got ${rows[i]} at element ${i}`);
    }
  }
  const outer = x.size / (length * width);
  return {
    leading,
    outer,
    length,
    width,
    count,
    rows,
    index: () => (index instanceof Tensor ? index : fromArray(index, shape, 'int32')),
    numbers: { length, width, count, own: own ? 1 : 0 },
  };
}

function expectDistinct({ rows, count, length }: RowPlan): void {
  const seenBy = new Int32Array(length).fill(-1);
  for (let i = 0; i < rows.length; i++) {
    const list = Math.floor(i / count);
    if (seenBy[rows[i]] === list) throw new ArgumentError(`index: expected distinct rows, got ${rows[i]} twice`);
    seenBy[rows[i]] = list;
  }
}
