/**
 * Caches that grow by a few rows at a time: rows lie in buffers with room after them, so that a step copies only the rows it
 * adds.
 */
import { record } from '../core/autograd.ts';
import { copyInto } from '../core/copy-into.ts';
import { slice } from '../core/ops/index.ts';
import { empty, placementOf, type Tensor, viewAt } from '../core/tensor.ts';

/** A window may hold twice its own rows plus this many before it is copied. */
export const SLACK = 16;

/** A buffer for the rows of a cache, with room after them. `used` rows of each head are taken, up to those appended last. */
interface Buffer {
  rows: Tensor;
  used: number;
}

const buffers = new WeakMap<object, Buffer>();

/** Rows `first` … `end` − 1 of every head of a buffer. */
const rowsOfBuffer = (buffer: Tensor, first: number, end: number): Tensor => {
  const { shape, stride, offset } = placementOf(buffer);
  return viewAt(buffer, shape.with(2, end - first), offset + first * stride[2], stride);
};

/**
 * past [batch, heads, n, width] and rows [batch, heads, m, width], one after another. The result shares memory with `past` if
 * there is room after it. `past` stays as it is: a second continuation from it gets a copy.
 */
export function appendRows(past: Tensor | undefined, rows: Tensor): Tensor {
  const [batch, heads, length, width] = rows.shape;
  const held = past?.shape[2] ?? 0;
  const known = past === undefined ? undefined : buffers.get(past.block);
  const first =
    past === undefined ? 0 : (placementOf(past).offset / width) % (known?.rows.shape[2] ?? Number.POSITIVE_INFINITY);
  const fits = known !== undefined && first + held === known.used && known.used + length <= known.rows.shape[2];
  let all: Tensor;
  if (fits && known !== undefined) {
    copyInto(placementOf(rowsOfBuffer(known.rows, known.used, known.used + length)), placementOf(rows));
    known.used += length;
    all = rowsOfBuffer(known.rows, first, first + held + length);
  } else {
    // Twice the rows it holds, so that a token costs a constant number of copies on average.
    const buffer = empty([batch, heads, Math.max(SLACK, 2 * (held + length)), width], rows.dtype as 'float32');
    if (past !== undefined) copyInto(placementOf(rowsOfBuffer(buffer, 0, held)), placementOf(past));
    copyInto(placementOf(rowsOfBuffer(buffer, held, held + length)), placementOf(rows));
    buffers.set(buffer.block, { rows: buffer, used: held + length });
    all = rowsOfBuffer(buffer, 0, held + length);
  }
  const inputs = past === undefined ? [rows] : [past, rows];
  return record('appendRows', all, inputs, (gradient) => {
    const own = slice(gradient, 2, held, held + length);
    return past === undefined ? [own] : [slice(gradient, 2, 0, held), own];
  });
}
