/** Elementwise ops against Math and plain loops, and their gradients against central differences. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import * as ops from '../../src/core/ops/index.ts';
import { elements, fromArray, isContiguous, ones, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import {
  assertClose,
  assertSame,
  at,
  broadcastAt,
  broadcastShapes,
  drawn,
  floatTypes,
  forAll,
  leafOf,
  loop,
  shapes,
  stored,
  tensorOf,
  ULP,
} from './tensors.ts';

type Binary = (a: ops.Operand, b: ops.Operand) => Tensor;
const binaries: [string, Binary, (a: number, b: number) => number][] = [
  ['add', ops.add, (a, b) => a + b],
  ['subtract', ops.subtract, (a, b) => a - b],
  ['multiply', ops.multiply, (a, b) => a * b],
  ['divide', ops.divide, (a, b) => a / b],
  ['maximum', ops.maximum, Math.max],
];

/** The definition of each function, and where it is differentiable. */
const unaries: [string, (x: Tensor) => Tensor, (x: number) => number, 'everywhere' | 'above 0' | 'not at 0'][] = [
  ['scale', (x) => ops.scale(x, -1.7), (x) => -1.7 * x, 'everywhere'],
  ['shift', (x) => ops.shift(x, 0.3), (x) => x + 0.3, 'everywhere'],
  ['negate', ops.negate, (x) => -x, 'everywhere'],
  ['exp', ops.exp, Math.exp, 'everywhere'],
  ['log', ops.log, Math.log, 'above 0'],
  ['sqrt', ops.sqrt, Math.sqrt, 'above 0'],
  ['square', ops.square, (x) => x * x, 'everywhere'],
  ['reciprocal', ops.reciprocal, (x) => 1 / x, 'above 0'],
  ['sin', ops.sin, Math.sin, 'everywhere'],
  ['cos', ops.cos, Math.cos, 'everywhere'],
  ['tanh', ops.tanh, Math.tanh, 'everywhere'],
  ['sigmoid', ops.sigmoid, (x) => 1 / (1 + Math.exp(-x)), 'everywhere'],
  ['relu', ops.relu, (x) => Math.max(x, 0), 'not at 0'],
  ['elu', ops.elu, (x) => (x > 0 ? x : Math.expm1(x)), 'not at 0'],
  ['logEluPlusOne', ops.logEluPlusOne, (x) => (x > 0 ? Math.log1p(x) : x), 'not at 0'],
  ['gelu', ops.gelu, (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), 'everywhere'],
  ['geluExact', ops.geluExact, (x) => x * normalDistribution(x), 'everywhere'],
];

/** Φ(x) = ½ + φ(x) (x + x³/3 + x⁵/(3·5) + …), good to 10⁻¹⁵ for what is drawn here. */
function normalDistribution(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 3; Math.abs(term) > 1e-18 * Math.abs(sum); n += 2) {
    term *= x ** 2 / n;
    sum += term;
  }
  return 0.5 + (sum * Math.exp(-(x ** 2) / 2)) / Math.sqrt(2 * Math.PI);
}

const pairs = broadcastShapes().chain(({ a, b, shape }) =>
  floatTypes.chain((dtype) =>
    fc.record({ a: drawn(a, fc.constant(dtype)), b: drawn(b, fc.constant(dtype)), shape: fc.constant(shape) }),
  ),
);
const singles = shapes(0, 4).chain((shape) => drawn(shape));

/** Moves the entries away from 0, to where |entry| is at least ½ and central differences of 1 / x are good to 10⁻⁹. */
function awayFromZero(x: Tensor, sign: 'any' | 'positive' = 'any'): Tensor {
  const { data } = x.array;
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i]) + 0.5;
    data[i] = sign === 'positive' || data[i] > 0 ? size : -size;
  }
  return x;
}

