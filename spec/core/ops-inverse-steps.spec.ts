/**
 * Steps towards an inverse, against loops in float64 that write the equation out; gradients, against how the result of those
 * loops changes along a direction. And the largest entry of a row.
 */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { multiply, scale, softmax, sum, transpose } from '../../src/core/ops/index.ts';
import { inverseSteps } from '../../src/core/ops/inverse-steps.ts';
import { largest } from '../../src/core/ops/largest.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import { type FloatType, floatTypes, forAll, ULP } from './tensors.ts';

const usual = kernelSet();
test.after(() => setKernels(usual));

const cases: fc.Arbitrary<Case> = fc.record({
  leading: fc.constantFrom([], [2], [1, 2]),
  // Fewer than a block of rows, more than a panel of columns, and what does not fill one.
  m: fc.constantFrom(1, 2, 3, 5, 7, 8, 12, 33, 67),
  steps: fc.integer({ min: 0, max: 5 }),
  sharpness: fc.constantFrom(0.1, 1, 3),
  norm: fc.constantFrom(1e-3, 1, 100),
  dtype: floatTypes,
  seed: fc.nat(),
});

interface Case {
  leading: readonly number[];
  m: number;
  steps: number;
  sharpness: number;
  norm: number;
  dtype: FloatType;
  seed: number;
}

/** A, and the start that the norms of its rows and columns give: t = σζ is between 0 and 1 for every norm of A. */
function draw({ leading, m, sharpness, norm, dtype, seed }: Case): [A: Tensor, start: Tensor] {
  const random = new Random(seed);
  const weights = softmax(scale(randomNormal([...leading, m, m], random, dtype), sharpness));
  return [scale(weights, norm), scale(transpose(weights), 1 / (norm * m))];
}

type Matrix = Float64Array;

/** c + factor · a b. */
function plus(c: Matrix, factor: number, a: Matrix, b: Matrix, m: number): Matrix {
  const result = c.slice();
  for (let i = 0; i < m; i++)
    for (let j = 0; j < m; j++) for (let n = 0; n < m; n++) result[i * m + j] += factor * a[i * m + n] * b[n * m + j];
  return result;
}

const multipleOfI = (m: number, factor: number): Matrix =>
  Float64Array.from({ length: m * m }, (_, at) => (at % (m + 1) === 0 ? factor : 0));

/** Z_n and how it changes where A and the start change by dA and dZ. */
function written(A: Matrix, Z: Matrix, dA: Matrix, dZ: Matrix, m: number, steps: number): [Matrix, Matrix] {
  let [now, change] = [Z, dZ];
  const nothing = multipleOfI(m, 0);
  for (let step = 0; step < steps; step++) {
    const P = plus(nothing, 1, A, now, m);
    const dP = plus(plus(nothing, 1, dA, now, m), 1, A, change, m);
    // From the inside out: I, then 7 I − P (…), 15 I − P (…) and 13 I − P (…).
    let [inner, dInner] = [multipleOfI(m, 1), nothing];
    for (const factor of [7, 15, 13]) {
      dInner = plus(plus(nothing, -1, dP, inner, m), -1, P, dInner, m);
      inner = plus(multipleOfI(m, factor), -1, P, inner, m);
    }
    change = plus(plus(nothing, 1 / 4, change, inner, m), 1 / 4, now, dInner, m);
    now = plus(nothing, 1 / 4, now, inner, m);
  }
  return [now, change];
}

/** Rounding errors grow by up to 13/4 a step where A lacks rank. */
const rounding = (dtype: FloatType, m: number, steps: number) => 8 * m * ULP[dtype] * (13 / 4) ** steps;

const part = (x: Tensor, item: number, m: number): Matrix =>
  Float64Array.from(x.toArray().slice(item * m * m, (item + 1) * m * m));
const sizeOf = (x: ArrayLike<number>) => Math.max(...Array.from(x, Math.abs));

