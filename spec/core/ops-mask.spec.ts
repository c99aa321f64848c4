/** What masks do outside of attention. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { quietMasked, transpose, zeroMasked } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal } from '../../src/core/tensor.ts';

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  heads: fc.integer({ min: 1, max: 3 }),
  length: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 5 }),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  rubbish: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3e38, -1),
  seed: fc.nat(),
});

test('masked rows are zeros and have no gradient, whatever they and their gradients hold; others are left as they are', () => {
  fc.assert(
    fc.property(cases, ({ batch, heads, length, width, dtype, rubbish, seed }) => {
      scope(() => {
        const random = new Random(seed);
        const mask = Array.from({ length: batch * length }, () => random.integer(2));
        const shape = [batch, heads, length, width];
        const isReal = (at: number) => {
          const row = Math.floor(at / width);
          return mask[Math.floor(row / (heads * length)) * length + (row % length)] === 1;
        };
        const spoilt = (name: string) => {
          const data = randomNormal(shape, random.split(name), dtype).toArray();
          return data.map((value, at) => (isReal(at) ? value : rubbish));
        };
        const [x, gradient] = ['x', 'gradient'].map(spoilt);
        const leaf = fromArray(x, shape, dtype).withGrad();
        const result = zeroMasked(leaf, fromArray(mask, [batch, length], 'uint8'));
        assert.equal(
          result.toArray(),
          x.map((value, at) => (isReal(at) ? value : 0)),
        );
        if (result.node === null) return;
        backward(result, fromArray(gradient, shape, dtype));
        assert.equal(
          leaf.grad?.toArray(),
          gradient.map((value, at) => (isReal(at) ? value : 0)),
        );
      });
    }),
  );
});

test('quietMasked: masked rows that cannot be computed with are zeros, others and real ones stay', () => {
  fc.assert(
    fc.property(cases, ({ batch, heads, length, width, dtype, seed }) => {
      scope(() => {
        const random = new Random(seed);
        const mask = Array.from({ length: batch * length }, () => random.integer(2));
        const held = [Number.NaN, Number.NEGATIVE_INFINITY, dtype === 'float32' ? 3e38 : 1e308, 1e-40, 7];
        const rows = Array.from({ length: batch * heads * length }, () => held[random.integer(held.length)]);
        const isMasked = (row: number) => mask[Math.floor(row / (heads * length)) * length + (row % length)] === 0;
        const shape = [batch, heads, length, width];
        const data = rows.flatMap((value) => [...new Array<number>(width - 1).fill(0.5), value]);
        const x = fromArray(data, shape, dtype);
        const keyMask = fromArray(mask, [batch, length], 'uint8');
        const isLoud = (row: number) => !(Math.abs(rows[row]) < 1e9);
        const expected = x.toArray().map((value, at) => {
          const row = Math.floor(at / width);
          return isMasked(row) && isLoud(row) ? 0 : value;
        });
        // In lists, where NaN is NaN.
        assert.equal([...quietMasked(x, keyMask).toArray()], [...expected]);
        // As a view with other strides.
        const stored = fromArray(transpose(x, [0, 1, 3, 2]).toArray(), [batch, heads, width, length], dtype);
        assert.equal([...quietMasked(transpose(stored, [0, 1, 3, 2]), keyMask).toArray()], [...expected]);
      });
    }),
  );
});

test('without a masked key it is x itself', () => {
  const x = randomNormal([2, 1, 3, 2], new Random(1));
  assert.is(zeroMasked(x, undefined), x);
  assert.is(zeroMasked(x, fromArray([1, 1, 1, 1, 1, 1], [2, 3], 'uint8')), x);
});

test.run();