for (const [name, op, definition] of binaries) {
  test(`${name}: the plain loop, over shapes that broadcast and any layout, bit for bit`, () => {
    forAll(pairs, ({ shape, ...operands }) => {
      const [a, b] = [tensorOf(operands.a), tensorOf(operands.b)];
      const result = op(a, b);
      assert.is(result.dtype, a.dtype);
      assert.ok(isContiguous(result));
      assertSame(
        result,
        loop(shape, (index) => definition(broadcastAt(a, index), broadcastAt(b, index))),
      );
    });
  });

  test(`${name}: a number stands for a tensor full of it, on either side`, () => {
    forAll(fc.tuple(singles, fc.double({ min: -3, max: 3, noNaN: true })), ([description, number]) => {
      const x = tensorOf(description);
      const constant = stored(x.dtype, number);
      assertSame(
        op(x, number),
        loop(x.shape, (index) => definition(at(x, index), constant)),
      );
      assertSame(
        op(number, x),
        loop(x.shape, (index) => definition(constant, at(x, index))),
      );
    });
  });

  test(`${name}: gradients, summed over what broadcasting repeated`, () => {
    forAll(
      fc.tuple(broadcastShapes(3), fc.nat()),
      ([{ a, b }, seed]) => {
        const [x, y] = [leafOf(a, seed), leafOf(b, seed + 1)];
        if (name === 'divide') awayFromZero(y);
        // maximum has a kink where a = b; no normal deviate comes near ±9.
        if (name === 'maximum') elements(y).set(Array.from(elements(y), (_, i) => (i % 2 === 0 ? 9 : -9)));
        checkGradients(op, [x, y], { seed });
      },
      25,
    );
  });
}

test('gradients of x with x itself', () => {
  for (const op of [ops.add, ops.subtract, ops.multiply, ops.divide]) {
    checkGradients((x) => op(x, x), [awayFromZero(leafOf([3, 2], 1))]);
  }
});

test('maximum: where a and b are equal, a gets the gradient', () => {
  const [a, b] = [ones([3]).withGrad(), fromArray([0, 1, 2], [3]).withGrad()];
  backward(ops.maximum(a, b));
  assertSame(a.grad as Tensor, { shape: [3], data: [1, 1, 0] });
  assertSame(b.grad as Tensor, { shape: [3], data: [0, 0, 1] });
});

for (const [name, op, definition, domain] of unaries) {
  test(`${name}: its definition, for any shape and layout`, () => {
    forAll(singles, (description) => {
      const x = tensorOf(description);
      if (domain === 'above 0') awayFromZero(x, 'positive');
      const result = op(x);
      assert.is(result.dtype, x.dtype);
      assert.ok(isContiguous(result));
      const expected = loop(x.shape, (index) => definition(at(x, index)));
      // Written another way, a formula of numbers near 1 may round a few times more, and a series a few times a term.
      const roundings = name === 'geluExact' ? 32 : 4;
      assertClose(result, expected, roundings * ULP[description.dtype], name, 1);
    });
  });

  test(`${name}: gradient`, () => {
    forAll(
      fc.tuple(shapes(0, 3), fc.nat()),
      ([shape, seed]) => {
        const x = leafOf(shape, seed);
        if (domain !== 'everywhere') awayFromZero(x, domain === 'above 0' ? 'positive' : 'any');
        checkGradients(op, [x], { seed });
      },
      20,
    );
  });
}

test('rows and runs longer than a kernel takes at once', () => {
  // 1024 elements make a run of a unary kernel, 4096 a piece of a row.
  for (const length of [1023, 1024, 1025, 4095, 4097, 9000]) {
    const [x, y, row] = [leafOf([length], 1), leafOf([3, length], 2), leafOf([length], 3)];
    assertSame(
      ops.square(x),
      loop([length], (index) => at(x, index) ** 2),
    );
    assertSame(
      ops.subtract(y, row),
      loop([3, length], ([i, j]) => at(y, [i, j]) - at(row, [j])),
    );
    const turned = ops.transpose(y);
    assertSame(
      ops.add(turned, turned),
      loop([length, 3], ([i, j]) => 2 * at(y, [j, i])),
    );
  }
});

