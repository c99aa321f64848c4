/** Views and assemblies, element by element through their indices; views share memory; gradients find their way back. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import * as ops from '../../src/core/ops/index.ts';
import { fromArray, isContiguous, ones, sizeOf, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSame, at, broadcastAt, denseOf, drawn, forAll, leafOf, loop, shapes, tensorOf } from './tensors.ts';

/** A shape and one of its axes, counted from the front. */
const shapeAndAxis = shapes(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1)));
const tensorAndAxis = shapeAndAxis.chain(([shape, axis]) => fc.tuple(drawn(shape), fc.constant(axis)));
const orders = shapes(0, 5).chain((shape) =>
  fc.tuple(drawn(shape), fc.shuffledSubarray([...shape.keys()], { minLength: shape.length, maxLength: shape.length })),
);
/** The same axis, from the end. */
const fromEnd = (shape: readonly number[], axis: number) => axis - shape.length;

/** Fails unless `view` makes a tensor that shares the block of its argument and allocates nothing. */
function assertShares(x: Tensor, view: (x: Tensor) => Tensor): Tensor {
  const { liveBytes } = memoryStatistics();
  const result = view(x);
  assert.is(result.block, x.block);
  assert.is(memoryStatistics().liveBytes, liveBytes);
  return result;
}

test('reshape keeps the row-major order, as a view where it can, and works out −1', () => {
  const cases = fc.tuple(shapes(0, 4), shapes(0, 3)).chain(([shape, lead]) => {
    // Some way to write the size of the first shape: its extents in another order, with ones between.
    const target = fc.shuffledSubarray([...shape, ...lead.map(() => 1)], {
      minLength: shape.length + lead.length,
      maxLength: shape.length + lead.length,
    });
    return fc.tuple(drawn(shape), target, fc.nat(7));
  });
  forAll(cases, ([description, target, hidden]) => {
    const x = tensorOf(description);
    const view = (each: Tensor) => ops.reshape(each, hidden < target.length ? target.with(hidden, -1) : target);
    const result = isContiguous(x) ? assertShares(x, view) : view(x);
    assertSame(result, { shape: target, data: denseOf(x).data });
  });
});

test('transpose puts axis permutation[i] at place i, as a view; the inverse undoes it', () => {
  forAll(orders, ([description, order]) => {
    const x = tensorOf(description);
    const result = assertShares(x, (each) => ops.transpose(each, order));
    const shape = order.map((axis) => x.shape[axis]);
    assertSame(
      result,
      loop(shape, (index) =>
        at(
          x,
          order.map((_, axis) => index[order.indexOf(axis)]),
        ),
      ),
    );
    const inverse = order.map((_, axis) => order.indexOf(axis));
    assertSame(ops.transpose(result, inverse), denseOf(x));
    if (x.shape.length < 2) return;
    const swapped = (index: number[]) => [...index.slice(0, -2), ...index.slice(-2).reverse()];
    assertSame(
      ops.transpose(x),
      loop(swapped([...x.shape]), (index) => at(x, swapped(index))),
    );
  });
});

test('slice views entries begin … end − 1, from either end of the axes', () => {
  const cases = tensorAndAxis.chain(([description, axis]) =>
    fc.tuple(fc.constant(description), fc.constant(axis), fc.nat(description.shape[axis] - 1), fc.nat(4)),
  );
  forAll(cases, ([description, axis, begin, more]) => {
    const x = tensorOf(description);
    const end = Math.min(begin + 1 + more, x.shape[axis]);
    const result = assertShares(x, (each) => ops.slice(each, axis, begin, end));
    const expected = loop(x.shape.with(axis, end - begin), (index) => at(x, index.with(axis, index[axis] + begin)));
    assertSame(result, expected);
    assertSame(ops.slice(x, fromEnd(x.shape, axis), begin, end), expected);
  });
});

