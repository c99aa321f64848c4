/** Whatever goes into a tensor is what comes out, or an error that names the element. Unknown types change nothing. */

import fc from 'fast-check';
import ndarray from 'ndarray';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DType, expectNumbers } from '../../src/core/dtype.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { fromNdarray } from '../../src/core/from-ndarray.ts';
import { allocate, memoryStatistics, reserveOutsideStatistics, viewOf } from '../../src/core/memory.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, empty, filled, fromArray, ones, randomNormal, zeros } from '../../src/core/tensor.ts';
import { effort } from '../laws/effort.ts';

const DTYPES = ['float32', 'float64', 'int32', 'uint8'] as const;
const TYPED = [
  Float64Array,
  Float32Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
];

/** From where on rounding to float32 gives an infinity: half a unit above its largest number. */
const OVERFLOW = (2 - 2 ** -24) * 2 ** 127;

const argumentError = (start: string) => (error: unknown) =>
  error instanceof ArgumentError && error.message.startsWith(start);
const shapeErrorOf = (name: string) => (error: unknown) =>
  error instanceof ShapeError && error.message.startsWith(`${name}: `);

/** What each type can hold, said once more. */
const canHold: Record<DType, (x: unknown) => boolean> = {
  float64: (x) => typeof x === 'number',
  float32: (x) => typeof x === 'number' && !(Math.abs(x) >= OVERFLOW && Math.abs(x) < Number.POSITIVE_INFINITY),
  int32: (x) => Number.isInteger(x) && (x as number) >= -(2 ** 31) && (x as number) < 2 ** 31,
  uint8: (x) => Number.isInteger(x) && (x as number) >= 0 && (x as number) < 256,
};

const awkward = fc.constantFrom<unknown>(
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1.7, -1, 255, 256, 257, 4294967301],
  ...[2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 32, 2 ** 53, 3.4e38, 3.5e38, OVERFLOW, -1e300],
  ...[undefined, null, '5', '', true, 5n, Symbol('5'), [5], { valueOf: () => 5 }, () => 5],
);
const anyNumber = fc.oneof(fc.integer({ min: -3, max: 300 }), fc.double(), fc.maxSafeInteger());
const anyElement: fc.Arbitrary<unknown> = fc.oneof({ arbitrary: anyNumber, weight: 3 }, awkward);

/** The same numbers as each kind of array that may hold them. */
function kindsOf(values: readonly unknown[]): ArrayLike<unknown>[] {
  const typed = values.every((x) => typeof x === 'number') ? TYPED.map((Kind) => Kind.from(values as number[])) : [];
  return [[...values], { ...values, length: values.length }, ...typed];
}

function checkMade(
  make: () => { toArray(): ArrayLike<number> },
  values: ArrayLike<unknown>,
  name: string,
  dtype: DType,
) {
  const live = memoryStatistics().liveBytes;
  const bad = Array.from(values).findIndex((x) => !canHold[dtype](x));
  if (bad < 0) {
    const round = dtype === 'float32' ? Math.fround : (x: number) => x;
    const made = scope(() => Array.from(make().toArray()));
    // −0 is the same whole number as 0.
    const whole = dtype === 'int32' || dtype === 'uint8';
    assert.equal(
      made,
      Array.from(values as ArrayLike<number>, (x) => (whole ? x + 0 : round(x))),
    );
    return;
  }
  assert.throws(make, (error: unknown) => {
    assert.instance(error, ArgumentError);
    const nested = Array.isArray(values[0]);
    const said = nested ? 'one flat array of numbers, got ' : `.* at element ${bad}$`;
    assert.match((error as Error).message, new RegExp(`^${name}: expected ${said}`, 's'));
    return true;
  });
  assert.is(memoryStatistics().liveBytes, live, 'a refusal holds memory');
}

test('fromArray and fromNdarray keep every number, or name the first that the type cannot hold', () => {
  fc.assert(
    fc.property(fc.array(anyElement, { minLength: 1, maxLength: 6 }), (drawn) => {
      for (const values of kindsOf(drawn)) {
        for (const dtype of DTYPES) {
          const given = values as ArrayLike<number>;
          checkMade(() => fromArray(given, [values.length], dtype), values, 'values', dtype);
          if (!Array.isArray(values) && !ArrayBuffer.isView(values)) continue;
          const data = (Array.isArray(given) ? [...given] : given) as number[];
          const backwards = ndarray(data, [values.length]).step(-1);
          checkMade(() => fromNdarray(backwards, dtype), Array.from(values).reverse(), 'source', dtype);
        }
      }
    }),
    effort(300),
  );
});

test('filled takes a number that the type can hold, alone', () => {
  fc.assert(
    fc.property(anyElement, fc.constantFrom(...DTYPES), (value, dtype) => {
      const make = () => scope(() => Array.from(filled([2], value as number, dtype).toArray()));
      if (!canHold[dtype](value)) assert.throws(make, (error: Error) => /^value: expected /.test(error.message));
      else assert.equal(make().length, 2);
    }),
  );
});

