/** Tensors: how they come to be, what they show of their elements in any layout, and what they refuse. */
import fc from 'fast-check';
import ndarray from 'ndarray';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { copyInto } from '../../src/core/copy-into.ts';
import { ArgumentError, MemoryError, ShapeError } from '../../src/core/errors.ts';
import { expectFinite } from '../../src/core/finite.ts';
import { fromNdarray } from '../../src/core/from-ndarray.ts';
import { allocate, bytesPerElement, type DType, memoryStatistics, release } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import {
  elements,
  empty,
  filled,
  fromArray,
  isContiguous,
  ones,
  packed,
  randomNormal,
  sizeOf,
  Tensor,
  viewAs,
  zeros,
} from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSame, at, denseOf, drawn, forAll, indices, loop, shapes, stored, tensorOf } from './tensors.ts';

const dtypes: DType[] = ['float32', 'float64', 'int32', 'uint8'];
const anyLayout = shapes(0, 5).chain((shape) => drawn(shape));

test('new tensors have the shape, the dtype and the elements asked for, and belong to nothing', () => {
  forAll(fc.tuple(shapes(0, 8, 3), fc.constantFrom(...dtypes), fc.nat(200)), ([shape, dtype, value]) => {
    const size = shape.reduce((product, extent) => product * extent, 1);
    const made: [Tensor, number][] = [
      [zeros(shape, dtype), 0],
      [ones(shape, dtype), 1],
      [filled(shape, value, dtype), value],
      [fromArray(new Array(size).fill(value), shape, dtype), value],
    ];
    for (const [tensor, element] of made) {
      assert.equal([...tensor.shape], shape);
      assert.is(tensor.size, size);
      assert.is(sizeOf(tensor.shape), size);
      assert.is(tensor.dtype, dtype);
      assert.ok(isContiguous(tensor));
      assert.equal([tensor.grad, tensor.requiresGrad, tensor.node], [null, false, null]);
      assertSame(
        tensor,
        loop(shape, () => element),
      );
    }
    assert.is(empty(shape, dtype).block.bytes, Math.ceil((size * bytesPerElement[dtype]) / 64) * 64);
  });
});

test('a shape is a copy: changing the array that gave it changes nothing', () => {
  const shape = [2, 3];
  const tensors = [zeros(shape), fromArray([1, 2, 3, 4, 5, 6], shape), filled(shape, 1)];
  shape[0] = 5;
  for (const tensor of tensors) assert.equal([...tensor.shape], [2, 3]);
});

test('fromArray and toArray copy: neither shares memory with the heap', () => {
  // Of float32's range: what is beyond it is refused, see dtype.spec.ts.
  forAll(fc.array(fc.double({ min: -3e38, max: 3e38 }), { minLength: 1 }), (values) => {
    for (const dtype of ['float32', 'float64'] as const) {
      const source = Float64Array.from(values);
      const tensor = fromArray(source, [values.length], dtype);
      const copy = tensor.toArray();
      source.fill(7);
      elements(tensor).fill(8);
      assert.equal(
        Array.from(copy),
        values.map((value) => stored(dtype, value)),
      );
      assert.not(copy.buffer instanceof SharedArrayBuffer);
    }
  });
});

test('fromNdarray takes the elements as an ndarray indexes them, whatever its strides', () => {
  forAll(anyLayout, (description) => {
    const source = tensorOf(description);
    const outside = ndarray(
      Float64Array.from(source.array.data),
      [...source.shape],
      source.array.stride,
      source.array.offset,
    );
    assertSame(fromNdarray(outside, 'float64'), denseOf(source));
    assertSame(fromNdarray(outside), denseOf(source));
  });
  assertSame(fromNdarray(ndarray([1, 2, 3, 4], [2, 2]).transpose(1, 0)), { shape: [2, 2], data: [1, 3, 2, 4] });
});

test('randomNormal draws what the generator draws', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const expected = new Random(3).fillNormal(dtype === 'float32' ? new Float32Array(6) : new Float64Array(6));
    assert.equal(randomNormal([2, 3], new Random(3), dtype).toArray(), expected);
  }
});

