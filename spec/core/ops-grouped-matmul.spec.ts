/** The product of groups of rows: against plain loops, its gradients, and that a row's bits are its own. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { groupedMatmul } from '../../src/core/ops/grouped-matmul.ts';
import { slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { randomNormal, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, at, forAll, loop } from './tensors.ts';

const cases = fc.record({
  sizes: fc
    .array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 5 })
    .filter((all) => all.some((n) => n > 0)),
  k: fc.integer({ min: 1, max: 9 }),
  n: fc.integer({ min: 1, max: 9 }),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  seed: fc.nat(),
});

function draw({ sizes, k, n, dtype, seed }: typeof cases extends fc.Arbitrary<infer T> ? T : never) {
  const begins = [0];
  for (const size of sizes) begins.push(begins[begins.length - 1] + size);
  const rows = randomNormal([begins[sizes.length], k], new Random(seed).split('rows'), dtype);
  const weights = randomNormal([sizes.length, k, n], new Random(seed).split('weights'), dtype);
  const groupOf = sizes.flatMap((size, g) => new Array<number>(size).fill(g));
  return { rows, weights, begins, groupOf };
}

test('each row meets the matrix of its group, and no other', () => {
  forAll(cases, (drawn) => {
    const { rows, weights, begins, groupOf } = draw(drawn);
    const expected = loop([groupOf.length, drawn.n], ([i, j]) => {
      let total = 0;
      for (let c = 0; c < drawn.k; c++) total += at(rows, [i, c]) * at(weights, [groupOf[i], c, j]);
      return total;
    });
    // Sums of at most nine products of normals, of which one may cancel another.
    assertClose(groupedMatmul(rows, weights, begins), expected, drawn.dtype === 'float32' ? 1e-5 : 1e-13, 'product', 1);
  });
});

test('a row has the bits of its product alone', () => {
  const [k, n] = [70, 90];
  const weights = randomNormal([2, k, n], new Random(1));
  const rows = randomNormal([130, k], new Random(2));
  const all = groupedMatmul(rows, weights, [0, 37, 130]);
  for (const [i, begins] of [
    [0, [0, 1, 1]],
    [36, [0, 1, 1]],
    [37, [0, 0, 1]],
    [129, [0, 0, 1]],
  ] as const) {
    const alone = groupedMatmul(slice(rows, 0, i, i + 1), weights, begins);
    assert.equal(alone.toArray(), slice(all, 0, i, i + 1).toArray());
  }
});

test('gradients agree with central differences, also of a group without rows', () => {
  const { rows, weights, begins } = draw({ sizes: [2, 0, 3], k: 4, n: 3, dtype: 'float64', seed: 3 });
  checkGradients((a, b) => groupedMatmul(a, b, begins), [rows, weights]);
});

test('invalid arguments are refused by name', () => {
  const [rows, weights] = [zeros([3, 4]), zeros([2, 4, 5])];
  expectThrows(ShapeError, 'rows', () => groupedMatmul(zeros([1, 3, 4]), weights, [0, 1, 3]));
  expectThrows(ShapeError, 'weights', () => groupedMatmul(rows, zeros([4, 5]), [0, 1, 3]));
  expectThrows(ShapeError, 'weights', () => groupedMatmul(rows, zeros([2, 3, 5]), [0, 1, 3]));
  expectThrows(ArgumentError, 'weights', () => groupedMatmul(rows, zeros([2, 4, 5], 'float64'), [0, 1, 3]));
  for (const begins of [
    [0, 3],
    [1, 2, 3],
    [0, 1, 2],
    [0, 2, 1],
    [0, 4, 3],
  ]) {
    expectThrows(ArgumentError, 'begins', () => groupedMatmul(rows, weights, begins));
  }
});

test.run();