test('concat puts back together what slice took apart; stack lays side by side', () => {
  forAll(fc.tuple(tensorAndAxis, fc.nat(5)), ([[description, axis], cut]) => {
    const x = tensorOf(description);
    const extent = x.shape[axis];
    const middle = Math.min(1 + cut, extent);
    const parts = [ops.slice(x, axis, 0, middle)];
    if (middle < extent) parts.push(ops.slice(x, axis, middle, extent));
    for (const each of [axis, fromEnd(x.shape, axis)]) {
      const whole = ops.concat(parts, each);
      assert.ok(isContiguous(whole));
      assert.is(whole.dtype, x.dtype);
      assertSame(whole, denseOf(x));
    }
    const other = tensorOf({ ...description, seed: description.seed + 1 });
    for (const place of [axis, axis + 1, -1]) {
      const along = place === -1 ? x.shape.length : place;
      const expected = loop(x.shape.toSpliced(along, 0, 3), (index) =>
        at([x, other, x][index[along]], index.toSpliced(along, 1)),
      );
      assertSame(ops.stack([x, other, x], place), expected);
    }
  });
});

test('expandDims, broadcastTo and contiguous show the same elements; only contiguous may copy', () => {
  forAll(
    fc.tuple(
      shapes(0, 4).chain((shape) => drawn(shape)),
      fc.nat(4),
      shapes(0, 3),
    ),
    ([description, place, lead]) => {
      const x = tensorOf(description);
      const axis = Math.min(place, x.shape.length);
      const expanded = assertShares(x, (each) => ops.expandDims(each, axis));
      assertSame(expanded, { shape: x.shape.toSpliced(axis, 0, 1), data: denseOf(x).data });
      const shape = [...lead, ...expanded.shape.with(axis, 3)];
      const repeated = assertShares(expanded, (each) => ops.broadcastTo(each, shape));
      assertSame(
        repeated,
        loop(shape, (index) => broadcastAt(expanded, index)),
      );
      const copy = ops.contiguous(repeated);
      assert.ok(isContiguous(copy));
      assert.is(copy === repeated, isContiguous(repeated));
      assertSame(copy, denseOf(repeated));
    },
  );
});

test('padRows adds zeros at the end of an axis; none gives the tensor itself', () => {
  forAll(fc.tuple(tensorAndAxis, fc.nat(3)), ([[description, axis], count]) => {
    const x = tensorOf(description);
    const result = ops.padRows(x, axis, count);
    const extent = x.shape[axis];
    assertSame(
      result,
      loop(x.shape.with(axis, extent + count), (index) => (index[axis] < extent ? at(x, index) : 0)),
    );
    if (count === 0) assert.is(result, x);
  });
});

test('detach shares the elements and passes nothing back', () => {
  const x = leafOf([2, 3], 1);
  const cut = assertShares(x, ops.detach);
  assert.is(cut.requiresGrad, false);
  backward(ops.multiply(cut, x));
  assertSame(x.grad as Tensor, denseOf(x));
});

test('gradients of views and assemblies', () => {
  forAll(
    fc.tuple(shapeAndAxis, fc.nat()),
    ([[shape, axis], seed]) => {
      const x = leafOf(shape, seed);
      const size = sizeOf(shape);
      const order = [...shape.keys()].map((each) => (each + axis) % shape.length);
      const other = leafOf(shape.with(axis, 2), seed + 1);
      const check = (f: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]) => checkGradients(f, inputs, { seed });
      check((each) => ops.reshape(each, [size]), x);
      check((each) => ops.reshape(ops.transpose(each, order), [1, -1]), x);
      check((each) => ops.transpose(each, order), x);
      check((each) => ops.slice(each, axis, shape[axis] - 1, shape[axis]), x);
      check((each, rest) => ops.concat([each, rest, each], axis), x, other);
      check((each) => ops.stack([each, each], axis), x);
      check((each) => ops.expandDims(each, axis), x);
      check((each) => ops.broadcastTo(ops.expandDims(each, axis), [2, ...shape.toSpliced(axis, 0, 3)]), x);
      check((each) => ops.padRows(each, axis, 2), x);
      check((each) => ops.contiguous(ops.transpose(each, order)), x);
    },
    12,
  );
});