test('the ends of the number line', () => {
  const [infinity, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const x = fromArray([-infinity, -1e30, 0, 1e30, infinity, nan], [6]);
  const expected: [(x: Tensor) => Tensor, number[]][] = [
    [ops.exp, [0, 0, 1, infinity, infinity, nan]],
    [ops.log, [nan, nan, -infinity, Math.log(Math.fround(1e30)), infinity, nan]],
    [ops.sigmoid, [0, 0, 0.5, 1, 1, nan]],
    [ops.tanh, [-1, -1, 0, 1, 1, nan]],
    [ops.elu, [-1, -1, 0, 1e30, infinity, nan]],
    [ops.logEluPlusOne, [-infinity, -1e30, 0, Math.log1p(Math.fround(1e30)), infinity, nan]],
    [ops.relu, [0, 0, 0, 1e30, infinity, nan]],
    [ops.geluExact, [0, 0, 0, 1e30, infinity, nan]],
    [(each) => ops.maximum(each, 0), [0, 0, 0, 1e30, infinity, nan]],
    [(each) => ops.maximum(0, each), [0, 0, 0, 1e30, infinity, nan]],
  ];
  for (const [op, data] of expected) assertSame(op(x), { shape: [6], data });
});

test('logEluPlusOne: far below 0 it is x, and just above it log(1 + x) with all digits', () => {
  const x = fromArray([-3e4, -80, -1e-3, 1e-12, 1e-6, 0.3, 1e30], [7]);
  assertClose(
    ops.logEluPlusOne(x),
    loop([7], (index) => (at(x, index) > 0 ? Math.log1p(at(x, index)) : at(x, index))),
    2 * ULP.float32,
  );
  backward(ops.logEluPlusOne(x.withGrad()));
  assertClose(
    x.grad as Tensor,
    loop([7], (index) => 1 / (1 + Math.max(0, at(x, index)))),
    ULP.float32,
  );
});

test('geluExact: far below 0 it is as exact as anywhere', () => {
  // x Φ(x), computed in 40 digits.
  const [x, expected] = [
    [-1, -3, -6, -9, -13],
    [
      -0.15865525393145705, -0.0040496940948902835, -5.9195258702261885e-9, -1.0157295653584566e-18,
      -7.952313719414843e-38,
    ],
  ];
  // z² is rounded before exp: half an ULP of 85, and as much of its argument.
  assertClose(ops.geluExact(fromArray(x, [5], 'float64')), { shape: [5], data: expected }, 1e-13);
});

test('operands that cannot be right are refused by name', () => {
  const [x, integers] = [zeros([2, 3]), zeros([2, 3], 'int32')];
  const given = (value: unknown) => value as never;
  for (const [, op] of binaries) {
    expectThrows(ArgumentError, 'a', () => op(integers, x));
    expectThrows(ArgumentError, 'b', () => op(2, integers));
    expectThrows(ArgumentError, 'b', () => op(x, integers));
    expectThrows(ArgumentError, 'b', () => op(x, zeros([2, 3], 'float64')));
    expectThrows(ArgumentError, 'b', () => op(x, given(undefined)));
    expectThrows(ArgumentError, 'a', () => op(given('1'), x));
    expectThrows(ArgumentError, 'a', () => op(1, 2));
    expectThrows(ShapeError, 'a and b', () => op(x, zeros([3, 2])));
    expectThrows(ShapeError, 'a and b', () => op(zeros([4]), x));
  }
  for (const [, op] of unaries) {
    expectThrows(ArgumentError, 'x', () => op(integers));
    expectThrows(ArgumentError, 'x', () => op(given([1, 2])));
  }
  expectThrows(ArgumentError, 'c', () => ops.scale(x, given('2')));
  expectThrows(ArgumentError, 'c', () => ops.shift(x, given(undefined)));
});

test.run();
