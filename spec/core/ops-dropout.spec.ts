/** Dropout: which entries go is random in every way that training relies on, and a function of the stream alone. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { backward } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { dropout, transpose } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { ones, packed, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSameBitsOnThreads } from './on-threads.ts';
import { assertSame, at, denseOf, drawn, forAll, leafOf, loop, shapes, tensorOf } from './tensors.ts';

const rates = fc.integer({ min: 1, max: 31 }).map((step) => step / 32);

/** 1 where an entry is kept, of `count` entries. */
function kept(count: number, rate: number, random: Random): number[] {
  return scope(() => Array.from(dropout(ones([count]), rate, random).toArray(), (entry) => (entry === 0 ? 0 : 1)));
}

test('an entry is 0 or x / (1 − rate), the same ones for any x of a shape and whatever its layout', () => {
  forAll(
    fc.tuple(
      shapes(1, 4).chain((shape) => drawn(shape)),
      rates,
      fc.nat(),
    ),
    ([description, rate, seed]) => {
      const x = tensorOf(description);
      const result = dropout(x, rate, new Random(seed));
      assert.is(result.dtype, x.dtype);
      const mask = dropout(ones(x.shape), rate, new Random(seed));
      const share = 1 / (1 - rate);
      assertSame(
        result,
        loop(x.shape, (index) => (at(mask, index) === 0 ? 0 : share * at(x, index))),
      );
      assertSame(dropout(packed(x), rate, new Random(seed)), denseOf(result));
    },
  );
});

test('the fraction that is dropped is the rate', () => {
  const count = 100_000;
  for (const [seed, rate] of [0.05, 0.1, 0.25, 0.5, 0.9].entries()) {
    const dropped = count - kept(count, rate, new Random(seed)).reduce((sum, each) => sum + each, 0);
    // Five standard deviations of a binomial count; the seeds are fixed, so this holds or it does not.
    const deviation = Math.sqrt(count * rate * (1 - rate));
    assert.ok(Math.abs(dropped - count * rate) < 5 * deviation, `${dropped} of ${count} at rate ${rate}`);
  }
});

test('entries are independent of their neighbours, and of the same places under other streams', () => {
  const count = 50_000;
  const rate = 0.3;
  const correlation = (a: number[], b: number[]) =>
    a.reduce((sum, each, n) => sum + (each - 1 + rate) * (b[n] - 1 + rate), 0) / (a.length * rate * (1 - rate));
  const step = new Random(1).split('step 1');
  const mask = kept(count, rate, step.split('layer 0'));
  const distances = [1, 2, 3, 4, 7, 8, 16, 32, 64, 100, 128, 256, 512, 1024, 4096];
  const others = {
    ...Object.fromEntries(distances.map((each) => [`${each} places on`, mask.slice(each)])),
    'another layer': kept(count, rate, step.split('layer 1')),
    'another step': kept(count, rate, new Random(1).split('step 2').split('layer 0')),
  };
  for (const [name, other] of Object.entries(others)) {
    const found = correlation(mask.slice(0, other.length), other);
    // Five standard errors of a correlation of independent numbers, 1/√count.
    assert.ok(Math.abs(found) < 5 / Math.sqrt(other.length), `${name}: ${found}`);
  }
});

test('streams whose numbers are neighbours drop entries that have nothing to do with each other', () => {
  const streamOf = (...numbers: number[]) =>
    ({ integer: () => numbers.shift(), split: () => null }) as unknown as Random;
  const count = 50_000;
  const mask = (first: number, second: number) => kept(count, 0.5, streamOf(first, second));
  const one = mask(1000, 7);
  for (const [first, second] of [
    [1001, 8],
    [1000, 8],
    [1001, 6],
  ]) {
    const other = mask(first, second);
    for (const shift of [-1, 0, 1]) {
      let same = 0;
      for (let i = 1; i < count - 1; i++) if (one[i] === other[i + shift]) same++;
      // Five standard deviations of a binomial count.
      assert.ok(
        Math.abs(same - count / 2) < 2.5 * Math.sqrt(count),
        `${first}, ${second}, shift ${shift}: ${same} same`,
      );
    }
  }
});

test('two numbers are drawn from the stream, whatever the size', () => {
  forAll(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat()), ([count, seed]) => {
    const [used, other] = [new Random(seed), new Random(seed)];
    dropout(ones([count]), 0.5, used);
    other.integer(2 ** 32);
    other.integer(2 ** 32);
    assert.equal(used.state(), other.state());
  });
});

test('the gradient is masked as the output is', () => {
  forAll(
    fc.tuple(shapes(1, 3), rates, fc.nat()),
    ([shape, rate, seed]) => {
      checkGradients((x) => dropout(x, rate, new Random(seed)), [leafOf(shape, seed)], { seed });
    },
    40,
  );
  checkGradients((x) => dropout(transpose(x), 0.5, new Random(1)), [leafOf([4, 3], 1)]);
});

test('a rate of 0 gives x itself, and draws nothing', () => {
  const x = ones([3]);
  const random = new Random(1);
  assert.is(dropout(x, 0, random), x);
  assert.equal(random.state(), new Random(1).state());
});

test('1, 2 and 3 threads give the same bits, forward and backward', async () => {
  const bits = () =>
    scope(() => {
      const x = randomNormal([50, 1001], new Random(1)).withGrad();
      const result = dropout(x, 0.2, new Random(2));
      backward(result);
      return [result.toArray(), (x.grad as Tensor).toArray()];
    });
  await assertSameBitsOnThreads(bits);
});

test('invalid arguments are refused by name', () => {
  for (const rate of [-0.1, 1, Number.NaN]) {
    expectThrows(ArgumentError, 'rate', () => dropout(ones([2]), rate, new Random(1)));
  }
  expectThrows(ArgumentError, 'x', () => dropout(zeros([2], 'int32'), 0.5, new Random(1)));
});

test.run();