test('integers travel through views and assemblies too', () => {
  const x = fromArray([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
  assert.equal(
    ops.concat([ops.transpose(x), ops.transpose(x)], 1).toArray(),
    Int32Array.of(1, 4, 1, 4, 2, 5, 2, 5, 3, 6, 3, 6),
  );
  assert.equal(ops.padRows(x, 1, 1).toArray(), Int32Array.of(1, 2, 3, 0, 4, 5, 6, 0));
});

test('invalid arguments are refused by name', () => {
  const [x, given, nine] = [ones([2, 3]), [1, 2] as never, new Array(9).fill(1)];
  const refusals: [typeof ShapeError | typeof ArgumentError, string, (() => unknown)[]][] = [
    [ShapeError, 'x', [() => ops.transpose(ones([3]))]],
    [ArgumentError, 'axis', [() => ops.slice(x, 2, 0, 1), () => ops.expandDims(x, 3), () => ops.concat([x], -3)]],
    [ArgumentError, 'begin', [() => ops.slice(x, 1, 3, 3), () => ops.slice(x, 1, -1, 2)]],
    [ArgumentError, 'end', [() => ops.slice(x, 1, 1, 1), () => ops.slice(x, 1, 0, 4)]],
    [ArgumentError, 'count', [() => ops.padRows(x, 0, -1), () => ops.padRows(x, 0, 0.5)]],
    [ArgumentError, 'tensors', [() => ops.concat([], 0), () => ops.stack([])]],
    [ArgumentError, 'tensors[0]', [() => ops.concat([given], 0)]],
    [ArgumentError, 'tensors[1]', [() => ops.concat([x, zeros([2, 3], 'float64')], 0)]],
    [ShapeError, 'tensors[1]', [() => ops.concat([x, ones([2, 2])], 0), () => ops.concat([x, ones([2])], 1)]],
    [ShapeError, 'tensors[2]', [() => ops.stack([x, x, ones([3, 2])])]],
    [ShapeError, 'shape', [() => ops.reshape(ones([]), nine), () => ops.expandDims(ones(nine.slice(1)), 0)]],
    [ArgumentError, 'x', [() => ops.reshape(given, [2]), () => ops.transpose(given), () => ops.slice(given, 0, 0, 1)]],
    [ArgumentError, 'x', [() => ops.detach(given), () => ops.contiguous(given), () => ops.padRows(given, 0, 1)]],
    [ArgumentError, 'x', [() => ops.expandDims(given, 0), () => ops.broadcastTo(given, [2])]],
  ];
  for (const [type, name, acts] of refusals) for (const act of acts) expectThrows(type, name, act);
  for (const shape of [[4], [2, 4], [-1, 4], [0, -1], [2, 3, 0], [-1, -1], [1.5, 4], [-2, -3], nine]) {
    expectThrows(ShapeError, 'shape', () => ops.reshape(x, shape));
  }
  for (const order of [[0], [0, 0], [1, 2], [-1, 0], [0, 1, 2], [0.5, 1]]) {
    expectThrows(ArgumentError, 'permutation', () => ops.transpose(x, order));
  }
  for (const order of [[0], [0, 1]]) expectThrows(ArgumentError, 'permutation', () => ops.transpose(ones([]), order));
  for (const shape of [[3], [3, 3], [2, 4], [2, 3, 1], [2]]) {
    expectThrows(ShapeError, 'shape', () => ops.broadcastTo(x, shape));
  }
  for (const shape of [[0], [-2], [1.5], [Number.NaN], nine]) {
    expectThrows(ShapeError, 'shape', () => ops.broadcastTo(ones([1]), shape));
  }
});

test.run();
