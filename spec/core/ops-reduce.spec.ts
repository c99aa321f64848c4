/** Reductions against plain loops in order, and their gradients against central differences. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { add, logSumExp, max, mean, sum, transpose } from '../../src/core/ops/index.ts';
import { fromArray, isContiguous, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import {
  assertClose,
  assertSame,
  at,
  type Drawn,
  denseOf,
  drawn,
  forAll,
  leafOf,
  loop,
  shapes,
  tensorOf,
  ULP,
} from './tensors.ts';

/** A tensor, one of its axes (counted from either end), and whether the axis stays. */
interface Case {
  x: Drawn;
  axis: number;
  keepDims: boolean;
}

/** 64 columns are summed at once, so extents go beyond. */
const extents = fc.oneof({ arbitrary: fc.integer({ min: 1, max: 6 }), weight: 4 }, fc.constantFrom(63, 64, 65, 130));
const cases: fc.Arbitrary<Case> = fc.array(extents, { minLength: 1, maxLength: 3 }).chain((shape) =>
  fc.record({
    x: drawn(shape),
    axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
    keepDims: fc.boolean(),
  }),
);

type Reduction = (x: Tensor, axis: number, keepDims?: boolean) => Tensor;
const addUp = (entries: number[]) => entries.reduce((total, entry) => total + entry, 0);
const largest = (entries: number[]) => Math.max(...entries);
const reductions: [string, Reduction, (entries: number[]) => number][] = [
  ['sum', sum, addUp],
  ['mean', mean, (entries) => addUp(entries) / entries.length],
  ['max', max, largest],
  ['logSumExp', logSumExp, (entries) => Math.log(addUp(entries.map(Math.exp)))],
];

/** Applies a definition to the entries along an axis, in order. */
function reduced(x: Tensor, axis: number, keepDims: boolean, definition: (entries: number[]) => number) {
  const along = axis < 0 ? axis + x.shape.length : axis;
  const shape = keepDims ? x.shape.with(along, 1) : x.shape.toSpliced(along, 1);
  return loop(shape, (index) => {
    const entries = Array.from({ length: x.shape[along] }, (_, position) =>
      at(x, keepDims ? index.with(along, position) : index.toSpliced(along, 0, position)),
    );
    return definition(entries);
  });
}

for (const [name, op, definition] of reductions) {
  test(`${name}: the plain loop along any axis, kept or not, of any layout and dtype`, () => {
    forAll(cases, ({ x: description, axis, keepDims }) => {
      const x = tensorOf(description);
      const result = op(x, axis, keepDims);
      assert.is(result.dtype, x.dtype);
      assert.ok(isContiguous(result));
      // Storing, and for mean a stored sum and a stored 1 / extent, are a unit each; the loop for logSumExp has other
      // terms, and one rounding for each.
      const tolerance = 4 * ULP[description.dtype] + x.shape.at(axis)! * ULP.float64;
      assertClose(result, reduced(x, axis, keepDims, definition), tolerance, name, 1);
    });
  });

  if (name !== 'max') {
    test(`${name}: gradient`, () => {
      forAll(
        fc.tuple(
          shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1))),
          fc.boolean(),
          fc.nat(),
        ),
        ([[shape, axis], keepDims, seed]) => {
          checkGradients((x) => op(x, axis, keepDims), [leafOf(shape, seed)], { seed });
        },
        40,
      );
    });
  }
}

test('sum adds in float64 and in order, so the plain loop gives the same bits', () => {
  forAll(cases, ({ x: description, axis, keepDims }) => {
    const x = tensorOf(description);
    assertSame(sum(x, axis, keepDims), reduced(x, axis, keepDims, addUp));
  });
});

