/** What masks do outside of attention. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { zeroMasked } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { fromArray, randomNormal, scope } from '../../src/core/tensor.ts';

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

test('without a masked key it is x itself', () => {
  const x = randomNormal([2, 1, 3, 2], new Random(1));
  assert.is(zeroMasked(x, undefined), x);
  assert.is(zeroMasked(x, fromArray([1, 1, 1, 1, 1, 1], [2, 3], 'uint8')), x);
});

test.run();
