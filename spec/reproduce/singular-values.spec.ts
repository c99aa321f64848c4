/** Singular values against one-sided Jacobi rotations in plain loops, and on matrices whose values are known. */
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Random } from '../../src/core/random.ts';
import { singularValues } from '../../src/reproduce/singular-values.ts';

/** Columns are rotated in pairs until all are orthogonal; their norms are the singular values. */
function byRotations(matrix: Float64Array, n: number): number[] {
  const a = Array.from({ length: n }, (_, column) => Array.from({ length: n }, (_, row) => matrix[row * n + column]));
  const dot = (x: number[], y: number[]) => x.reduce((sum, each, at) => sum + each * y[at], 0);
  for (let sweep = 0; sweep < 60; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [alpha, beta, gamma] = [dot(a[p], a[p]), dot(a[q], a[q]), dot(a[p], a[q])];
        if (gamma === 0) continue;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.hypot(1, zeta));
        const [c, s] = [1 / Math.hypot(1, t), t / Math.hypot(1, t)];
        for (let at = 0; at < n; at++) {
          const [x, y] = [a[p][at], a[q][at]];
          a[p][at] = c * x - s * y;
          a[q][at] = s * x + c * y;
        }
      }
    }
  }
  return a.map((column) => Math.sqrt(dot(column, column))).sort((x, y) => y - x);
}

test('they are those of Jacobi rotations, for random matrices of any size and rank', () => {
  const size = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(size, fc.nat(12), fc.nat(1000), (n, rankDrawn, seed) => {
      const rank = 1 + (rankDrawn % n);
      const random = new Random(seed);
      const [left, right] = ['left', 'right'].map((name) => random.split(name).fillNormal(new Float64Array(n * rank)));
      const matrix = new Float64Array(n * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          for (let c = 0; c < rank; c++) matrix[i * n + j] += left[i * rank + c] * right[j * rank + c];
        }
      }
      const found = singularValues(matrix, n);
      const expected = byRotations(matrix, n);
      // Squares are exact to rounding of the largest, so small values are known to √ε of the largest.
      for (let at = 0; at < n; at++) assert.ok(Math.abs(found[at] - expected[at]) <= 2e-7 * expected[0], `${at}`);
    }),
    { numRuns: 40 },
  );
});

test('known ones: a diagonal, a matrix of ones, a matrix of zeros', () => {
  const diagonal = Float64Array.from([3, 0, 0, 0, -5, 0, 0, 0, 1]);
  assert.equal(
    Array.from(singularValues(diagonal, 3), (each) => Number(each.toFixed(12))),
    [5, 3, 1],
  );
  const ones = singularValues(new Float64Array(16).fill(1), 4);
  assert.ok(Math.abs(ones[0] - 4) < 1e-12 && ones.slice(1).every((each) => each < 1e-6));
  assert.equal([...singularValues(new Float64Array(4), 2)], [0, 0]);
});

test.run();
