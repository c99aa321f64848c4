/** What a program sees of a tensor: its numbers as a typed array, and one line where it is printed. */
import { inspect } from 'node:util';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ArrayOf, DType } from '../../src/core/dtype.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { memoryStatistics, release } from '../../src/core/memory.ts';
import { fromArray, type Tensor, zeros } from '../../src/core/tensor.ts';
import { drawn, forAll, shapes, tensorOf } from './tensors.ts';

const anyTensor = shapes(0, 5).chain((shape) => drawn(shape));

test('a tensor is printed as its dtype, its shape and its first numbers, in any layout', () => {
  forAll(anyTensor, (description) => {
    const tensor = tensorOf(description);
    const before = memoryStatistics().liveBytes;
    const [, dtype, shape, numbers] = /^Tensor (\w+) \[([\d, ]*)\]: (.*)$/.exec(inspect(tensor)) ?? [];
    assert.is(memoryStatistics().liveBytes, before, 'nothing is packed for it');
    assert.equal([dtype, shape], [tensor.dtype, tensor.shape.join(', ')]);
    const all = Array.from(tensor.toArray(), (x) => `${Number(x.toPrecision(4))}`);
    assert.equal(numbers.split(', '), all.length > 6 ? [...all.slice(0, 6), '…'] : all);
  });
});

test('whole numbers are printed whole, and what is no finite number as it is', () => {
  assert.is(inspect(fromArray([123456789, -1], [2, 1], 'int32')), 'Tensor int32 [2, 1]: 123456789, -1');
  assert.is(inspect(fromArray([0, 255], [2], 'uint8')), 'Tensor uint8 [2]: 0, 255');
  const odd = fromArray([Number.NaN, Number.NEGATIVE_INFINITY, 1e-20], [3]);
  assert.is(inspect({ odd }), '{ odd: Tensor float32 [3]: NaN, -Infinity, 1e-20 }');
});

test('a tensor that was released is printed as that', () => {
  const tensor = zeros([2, 3], 'float64');
  release(tensor.array.data);
  assert.is(inspect(tensor), 'Tensor float64 [2, 3], released');
});

test('toArray has the type that was asked for, and refuses another than the tensor holds', () => {
  const kinds: { [D in DType]: new (length: number) => ArrayOf<D> } = {
    float32: Float32Array,
    float64: Float64Array,
    int32: Int32Array,
    uint8: Uint8Array,
  };
  const dtypes = Object.keys(kinds) as DType[];
  forAll(fc.tuple(fc.constantFrom(...dtypes), fc.constantFrom(...dtypes)), ([held, asked]) => {
    const tensor: Tensor = fromArray([1, 2, 3], [3], held);
    if (asked === held) {
      assert.instance(tensor.toArray(asked), kinds[held]);
      assert.equal(tensor.toArray(asked), tensor.toArray());
      return;
    }
    assert.throws(
      () => tensor.toArray(asked),
      (error: unknown) =>
        error instanceof ArgumentError &&
        error.message === `dtype: expected '${held}', which the tensor holds, got '${asked}'`,
    );
  });
  const typed: Float32Array = zeros([2]).toArray('float32');
  assert.is(typed.length, 2);
});

test.run();
