/** The best pairs of two lists, plain and in vectors, against all n² pairs in their order. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kernelSet } from '../../src/core/kernels/simd.ts';
import { bestPairs } from '../../src/core/ops/best-pairs.ts';
import { setKernels } from '../../src/core/parallel/pool.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { elements, fromArray } from '../../src/core/tensor.ts';
import { forAll } from './tensors.ts';

const usual = kernelSet();
test.after(() => setKernels(usual));

const SPECIAL = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];

/** How scores are drawn: with many ties, with zeros of both signs and what is no finite number, or as any. */
const kinds = {
  ties: (random: Random) => random.integer(5) - 2,
  special: (random: Random) =>
    random.integer(2) === 0 ? SPECIAL[random.integer(SPECIAL.length)] : random.integer(3) - 1,
  infinite: (random: Random) => SPECIAL[2 + random.integer(3)],
  normal: (random: Random, norm: number) => norm * random.normal(),
  // Of one list far from the other, and far from each other: sums round, and are equal then.
  wide: (random: Random, norm: number) => norm * random.normal() * 10 ** (random.integer(60) - 30),
};

const cases = fc.integer({ min: 1, max: 70 }).chain((n) =>
  fc.record({
    n: fc.constant(n),
    k: fc.integer({ min: 1, max: n }),
    rows: fc.integer({ min: 1, max: 5 }),
    kinds: fc.tuple(fc.constantFrom(...Object.values(kinds)), fc.constantFrom(...Object.values(kinds))),
    norm: fc.constantFrom(1e-3, 1, 100, 1e30),
    dtype: fc.constantFrom('float32' as const, 'float32' as const, 'float64' as const),
    seed: fc.nat(),
  }),
);

/** Places of the halves, best first: NaN is −∞, of equals the first. */
function inOrder(scores: ArrayLike<number>): { place: number; score: number }[] {
  return Array.from(scores, (score, place) => ({
    place,
    score: Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score,
  })).sort((a, b) => Number(b.score > a.score) - Number(b.score < a.score));
}

/** All n² pairs, sorted; the sort is stable, so of equal sums the better first half comes first, and then the better second. */
function written(first: ArrayLike<number>, second: ArrayLike<number>, k: number): number[][] {
  const seconds = inOrder(second);
  const pairs = inOrder(first).flatMap((a) =>
    seconds.map((b) => {
      const sum = a.score + b.score;
      return { pair: [a.place, b.place], sum: Number.isNaN(sum) ? Number.NEGATIVE_INFINITY : sum };
    }),
  );
  pairs.sort((a, b) => Number(b.sum > a.sum) - Number(b.sum < a.sum));
  return pairs.slice(0, k).map(({ pair }) => pair);
}

test('the best of all pairs in their order, from either kernel: with ties, −0, infinities, NaN, at every norm', () => {
  forAll(cases, ({ n, k, rows, kinds: [one, other], norm, dtype, seed }) => {
    scope(() => {
      const random = new Random(seed);
      const draw = (kind: typeof one) => {
        const numbers = Float64Array.from({ length: rows * n }, () => kind(random, norm));
        return fromArray(dtype === 'float32' ? Float32Array.from(numbers) : numbers, [rows, n], dtype);
      };
      const [scores1, scores2] = [draw(one), draw(other)];
      const [first, second] = [scores1, scores2].map((each) => elements(each));
      const own = (all: ArrayLike<number>, row: number) => Array.from({ length: n }, (_, i) => all[row * n + i]);
      const expected = Array.from({ length: rows }, (_, row) => written(own(first, row), own(second, row), k));
      for (const kernels of ['plain', usual] as const) {
        setKernels(kernels);
        const pairs = elements(bestPairs(scores1, scores2, k));
        const found = expected.map((list, row) =>
          list.map((_, c) => [pairs[row * k + c], pairs[(rows + row) * k + c]]),
        );
        assert.equal(found, expected, `${kernels}, ${dtype}`);
      }
    });
  });
});

test('long lists in vectors are those of the plain loops, on any share of the rows', () => {
  const [n, rows] = [1000, 40];
  for (const k of [1, 33, 1000]) {
    scope(() => {
      const random = new Random(k);
      const draw = () =>
        fromArray(
          Float32Array.from({ length: rows * n }, () => random.integer(4000)),
          [rows, n],
        );
      const [scores1, scores2] = [draw(), draw()];
      const [plain, fast] = (['plain', usual] as const).map((kernels) => {
        setKernels(kernels);
        return [...elements(bestPairs(scores1, scores2, k))];
      });
      assert.equal(fast, plain);
    });
  }
});

test.run();
