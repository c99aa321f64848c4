/** Softmax against a plain loop, its laws, and its gradient against central differences. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { shift, softmax, transpose } from '../../src/core/ops/index.ts';
import { elements, fromArray, ones, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertClose, assertSame, at, drawn, forAll, leafOf, loop, shapes, tensorOf, ULP } from './tensors.ts';

const cases = shapes(1, 4, 9).chain((shape) => drawn(shape));
const infinity = Number.POSITIVE_INFINITY;

test('exp(x) over the sum of the row, for any shape, layout and dtype', () => {
  forAll(cases, (description) => {
    const x = tensorOf(description);
    const columns = x.shape[x.shape.length - 1];
    const expected = loop(x.shape, (index) => {
      let total = 0;
      for (let column = 0; column < columns; column++) total += Math.exp(at(x, index.with(-1, column)));
      return Math.exp(at(x, index)) / total;
    });
    const result = softmax(x);
    assert.is(result.dtype, x.dtype);
    // x − max is a rounding of numbers up to 8 before the exp, and the weight is stored twice; the loop rounds too.
    assertClose(result, expected, 16 * ULP[description.dtype]);
  });
});

test('rows are positive and sum to 1, also where exp alone would overflow or vanish', () => {
  forAll(fc.tuple(cases, fc.constantFrom(0, 1e4, -1e4)), ([description, offset]) => {
    const values = elements(softmax(shift(tensorOf(description), offset)));
    const columns = description.shape[description.shape.length - 1];
    for (let row = 0; row < values.length; row += columns) {
      const entries = Array.from(values.subarray(row, row + columns));
      assert.ok(entries.every((entry) => entry > 0));
      const total = entries.reduce((sum, entry) => sum + entry, 0);
      assert.ok(Math.abs(total - 1) <= 2 * columns * ULP[description.dtype], `row sums to ${total}`);
    }
  });
});

test('gradient, for any shape, and through a strided view', () => {
  forAll(
    fc.tuple(shapes(1, 3), fc.nat()),
    ([shape, seed]) => checkGradients(softmax, [leafOf(shape, seed)], { seed }),
    40,
  );
  checkGradients((x) => softmax(transpose(x)), [leafOf([4, 3], 1)]);
});

test('−∞ weighs 0; a row of it alone is a row of zeros; neither passes anything back', () => {
  const rows = [
    [-infinity, -infinity, -infinity],
    [0, -infinity, 0],
    [-infinity, 5, -infinity],
  ];
  const x = fromArray(rows.flat(), [3, 3], 'float64').withGrad();
  const y = softmax(x);
  assertSame(y, { shape: [3, 3], data: [0, 0, 0, 0.5, 0, 0.5, 0, 1, 0] });
  backward(y, fromArray([1, 2, 3, 1, 7, 3, 4, 5, 6], [3, 3], 'float64'));
  // x̄ = y (ȳ − Σ y ȳ): the mean of ȳ in row 1 is 2.
  assertSame(x.grad as Tensor, { shape: [3, 3], data: [0, 0, 0, -0.5, 0, 0.5, 0, 0, 0] });
});

test('NaN and +∞ make their row NaN, and no other', () => {
  const rows = [
    [Number.NaN, 1, 2],
    [1, infinity, 2],
    [Number.NaN, Number.NaN, Number.NaN],
    [-infinity, Number.NaN, -infinity],
    [1, 1, -infinity],
  ];
  const nan = new Array(12).fill(Number.NaN);
  assertSame(softmax(fromArray(rows.flat(), [5, 3])), { shape: [5, 3], data: [...nan, 0.5, 0.5, 0] });
});

test('a row of one is 1, with no gradient', () => {
  const x = ones([2, 1]).withGrad();
  const y = softmax(x);
  assertSame(y, { shape: [2, 1], data: [1, 1] });
  backward(y);
  assertSame(x.grad as Tensor, { shape: [2, 1], data: [0, 0] });
});

test('invalid arguments are refused by name', () => {
  expectThrows(ShapeError, 'x', () => softmax(zeros([])));
  expectThrows(ArgumentError, 'x', () => softmax(zeros([2], 'int32')));
  expectThrows(ArgumentError, 'x', () => softmax([1, 2] as never));
});

test.run();
