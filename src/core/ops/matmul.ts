/** The matrix product, batched over leading axes. */
import { record } from '../autograd.ts';
import { formatShape, ShapeError } from '../errors.ts';
import { expectBoolean, expectOptions } from '../expect.ts';
import { matmulItem, matmulKernel, packRightKernel, rightPanels } from '../kernels/matmul.ts';
import { isOnHeap, vectorKernels } from '../kernels/simd.ts';
import { ALIGNMENT, allocate, type NumericArray, release, reserveOutsideStatistics, viewOf } from '../memory.ts';
import { parallelFor } from '../parallel/pool.ts';
import { elements, empty, isContiguous, placementOf, sizeOf, type Tensor } from '../tensor.ts';
import { broadcastShape, sumTo } from './broadcast.ts';
import { expectAxes, expectFloat, expectSameDType } from './check.ts';
import { contiguous, reshape, transpose } from './shape.ts';

/** Which of its two factors `matmul` transposes. */
export interface MatmulOptions {
  /** Multiply with aᵀ, over its last two axes. */
  transposeA?: boolean;
  /** Multiply with bᵀ, over its last two axes. */
  transposeB?: boolean;
}

const checks = { transposeA: expectBoolean, transposeB: expectBoolean };

/**
 * a [..., m, k] · b [..., k, n] → [..., m, n]; leading axes broadcast. Throws ShapeError if the inner extents or the
 * leading axes do not fit.
 */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false } = expectOptions('options', options, checks);
  expectFloat('a', a);
  expectSameDType('b', b, a.dtype, 'to match a');
  expectAxes('a', a, 2);
  expectAxes('b', b, 2);
  if (b.shape.length === 2 && a.shape.length > 2 && !transposeA) {
    // One matrix for every batch entry: a single tall product, whose gradient for b needs no sum over the batch.
    const rows = contiguous(a);
    return record('matmul', multipliedRows(rows, b, transposeB), [rows, b], (gradient) => {
      const [first, second] = (transposeB ? [gradient, rows] : [rows, gradient]).map(tall);
      return [
        rows.requiresGrad ? matmul(gradient, b, { transposeB: !transposeB }) : null,
        b.requiresGrad ? matmul(first, second, { transposeA: true }) : null,
      ];
    });
  }
  return record('matmul', multiplied(a, b, transposeA, transposeB), [a, b], (gradient) => {
    const gradientOfA = () =>
      transposeA
        ? matmul(b, gradient, { transposeA: transposeB, transposeB: true })
        : matmul(gradient, b, { transposeB: !transposeB });
    const gradientOfB = () =>
      transposeB
        ? matmul(gradient, a, { transposeA: true, transposeB: transposeA })
        : matmul(a, gradient, { transposeA: !transposeA });
    return [
      a.requiresGrad ? sumTo(gradientOfA(), a.shape) : null,
      b.requiresGrad ? sumTo(gradientOfB(), b.shape) : null,
    ];
  });
}

/** [..., k] as [rows, k]. */
const tall = (x: Tensor): Tensor => reshape(x, [-1, x.shape[x.shape.length - 1]]);

/** a · b for contiguous a [..., k] and one matrix b for all its rows, plus a bias [n] in each: [..., n]. */
export function multipliedRows(a: Tensor, b: Tensor, transposeB: boolean, bias?: Tensor): Tensor {
  const { shape, size } = placementOf(a);
  const columns = shape[shape.length - 1];
  const left = { data: elements(a), batch: NONE, rows: size / columns, columns, transposed: false };
  const right = matrices(b, transposeB);
  expectInner(left, right, a, b, false, transposeB);
  return product(left, right, NONE, shape.with(-1, right.columns), a.dtype, bias);
}

const NONE: readonly number[] = [];

/** a · b, plus a bias [n] in every row. */
export function multiplied(
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
  bias?: Tensor | undefined,
): Tensor {
  const left = matrices(a, transposeA);
  const right = matrices(b, transposeB);
  expectInner(left, right, a, b, transposeA, transposeB);
  const batch = broadcastShape(left.batch, right.batch, 'leading axes of a and b');
  return product(left, right, batch, [...batch, left.rows, right.columns], a.dtype, bias);
}