for (const set of new Set(['plain', usual])) {
  test(`as loops write the steps out, and so are the gradients, on ${set} kernels`, () => {
    setKernels(set);
    forAll(
      cases,
      (drawn) => {
        const { m, steps, dtype, seed } = drawn;
        const random = new Random(seed).split('directions');
        const [A, start] = draw(drawn).map((each) => fromArray(each.toArray(), each.shape, dtype).withGrad());
        const Z = inverseSteps(A, start, steps);
        assert.equal(Z.shape, A.shape);
        const gradient = randomNormal(Z.shape, random.split('gradient'), dtype);
        backward(multiply(Z, gradient));
        // A change as large as what changes.
        const [dA, dZ] = [A, start].map((each, n) =>
          multiply(each, randomNormal(each.shape, random.split(`${n}`), dtype)),
        );
        for (let item = 0; item < A.size / m ** 2; item++) {
          const of = (x: Tensor) => part(x, item, m);
          const [expected, change] = written(of(A), of(start), of(dA), of(dZ), m, steps);
          const size = sizeOf(expected);
          const error = sizeOf(of(Z).map((each, at) => each - expected[at]));
          const most = rounding(dtype, m, steps);
          assert.ok(error <= most * size, `${error} of ${size}`);
          const g = of(gradient);
          const along = change.reduce((total, each, at) => total + each * g[at], 0);
          const terms = [A, start].flatMap((leaf, n) => {
            const own = leaf.grad === null ? of(zeros(leaf.shape, dtype)) : of(leaf.grad);
            return Array.from(own.map((each, at) => each * of([dA, dZ][n])[at]));
          });
          const found = terms.reduce((total, each) => total + each, 0);
          const scaleOf = terms.reduce((total, each) => total + Math.abs(each), 0);
          assert.ok(Math.abs(found - along) <= most * scaleOf, `${found} for ${along}, of ${scaleOf}`);
        }
      },
      20,
    );
  });
}

test('the same bits with a tape and without, on any number of threads', () => {
  setKernels(usual);
  return assertSameBitsOnThreads(() =>
    scope(() => {
      // More columns than a panel, and more rows than a block of depth.
      const sizes = [64, 270];
      return sizes.map((m) => {
        const settings = { leading: [3], m, steps: 2, sharpness: 2, norm: 1, dtype: 'float32' as const, seed: m };
        const [A, start] = draw(settings);
        const without = inverseSteps(A, start, 2).toArray();
        const Z = inverseSteps(A.withGrad(), start.withGrad(), 2);
        assert.equal(Z.toArray(), without);
        backward(sum(Z));
        return [without, A.grad?.toArray(), start.grad?.toArray()];
      });
    }),
  );
});

test('the largest of a row, whose gradient goes to the first of them', () => {
  const x = fromArray([1, 3, 3, -2, -5, -2, Number.NaN, 7, Number.NaN], [3, 3], 'float64').withGrad();
  const y = largest(x);
  assert.equal([...y.shape], [3, 1]);
  assert.equal([...y.toArray()], [3, -2, Number.NaN]);
  backward(y, fromArray([5, 6, 8], [3, 1], 'float64'));
  assert.equal([...(x.grad?.toArray() ?? [])], [0, 5, 0, 6, 0, 0, 8, 0, 0]);
});

test('what does not fit is refused by name', () => {
  const [A, start] = [zeros([2, 3, 3]), zeros([2, 3, 3])];
  expectThrows(ShapeError, 'A', () => void inverseSteps(zeros([2, 3, 4]), start, 1));
  expectThrows(ShapeError, 'A', () => void inverseSteps(zeros([3]), start, 1));
  expectThrows(ShapeError, 'start', () => void inverseSteps(A, zeros([1, 3, 3]), 1));
  expectThrows(ArgumentError, 'start', () => void inverseSteps(A, zeros([2, 3, 3], 'float64'), 1));
  expectThrows(ArgumentError, 'steps', () => void inverseSteps(A, start, -1));
  expectThrows(ArgumentError, 'steps', () => void inverseSteps(A, start, 1.5));
  expectThrows(ShapeError, 'x', () => void largest(zeros([])));
});

test.run();
