/** Rows of unit length. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { normalizeRows, scale } from '../../src/core/ops/index.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, assertSame, at, drawn, forAll, leafOf, loop, shapes, tensorOf, ULP } from './tensors.ts';

const usual = kernelSet();
const kernelSets = new Set(['plain', usual]);

const cases = shapes(1, 4, 9).chain((shape) => drawn(shape));

test('x over its length, for any shape, layout and dtype', () => {
  forAll(cases, (description) => {
    const x = tensorOf(description);
    const columns = x.shape[x.shape.length - 1];
    const expected = loop(x.shape, (index) => {
      let squares = 0;
      for (let column = 0; column < columns; column++) squares += at(x, index.with(-1, column)) ** 2;
      return at(x, index) / Math.sqrt(squares);
    });
    const result = normalizeRows(x);
    assert.is(result.dtype, x.dtype);
    // A product of two roundings, stored once; sums are in float64.
    assertClose(result, expected, 4 * ULP[description.dtype]);
  });
});

test('the scale of a row does not matter, also where squares would leave the range of float32', () => {
  forAll(fc.tuple(cases, fc.constantFrom(1e-25, 1e25)), ([description, factor]) => {
    const x = tensorOf(description);
    // The scaled numbers are rounded to begin with.
    assertClose(normalizeRows(scale(x, factor)), { shape: x.shape, data: normalizeRows(x).toArray() }, 8 * ULP.float32);
  });
});

/**
 * Powers of two, so that scaling by them rounds nothing: squares and reciprocals of lengths leave the range. Numbers of
 * 2⁻¹²⁶ and below have fewer bits, so the small end leaves room for entries that are small in their row.
 */
const ends = { float32: [2 ** -100, 2 ** 120], float64: [2 ** -990, 2 ** 1000] };

test('to the ends of the range of either type the scale of a row does not matter, and divides the gradient', () => {
  forAll(
    fc.tuple(shapes(1, 3, 9), fc.constantFrom('float32', 'float64'), fc.nat(1), fc.nat()),
    ([shape, dtype, end, seed]) => {
      const type = dtype as 'float32' | 'float64';
      const factor = ends[type][end];
      const x = randomNormal(shape, new Random(seed), type).withGrad();
      const far = fromArray(
        x.toArray().map((each) => each * factor),
        shape,
        type,
      ).withGrad();
      const weights = randomNormal(shape, new Random(seed).split('weights'), type);
      const [near, other] = [normalizeRows(x), normalizeRows(far)];
      assertClose(other, { shape, data: near.toArray() }, 8 * ULP[type]);
      backward(near, weights);
      backward(other, weights);
      const gradient = (far.grad as Tensor).toArray().map((each) => each * factor);
      // Where the gradient is along the row nearly nothing is left, of numbers up to |ȳ| / ‖x‖.
      const size = Math.max(...Array.from((x.grad as Tensor).toArray(), Math.abs), 1e3);
      assertClose(
        fromArray(gradient, shape, type),
        { shape, data: (x.grad as Tensor).toArray() },
        32 * ULP[type],
        'gradient',
        size,
      );
    },
  );
});

test('vectors of the smallest numbers have a direction', () => {
  for (const set of kernelSets) {
    setKernels(set);
    for (const size of [1e-40, 1e-44, 3e38]) {
      const y = normalizeRows(fromArray(new Float32Array(16).fill(size), [2, 8]));
      assertClose(y, { shape: [2, 8], data: new Array(16).fill(1 / Math.sqrt(8)) }, 4 * ULP.float32, set);
    }
  }
  setKernels(usual);
});

test('gradient, which is zero along the row itself', () => {
  forAll(
    fc.tuple(shapes(1, 3), fc.nat()),
    ([shape, seed]) => checkGradients(normalizeRows, [leafOf(shape, seed)], { seed }),
    40,
  );
  const x = leafOf([3, 5], 1);
  const y = normalizeRows(x);
  backward(y, y);
  // ȳ = y is along x: what is left are roundings of numbers near 1.
  assertClose(x.grad as Tensor, { shape: [3, 5], data: new Array(15).fill(0) }, 4 * ULP.float64, 'gradient', 1);
});

test('a row of zeros stays one, and passes nothing back', () => {
  const x = fromArray([0, 0, 3, 4], [2, 2], 'float64').withGrad();
  const y = normalizeRows(x);
  assertSame(y, { shape: [2, 2], data: [0, 0, 3 / 5, 4 / 5] });
  backward(y, fromArray([1, 2, 0, 0], [2, 2], 'float64'));
  assertSame(x.grad as Tensor, { shape: [2, 2], data: [0, 0, 0, 0] });
});

test('invalid arguments are refused by name', () => {
  expectThrows(ShapeError, 'x', () => normalizeRows(zeros([])));
  expectThrows(ArgumentError, 'x', () => normalizeRows(zeros([2], 'int32')));
});

test.run();