test('long lists are checked to their end', () => {
  const values = new Float64Array(100_000);
  values[99_999] = 4294967301;
  assert.throws(() => fromArray(values, [100_000], 'int32'), /got 4294967301 at element 99999/);
  assert.throws(() => expectNumbers('tokens', BigInt64Array.of(1n), 'int32'), /^tokens: .* got 1n at element 0/);
});

test('what is no array of numbers is refused', () => {
  const none = [undefined, null, 5, 'abc', Symbol('x'), 5n, () => 5, {}, { length: -1 }, { length: 'x' }, new Map()];
  for (const values of none) {
    assert.throws(
      () => fromArray(values as number[], [3]),
      (error: unknown) =>
        error instanceof ArgumentError && /^values: (missing; )?expected an array/.test(error.message),
    );
    assert.throws(
      () => fromNdarray(values as never),
      (error: unknown) =>
        error instanceof ArgumentError && /^source: (missing; )?expected an ndarray/.test(error.message),
    );
  }
});

test('an ndarray that reaches beyond its data is refused', () => {
  const data = new Float32Array(6);
  const cases = [
    { shape: [2, 3], stride: [3, 1], offset: 1 },
    { shape: [2, 3], stride: [-3, 1], offset: 0 },
    { shape: [6], stride: [1.5], offset: 0 },
    { shape: [6], stride: [], offset: 0 },
    { shape: [6], stride: [1], offset: Number.NaN },
  ];
  for (const each of cases) assert.throws(() => fromNdarray({ data, ...each } as never), argumentError('source: '));
  for (const shape of [[0], [-1], [1.5], ['2'], new Array(9).fill(1)]) {
    assert.throws(() => fromNdarray({ data, shape, stride: [], offset: 0 } as never), shapeErrorOf('source.shape'));
  }
});

test('an unknown dtype is refused by whatever takes one, and no memory is corrupted', () => {
  const unknown = [
    'float16',
    'bfloat16',
    'int64',
    '',
    'toString',
    '__proto__',
    'constructor',
    null,
    5,
    {},
    Symbol('f'),
  ];
  const random = new Random(1);
  const makers: ((dtype: DType) => unknown)[] = [
    (dtype) => zeros([3], dtype),
    (dtype) => ones([3], dtype),
    (dtype) => empty([3], dtype),
    (dtype) => filled([3], 1, dtype),
    (dtype) => fromArray([1, 2, 3], [3], dtype),
    (dtype) => fromNdarray(ndarray([1, 2, 3]), dtype),
    (dtype) => randomNormal([3], random, dtype as 'float32'),
    (dtype) => allocate(dtype, 3),
    (dtype) => viewOf(dtype, 64, 3),
  ];
  const before = memoryStatistics();
  for (const dtype of unknown) {
    for (const make of makers) {
      assert.throws(
        () => make(dtype as DType),
        (error: unknown) => error instanceof ArgumentError && error.message.startsWith('dtype: expected '),
      );
    }
  }
  for (const dtype of ['int32', 'uint8'] as const) {
    assert.throws(() => randomNormal([3], random, dtype as 'float32'), argumentError('dtype: expected one of float32'));
  }
  assert.equal(memoryStatistics(), before);
  const [first, second] = [fromArray([1, 1, 1, 1], [4]), fromArray([2, 2, 2, 2], [4])];
  assert.equal([...elements(first), ...elements(second)], [1, 1, 1, 1, 2, 2, 2, 2]);
});

test('the allocator takes whole lengths of at least 0, alone', () => {
  const before = memoryStatistics();
  for (const length of [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, '3', undefined, null, 3n]) {
    const said = `length: ${length === undefined ? 'missing; ' : ''}expected an integer`;
    assert.throws(() => allocate('float32', length as number), argumentError(said));
    assert.throws(() => reserveOutsideStatistics(length as number), argumentError(said));
  }
  assert.throws(() => allocate('float32', 1e30), /^memory: /);
  assert.equal(memoryStatistics(), before);
});

test('a shape is a list of at most 8 whole extents of at least 1', () => {
  const shapes = [undefined, null, 5, 'ab', {}, { length: 1, 0: 3 }, [0], [-1], [1.5], ['3'], [3n], [Symbol('x')]];
  for (const shape of [...shapes, [undefined], new Array(1), new Array(9).fill(1), Int32Array.of(3), [Number.NaN]]) {
    for (const make of [zeros, ones, empty]) {
      assert.throws(() => make(shape as number[]), shapeErrorOf('shape'));
    }
    assert.throws(() => fromArray([1, 2, 3], shape as number[]), shapeErrorOf('shape'));
    assert.throws(() => filled(shape as number[], 1), shapeErrorOf('shape'));
  }
});

test.run();
