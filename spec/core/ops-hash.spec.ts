/** Hashing to the nearest direction: the definition, what it must not depend on, and how often near rows collide. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { measureMemory } from '../../src/core/memory.ts';
import { concat, directionHash, gatherRows, negate, scale, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { fromArray, randomNormal, type Tensor, zeros } from '../../src/core/tensor.ts';
import { type Candidate, expectBest, roundings } from '../laws/choices.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { onAllKernelSets } from '../laws/settings.ts';
import { forAll } from './tensors.ts';

const cases = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  rounds: fc.integer({ min: 1, max: 3 }),
  // Around the 32 rows of a tile, as the counts are around the 64 directions.
  length: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constantFrom(31, 32, 33, 64, 65)),
  width: fc.integer({ min: 1, max: 9 }),
  count: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(63, 64, 65, 130)),
  dtype: fc.constantFrom('float32' as const, 'float64' as const),
  norm: fc.constantFrom(1e-3, 1, 100),
  seed: fc.nat(),
});

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

function draw({ batch, heads, rounds, length, width, count, dtype, norm, seed }: Case) {
  const random = new Random(seed);
  return {
    x: scale(randomNormal([batch, heads, length, width], random.split('x'), dtype), norm),
    directions: randomNormal([heads, rounds, width, count], random.split('R'), dtype),
  };
}

/** Throws unless each bucket is the place of the largest of [xR; −xR] in float64, but for the roundings of its products. */
function expectNearest(
  { heads, rounds, length, width, count, dtype }: Case,
  x: Tensor,
  R: Tensor,
  buckets: Tensor,
): void {
  const [rows, r] = [x.toArray(), R.toArray()];
  buckets.toArray().forEach((bucket, n) => {
    const entry = Math.floor(n / (rounds * length));
    const matrix = (entry % heads) * rounds + (Math.floor(n / length) % rounds);
    const row = entry * length + (n % length);
    const signed = new Map<number, Candidate>();
    for (let column = 0; column < count; column++) {
      let [score, size] = [0, 0];
      for (let c = 0; c < width; c++) {
        const product = rows[row * width + c] * r[(matrix * width + c) * count + column];
        score += product;
        size += Math.abs(product);
      }
      const error = roundings(2 * width, dtype) * size;
      signed.set(column, { score, error });
      signed.set(count + column, { score: -score, error });
    }
    expectBest([bucket], signed, 1, `row ${n}`);
  });
}

test('argmax of [xR; −xR], for every batch entry, head, round and row, in both types, whatever the norm', () => {
  forAll(
    cases,
    (drawn) => {
      const { x, directions } = draw(drawn);
      onAllKernelSets(() => {
        const hash = directionHash(x, directions);
        assert.equal([...hash.shape], [drawn.batch, drawn.heads, drawn.rounds, drawn.length]);
        assert.is(hash.dtype, 'int32');
        expectNearest(drawn, x, directions, hash);
      });
    },
    60,
  );
});

test('the farthest direction, and the one after the nearest, are noticed', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const sizes = { batch: 1, heads: 2, rounds: 2, length: 9, width: 5, count: 7 };
    const drawn: Case = { ...sizes, dtype, norm: 1, seed: 3 };
    const { x, directions } = draw(drawn);
    const hash = directionHash(x, directions);
    for (const step of [7, 1]) {
      const other = hash.toArray().map((bucket) => (bucket + step) % 14);
      const broken = fromArray(other, hash.shape, 'int32');
      assert.throws(() => expectNearest(drawn, x, directions, broken), /left out/);
    }
  }
});

test('the length of a row does not matter, and the opposite row has the opposite hash', () => {
  forAll(
    cases,
    (drawn) => {
      const { x, directions } = draw(drawn);
      const hash = [...directionHash(x, directions).toArray()];
      // A power of two scales without a rounding.
      assert.equal([...directionHash(scale(x, 8), directions).toArray()], hash);
      const opposite = hash.map((bucket) => (bucket + drawn.count) % (2 * drawn.count));
      assert.equal([...directionHash(negate(x), directions).toArray()], opposite);
    },
    40,
  );
});

test('equal rows share a bucket, wherever they stand', () => {
  forAll(
    cases,
    (drawn) => {
      const { x, directions } = draw(drawn);
      const copies = Int32Array.from({ length: drawn.length + 40 }, (_, i) => (i * 17) % drawn.length);
      const buckets = directionHash(gatherRows(x, copies), directions).toArray();
      const original = directionHash(x, directions).toArray();
      buckets.forEach((bucket, n) => {
        const list = Math.floor(n / copies.length);
        assert.is(bucket, original[list * drawn.length + copies[n % copies.length]]);
      });
    },
    40,
  );
});

test('a row of zeros goes to the first bucket', () => {
  const { directions } = draw({
    ...{ batch: 1, heads: 1, rounds: 1, length: 1, width: 3, count: 4, dtype: 'float64', norm: 1, seed: 1 },
  });
  assert.equal([...directionHash(zeros([1, 1, 2, 3], 'float64'), directions).toArray()], [0, 0]);
});

test('near rows collide more often than far ones', () => {
  // 16 buckets in 8 dimensions, 4000 pairs of each kind; the standard error of a rate is at most 0.008.
  const [pairs, width] = [4000, 8];
  const random = new Random(11);
  const x = randomNormal([1, 1, pairs, width], random.split('x'), 'float64');
  const noise = randomNormal([1, 1, pairs, width], random.split('noise'), 'float64');
  const directions = randomNormal([1, 1, width, 8], random.split('R'), 'float64');
  const rate = (size: number) => {
    const [a, b] = [x.toArray(), noise.toArray()];
    const other = fromArray(
      a.map((value, n) => value + size * b[n]),
      x.shape,
      'float64',
    );
    const both = directionHash(concat([x, other], 2), directions);
    const [own, near] = [slice(both, 3, 0, pairs), slice(both, 3, pairs, 2 * pairs)].map((each) => each.toArray());
    return own.filter((bucket, n) => bucket === near[n]).length / pairs;
  };
  const rates = [0.1, 0.3, 1, 1000].map(rate);
  for (let n = 1; n < rates.length; n++) assert.ok(rates[n] < rates[n - 1] - 0.05, `rates ${rates}`);
  // Independent rows meet where both fall into the same of 16 buckets of about equal size.
  assert.ok(rates[0] > 0.8 && rates[3] < 2 / 16, `rates ${rates}`);
});

test('the products are never held', () => {
  scope(() => {
    const x = randomNormal([1, 1, 1024, 4], new Random(1));
    const directions = randomNormal([1, 1, 4, 512], new Random(2));
    const { peakBytes } = measureMemory(() => directionHash(x, directions));
    assert.is(peakBytes, 4 * 1024);
  });
});

test('invalid arguments are refused by name', () => {
  const x = zeros([1, 2, 3, 4]);
  expectThrows(ShapeError, 'directions', () => directionHash(x, zeros([1, 1, 4, 2])));
  expectThrows(ShapeError, 'directions', () => directionHash(x, zeros([2, 1, 5, 2])));
  expectThrows(ShapeError, 'directions', () => directionHash(x, zeros([4, 2])));
  expectThrows(ArgumentError, 'directions', () => directionHash(x, zeros([2, 1, 4, 2], 'float64')));
  expectThrows(ShapeError, 'x', () => directionHash(zeros([3, 4]), zeros([2, 1, 4, 2])));
  expectThrows(ArgumentError, 'x', () => directionHash(zeros([1, 2, 3, 4], 'int32'), x));
});

test.run();
