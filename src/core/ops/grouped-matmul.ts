/** A matrix for each group of rows: the product of a mixture of experts, which costs what the rows cost. */
import { noGrad, record } from '../autograd.ts';
import { copyInto } from '../copy-into.ts';
import { ArgumentError, expectShape, formatShape, ShapeError } from '../errors.ts';
import { expectList, integerOf } from '../expect.ts';
import { scope } from '../scope.ts';
import { placementOf, type Tensor, zeros } from '../tensor.ts';
import { expectFloat, expectSameDType } from './check.ts';
import { type MatmulOptions, matmul } from './matmul.ts';
import { reshape, slice } from './shape.ts';

/**
 * rows [count, k] · weights [groups, k, n] → [count, n]: rows begins[g] … begins[g + 1] − 1 meet the matrix of group g. A
 * group may have no rows. Every row has the bits of its product alone with its matrix. Throws ShapeError for shapes that do
 * not fit, ArgumentError unless `begins` has groups + 1 numbers that rise from 0 to count.
 */
export function groupedMatmul(rows: Tensor, weights: Tensor, begins: readonly number[]): Tensor {
  expectFloat('rows', rows);
  expectSameDType('weights', weights, rows.dtype, 'to match rows');
  if (rows.shape.length !== 2) throw new ShapeError(`rows: expected [count, k], got ${formatShape(rows.shape)}`);
  if (weights.shape.length !== 3) {
    throw new ShapeError(`weights: expected [groups, k, n], got ${formatShape(weights.shape)}`);
  }
  const [count, k] = rows.shape;
  const [groups, , n] = weights.shape;
  expectShape('weights', weights.shape, [groups, k, n], 'to match rows');
  expectBegins(begins, groups, count);
  const product = zeros([count, n], rows.dtype);
  eachGroup(begins, (g, begin, end) => {
    put(product, begin, end, of(rows, begin, end), matrix(weights, g));
  });
  return record('groupedMatmul', product, [rows, weights], (gradient) => {
    const ofRows = rows.requiresGrad ? zeros(rows.shape, rows.dtype) : null;
    const ofWeights = weights.requiresGrad ? zeros(weights.shape, weights.dtype) : null;
    eachGroup(begins, (g, begin, end) => {
      const own = of(gradient, begin, end);
      if (ofRows) put(ofRows, begin, end, own, matrix(weights, g), { transposeB: true });
      if (ofWeights)
        copyInto(
          placementOf(matrix(ofWeights, g)),
          placementOf(matmul(of(rows, begin, end), own, { transposeA: true })),
        );
    });
    return [ofRows, ofWeights];
  });
}

function eachGroup(begins: readonly number[], body: (group: number, begin: number, end: number) => void): void {
  noGrad(() => {
    for (let g = 0; g + 1 < begins.length; g++) {
      if (begins[g + 1] > begins[g]) scope(() => body(g, begins[g], begins[g + 1]));
    }
  });
}

function of(x: Tensor, begin: number, end: number): Tensor {
  return slice(x, 0, begin, end);
}

function matrix(weights: Tensor, group: number): Tensor {
  return reshape(slice(weights, 0, group, group + 1), weights.shape.slice(1));
}

function put(to: Tensor, begin: number, end: number, a: Tensor, b: Tensor, options: MatmulOptions = {}): void {
  copyInto(placementOf(of(to, begin, end)), placementOf(matmul(a, b, options)));
}

function expectBegins(begins: readonly number[], groups: number, count: number): void {
  expectList('begins', begins, integerOf(0, count));
  const rises = begins.every((begin, g) => g === 0 || begin >= begins[g - 1]);
  if (rises && begins.length === groups + 1 && begins[0] === 0 && begins[groups] === count) return;
  throw new ArgumentError(
    `begins: expected ${groups + 1} numbers that rise from 0 to ${count}, got [${begins.join(', ')}]`,
  );
}