test('elements, toArray and packed are the row-major order of any layout; only a strided one is copied', () => {
  forAll(anyLayout, (description) => {
    const tensor = tensorOf(description);
    const expected = Array.from(indices(tensor.shape), (index) => at(tensor, index));
    const before = memoryStatistics().liveBytes;
    const window = elements(tensor);
    assert.is(memoryStatistics().liveBytes > before, !isContiguous(tensor));
    assert.equal(Array.from(window), expected);
    assert.equal(Array.from(tensor.toArray()), expected);
    const copy = packed(tensor);
    assert.ok(isContiguous(copy));
    assert.is.not(copy.block, tensor.block);
    assertSame(copy, { shape: tensor.shape, data: expected });
    // A window is on the heap: writing through it is seen by the tensor.
    if (!isContiguous(tensor)) return;
    window.fill(9);
    assertSame(
      tensor,
      loop(tensor.shape, () => 9),
    );
  });
});

test('isContiguous: the next element in row-major order is the next in memory', () => {
  forAll(anyLayout, (description) => {
    const tensor = tensorOf(description);
    const places = Array.from(indices(tensor.shape), (index) => tensor.array.index(...index));
    assert.is(
      isContiguous(tensor),
      places.every((place, i) => place === places[0] + i),
    );
  });
});

test('copyInto copies between any two layouts, and nothing beside', () => {
  const pair = shapes(1, 4).chain((shape) => fc.tuple(drawn(shape), drawn(shape)));
  forAll(pair, ([from, to]) => {
    // A target whose elements lie on one another would depend on the order.
    fc.pre(to.layout !== 'repeated' && from.dtype === to.dtype);
    const [source, target] = [tensorOf(from), tensorOf(to)];
    const around = Array.from(target.array.data);
    const mine = new Set(Array.from(indices(target.shape), (index) => target.array.index(...index)));
    copyInto(target.array, source.array);
    assertSame(target, denseOf(source));
    around.forEach((value, place) => {
      if (!mine.has(place)) assert.is(target.array.data[place], value);
    });
  });
});

test('a view shares the block of its tensor, and item() reads the one element there is', () => {
  const tensor = fromArray([1, 2, 3, 4], [2, 2]);
  const corner = viewAs(tensor, (array) => array.lo(1, 1));
  assert.is(corner.block, tensor.block);
  assert.is(corner.item(), 4);
  assert.is(filled([], 5).item(), 5);
  expectThrows(ShapeError, 'item', () => tensor.item());
});

test('expectFinite names the first element that is not', () => {
  forAll(anyLayout, (description) => expectFinite('queries', tensorOf(description)));
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const tensor = fromArray([1, 2, bad, Number.NaN], [2, 2]);
    assert.throws(
      () => expectFinite('queries', tensor),
      (error: unknown) =>
        error instanceof ArgumentError && error.message === `queries: expected finite numbers, got ${bad} at element 2`,
    );
  }
  // The largest numbers are finite, though their sum is not.
  expectFinite('x', filled([4], Number.MAX_VALUE, 'float64'));
});

test('shapes and invalid values are refused by name', () => {
  for (const shape of [[0], [2, -1], [1.5], [Number.NaN], [Number.POSITIVE_INFINITY], new Array(9).fill(1)]) {
    for (const make of [empty, zeros, ones]) expectThrows(ShapeError, 'shape', () => make(shape));
    expectThrows(ShapeError, 'shape', () => fromArray([1, 2], shape));
    expectThrows(ShapeError, 'shape', () => randomNormal(shape, new Random(1)));
  }
  for (const count of [0, 5, 7]) expectThrows(ShapeError, 'values', () => fromArray(new Array(count).fill(0), [2, 3]));
  expectThrows(MemoryError, 'memory', () => empty([2 ** 20, 2 ** 20]));
  expectThrows(ArgumentError, 'array', () => new Tensor(ndarray(new Float32Array(4), [2, 2])));
  const released = allocate('float32', 4);
  release(released);
  expectThrows(ArgumentError, 'array', () => new Tensor(ndarray(released, [4])));
});

test.run();