test('without an axis, sum and mean take everything', () => {
  forAll(
    fc.tuple(
      shapes(0, 4).chain((shape) => drawn(shape)),
      fc.boolean(),
    ),
    ([description, keepDims]) => {
      const x = tensorOf(description);
      const total = addUp(Array.from(denseOf(x).data));
      const shape = keepDims ? x.shape.map(() => 1) : [];
      assertSame(sum(x, undefined, keepDims), { shape, data: [total] });
      assertClose(
        mean(x, undefined, keepDims),
        { shape, data: [total / x.size] },
        4 * ULP[description.dtype],
        'mean',
        1,
      );
    },
  );
  for (const op of [sum, mean]) {
    for (const keepDims of [false, true]) {
      checkGradients((x) => op(x, undefined, keepDims), [leafOf([2, 3, 2], 1)]);
      checkGradients((x) => op(x, undefined, keepDims), [leafOf([], 2)]);
    }
  }
});

test('a long float32 sum keeps what float32 additions would lose', () => {
  // 2²⁴ + 1 is not a float32: added up in float32, every 1 after the first term would vanish.
  const x = fromArray([2 ** 24, ...new Array(1000).fill(1)], [1001]);
  assert.is(sum(x).item(), 2 ** 24 + 1000);
  assert.is(sum(x, 0).item(), 2 ** 24 + 1000);
});

test('gradients of a reduction of a view, and of what it was reduced from as well', () => {
  checkGradients((x) => sum(transpose(x, [2, 0, 1]), 1), [leafOf([2, 3, 4], 3)]);
  checkGradients((x) => add(x, sum(x, 1, true)), [leafOf([3, 4], 4)]);
  checkGradients((x) => add(x, mean(x)), [leafOf([3, 4], 5)]);
  checkGradients((x) => logSumExp(transpose(x), 0), [leafOf([3, 4], 6)]);
});

test('max is cut off from the tape', () => {
  const result = max(leafOf([3, 4], 7), 1);
  assert.is(result.node, null);
  assert.is(result.requiresGrad, false);
});

test('logSumExp neither overflows nor underflows, and follows its largest entry', () => {
  for (const offset of [0, 1e4, -1e4, 1e30]) {
    const x = fromArray([offset, offset], [2], 'float64');
    assertSame(logSumExp(x, 0), { shape: [], data: [offset + Math.LN2] });
  }
});

test('infinities and NaN come through: nothing is hidden, and nothing of −∞ becomes NaN', () => {
  const [infinity, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const rows = [
    [-infinity, -infinity, -infinity],
    [-infinity, 2, -infinity],
    [1, infinity, -infinity],
    [nan, 1, 2],
    [1, nan, infinity],
    [nan, nan, nan],
  ];
  const x = fromArray(rows.flat(), [6, 3]);
  const turned = transpose(fromArray(rows.flat(), [6, 3]));
  assertSame(logSumExp(x, 1), { shape: [6], data: [-infinity, 2, infinity, nan, nan, nan] });
  assertSame(max(x, 1), { shape: [6], data: [-infinity, 2, infinity, nan, nan, nan] });
  assertSame(max(turned, 0), { shape: [6], data: [-infinity, 2, infinity, nan, nan, nan] });
  assertSame(sum(x, 1), { shape: [6], data: [-infinity, -infinity, nan, nan, nan, nan] });
});

test('nothing flows back to −∞', () => {
  const x = fromArray([-Infinity, -Infinity, 0, -Infinity], [2, 2], 'float64').withGrad();
  backward(logSumExp(x, 1));
  assertSame(x.grad as Tensor, { shape: [2, 2], data: [0, 0, 1, 0] });
});

test('invalid arguments are refused by name', () => {
  const x = zeros([2, 3]);
  for (const op of [sum, mean, max, logSumExp] as Reduction[]) {
    for (const axis of [2, -3, 0.5, Number.NaN]) expectThrows(ArgumentError, 'axis', () => op(x, axis));
    expectThrows(ArgumentError, 'axis', () => op(zeros([]), 0));
    expectThrows(ArgumentError, 'axis', () => op(x, '1' as never));
    expectThrows(ArgumentError, 'x', () => op(zeros([2], 'int32'), 0));
    expectThrows(ArgumentError, 'x', () => op([1, 2] as never, 0));
  }
});

test.run();
