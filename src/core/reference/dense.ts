/** The oracle's numbers: dense float64 arrays, and plain ways to read them. */

import { adviceForDense } from '../advice.ts';
import { expectArrayLike, expectNumbers } from '../dtype.ts';
import { expectInteger, expectShape, formatShape, ShapeError, wrongKind } from '../errors.ts';
import { expectList, expectRecord } from '../expect.ts';

/** Numbers in row-major order, without gaps. */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** Numbers of 64 bits with a shape, in row-major order: what the oracle returns. */
export interface Dense64 extends Dense {
  readonly data: Float64Array;
}

/** Row i of `left` times row j of `right`. */
export function dot(left: Dense, i: number, right: Dense, j: number, b: number, h: number): number {
  let sum = 0;
  for (let c = 0; c < left.shape[3]; c++) sum += at(left, b, h, i, c) * at(right, b, h, j, c);
  return sum;
}

export function eachRow(
  weights: Dense64,
  visit: (batch: number, head: number, query: number, keyLength: number) => void,
): void {
  const [batch, heads, queryLength, keyLength] = weights.shape;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < queryLength; i++) visit(b, h, i, keyLength);
    }
  }
}

export function offset({ shape }: Dense, b: number, h: number, row: number, column: number): number {
  return ((b * shape[1] + h) * shape[2] + row) * shape[3] + column;
}

export function at(dense: Dense, b: number, h: number, row: number, column: number): number {
  return dense.data[offset(dense, b, h, row, column)];
}

export function zeros(shape: readonly number[]): Dense64 {
  return { shape, data: new Float64Array(shape.reduce((size, extent) => size * extent, 1)) };
}

/** Throws unless `dense` has this shape, with extents of at least 1 and as many numbers as they say. */
export function expectDense(name: string, dense: Dense, shape: readonly number[], because = ''): void {
  const advice = adviceForDense(name, dense);
  if (advice !== '') throw wrongKind(name, 'a shape and its numbers', dense, advice);
  expectRecord(name, dense);
  expectList(`${name}.shape`, dense.shape);
  expectShape(name, dense.shape, shape, because);
  dense.shape.forEach((extent, axis) => {
    expectInteger(`${name}.shape[${axis}]`, extent, 1);
  });
  const size = dense.shape.reduce((count, extent) => count * extent, 1);
  const { length } = expectArrayLike(`${name}.data`, dense.data);
  if (length !== size) {
    throw new ShapeError(`${name}: expected ${size} numbers for ${formatShape(shape)}, got ${length}`);
  }
  expectNumbers(`${name}.data`, dense.data, 'float64');
}
