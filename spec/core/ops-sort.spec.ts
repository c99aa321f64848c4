/** The counting sort: both permutations, stability, and the bits on many threads. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { countingSort, transpose } from '../../src/core/ops/index.ts';
import { fromArray, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { forAll } from './tensors.ts';

const cases = fc
  .record({ lists: fc.integer({ min: 1, max: 5 }), length: fc.integer({ min: 1, max: 60 }) })
  .chain(({ lists, length }) =>
    fc.integer({ min: 1, max: 12 }).chain((bound) =>
      fc.record({
        bound: fc.constant(bound),
        keys: fc.array(fc.array(fc.nat(bound - 1), { minLength: length, maxLength: length }), {
          minLength: lists,
          maxLength: lists,
        }),
      }),
    ),
  );

const tensorOf = (keys: number[][]) => fromArray(keys.flat(), [keys.length, keys[0].length], 'int32');
const rows = (data: ArrayLike<number>, length: number) =>
  Array.from({ length: data.length / length }, (_, row) => Array.from(data).slice(row * length, (row + 1) * length));

test('the order is that of a stable sort, list by list', () => {
  forAll(cases, ({ keys, bound }) => {
    const { order } = countingSort(tensorOf(keys), bound);
    const expected = keys.map((list) => list.map((_, i) => i).sort((a, b) => list[a] - list[b] || a - b));
    assert.equal(rows(order.toArray(), keys[0].length), expected);
  });
});

test('unsorting what was sorted gives it back, and so the other way round', () => {
  forAll(cases, ({ keys, bound }) => {
    const length = keys[0].length;
    const { order, place } = countingSort(tensorOf(keys), bound);
    const places = rows(place.toArray(), length);
    rows(order.toArray(), length).forEach((list, n) => {
      list.forEach((element, at) => {
        assert.is(places[n][element], at);
      });
      places[n].forEach((at, element) => {
        assert.is(list[at], element);
      });
    });
  });
});

test('a strided view of the keys is sorted along its own last axis', () => {
  const keys = fromArray([2, 0, 1, 1, 0, 2], [3, 2], 'int32');
  assert.equal([...countingSort(transpose(keys), 3).order.toArray()], [2, 1, 0, 0, 1, 2]);
});

test('a long list of many keys', () => {
  const keys = Int32Array.from({ length: 5000 }, (_, i) => (i * 7919) % 1000);
  const { order } = countingSort(fromArray(keys, [5000], 'int32'), 1000);
  const sorted = order.toArray();
  for (let at = 1; at < sorted.length; at++) {
    const [before, after] = [sorted[at - 1], sorted[at]];
    assert.ok(keys[before] < keys[after] || (keys[before] === keys[after] && before < after), `place ${at}`);
  }
});

test('invalid arguments are refused by name', () => {
  expectThrows(ArgumentError, 'keys', () => countingSort(fromArray([0, 3], [2], 'int32'), 3));
  expectThrows(ArgumentError, 'keys', () => countingSort(fromArray([0, -1], [2], 'int32'), 3));
  expectThrows(ArgumentError, 'keys', () => countingSort(zeros([2]), 3));
  expectThrows(ArgumentError, 'bound', () => countingSort(fromArray([0], [1], 'int32'), 0));
  expectThrows(ShapeError, 'keys', () => countingSort(fromArray([0], [], 'int32'), 1));
});

test.run();