function expectInner(
  left: Matrices,
  right: Matrices,
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
): void {
  if (left.columns === right.rows) return;
  const note = transposeA || transposeB ? ` (transposeA: ${transposeA}, transposeB: ${transposeB})` : '';
  throw new ShapeError(
    `a and b: expected inner extents to match, got ${formatShape(a.shape)} and ${formatShape(b.shape)}${note}`,
  );
}

/** The products of all entries of `batch`, in a tensor of this shape. */
function product(
  left: Matrices,
  right: Matrices,
  batch: readonly number[],
  shape: readonly number[],
  dtype: Tensor['dtype'],
  bias: Tensor | undefined,
): Tensor {
  const [m, n, k] = [left.rows, right.columns, left.columns];
  const result = empty(shape, dtype);
  const numbers = { m, n, k, transposeA: Number(left.transposed), transposeB: Number(right.transposed) };
  const offsets = batchOffsets(batch, left.batch, m * k, right.batch, k * n);
  const { count } = matmulItem(m, n, k);
  const items = sizeOf(batch) * count;
  const costPerItem = (m * n * k) / count;
  const panels = sizeOf(right.batch) === 1 ? packedOnce(right, m) : undefined;
  const arrays = { a: left.data, b: right.data, c: elements(result), offsets, bias: bias && elements(bias), panels };
  parallelFor(matmulKernel, items, arrays, numbers, { costPerItem });
  if (offsets !== fromTheStart) release(offsets);
  if (panels !== undefined) release(panels);
  return result;
}

/** The right matrix in panels, for vector kernels, where many items would pack it again; else undefined. */
function packedOnce({ data, rows: k, columns: n, transposed }: Matrices, m: number): NumericArray | undefined {
  const sizes = isOnHeap(data) && vectorKernels() !== null ? rightPanels(m, n, k, transposed) : null;
  if (sizes === null) return undefined;
  const panels = allocate('float32', sizes.length);
  const numbers = { n, k, transposeB: Number(transposed) };
  parallelFor(packRightKernel, sizes.items, { b: data, panels }, numbers, { costPerItem: (k * n) / sizes.items });
  return panels;
}

interface Matrices {
  data: NumericArray;
  batch: readonly number[];
  /** The extents after transposition. */
  rows: number;
  columns: number;
  /** Whether the data is stored column by column. */
  transposed: boolean;
}

/** The operand in the form the kernel needs. A transposed view needs no copy: its data is the transposed matrix, in order. */
function matrices(x: Tensor, transposed: boolean): Matrices {
  const { shape } = x;
  const [first, second] = [shape[shape.length - 2], shape[shape.length - 1]];
  const isColumns = !isContiguous(x) && isContiguous(transpose(x));
  // Written out: spread into one another, these objects took a fifth of the time of a small product.
  return {
    data: elements(isColumns ? transpose(x) : x),
    batch: shape.slice(0, -2),
    rows: transposed ? second : first,
    columns: transposed ? first : second,
    transposed: transposed !== isColumns,
  };
}

/** The offsets of a single product. */
let fromTheStart: NumericArray | null = null;

/** Where each batch entry starts in a and in b. */
function batchOffsets(
  batch: readonly number[],
  batchOfA: readonly number[],
  sizeOfA: number,
  batchOfB: readonly number[],
  sizeOfB: number,
): NumericArray {
  if (sizeOf(batch) === 1) {
    fromTheStart ??= viewOf('int32', reserveOutsideStatistics(ALIGNMENT), 2).fill(0);
    return fromTheStart;
  }
  const offsets = allocate('int32', 2 * sizeOf(batch));
  fillOffsets(offsets, 0, batch, batchOfA, sizeOfA);
  fillOffsets(offsets, 1, batch, batchOfB, sizeOfB);
  return offsets;
}

function fillOffsets(
  offsets: NumericArray,
  which: number,
  batch: readonly number[],
  own: readonly number[],
  size: number,
): void {
  const lead = batch.length - own.length;
  for (let entry = 0; entry < offsets.length / 2; entry++) {
    let rest = entry;
    let offset = 0;
    let stride = size;
    for (let axis = batch.length - 1; axis >= lead; axis--) {
      const index = rest % batch[axis];
      rest = (rest - index) / batch[axis];
      if (own[axis - lead] !== 1) offset += index * stride;
      stride *= own[axis - lead];
    }
    offsets[2 * entry + which] = offset;
  }
}
