/** The oracle's matrix product, and the distances between a result and the expected one. */

import { formatShape, ShapeError } from '../errors.ts';
import { expectRecord } from '../expect.ts';
import { type Dense, type Dense64, expectDense, zeros } from './dense.ts';

/**
 * C_ij = Σ_n A_in B_nj: [..., rows, inner] × [..., inner, columns], with the same leading axes on both sides.
 */
export function referenceMatmul(a: Dense, b: Dense): Dense64 {
  if (a.shape.length < 2) throw new ShapeError(`a: expected at least 2 axes, got ${formatShape(a.shape)}`);
  const batch = a.shape.slice(0, -2);
  const [rows, inner] = a.shape.slice(-2);
  const columns = b.shape[b.shape.length - 1];
  expectDense('a', a, a.shape);
  expectDense('b', b, [...batch, inner, columns], `to follow a of ${formatShape(a.shape)}`);

  const product = zeros([...batch, rows, columns]);
  const matrices = batch.reduce((count, extent) => count * extent, 1);
  for (let m = 0; m < matrices; m++) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0;
        for (let n = 0; n < inner; n++) {
          sum += a.data[(m * rows + i) * inner + n] * b.data[(m * inner + n) * columns + j];
        }
        product.data[(m * rows + i) * columns + j] = sum;
      }
    }
  }
  return product;
}

/**
 * ‖actual − expected‖ / ‖expected‖, Frobenius norms. Where expected is all zeros: 0 if actual is too, else Infinity.
 * NaN if either holds a NaN, which no `error < tolerance` lets pass.
 */
export function relativeFrobeniusError(actual: Dense, expected: Dense): number {
  expectRecord('expected', expected);
  expectDense('expected', expected, expected.shape);
  expectDense('actual', actual, expected.shape, 'to match expected');
  let difference = 0;
  let norm = 0;
  for (let n = 0; n < expected.data.length; n++) {
    difference += (actual.data[n] - expected.data[n]) ** 2;
    norm += expected.data[n] ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/**
 * max |actual − expected|; NaN if either holds a NaN.
 */
export function maxAbsoluteError(actual: Dense, expected: Dense): number {
  expectRecord('expected', expected);
  expectDense('expected', expected, expected.shape);
  expectDense('actual', actual, expected.shape, 'to match expected');
  let largest = 0;
  for (let n = 0; n < expected.data.length; n++) {
    largest = Math.max(largest, Math.abs(actual.data[n] - expected.data[n]));
  }
  return largest;
}
