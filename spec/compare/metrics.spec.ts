import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { errorOfMean, meanOf, meanRecall, topKRecalls, totalVariations } from '../../src/compare/metrics.ts';
import { ArgumentError, ShapeError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import type { Dense } from '../../src/core/reference.ts';

/** Rows of a matrix as the measures take them: one batch entry, one head. */
function rows(...all: number[][]): Dense {
  return { shape: [1, 1, all.length, all[0].length], data: Float64Array.from(all.flat()) };
}

/** Rows of non-negative weights with a sum of one. */
const distributions = fc.integer({ min: 1, max: 12 }).chain((width) =>
  fc
    .array(fc.array(fc.integer({ min: 0, max: 9 }), { minLength: width, maxLength: width }), {
      minLength: 1,
      maxLength: 4,
    })
    .filter((all) => all.every((row) => row.some((weight) => weight > 0)))
    .map((all) => all.map((row) => row.map((weight) => weight / row.reduce((a, b) => a + b)))),
);

test('a matrix is at distance 0 from itself and recalls all of itself', () => {
  fc.assert(
    fc.property(distributions, fc.integer({ min: 1, max: 20 }), (all, k) => {
      assert.is(meanOf(totalVariations(rows(...all), rows(...all))), 0);
      assert.is(meanRecall(topKRecalls(rows(...all), rows(...all), k)), 1);
    }),
  );
});

test('distributions without a common key are at distance 1 and recall nothing', () => {
  fc.assert(
    fc.property(distributions, fc.integer({ min: 1, max: 20 }), (all, k) => {
      const nowhere = (row: number[]) => row.map(() => 0);
      const left = rows(...all.map((row) => [...row, ...nowhere(row)]));
      const right = rows(...all.map((row) => [...nowhere(row), ...row]));
      // A sum of at most 24 terms near 1.
      assert.ok(Math.abs(meanOf(totalVariations(left, right)) - 1) < 1e-14);
      assert.is(meanRecall(topKRecalls(left, right, k)), 0);
    }),
  );
});

test('total variation is symmetric and within 0 and 1 for distributions', () => {
  fc.assert(
    fc.property(distributions, fc.nat(), (all, shift) => {
      const turned = all.map((row) => row.map((_, key) => row[(key + shift) % row.length]));
      const distance = meanOf(totalVariations(rows(...all), rows(...turned)));
      assert.is(distance, meanOf(totalVariations(rows(...turned), rows(...all))));
      assert.ok(distance >= 0 && distance <= 1 + 1e-14);
    }),
  );
});

test('the recall of each row is that of sorted lists, with ties and weights of 0 or less', () => {
  const matrix = fc.integer({ min: 1, max: 40 }).chain((width) => {
    const row = fc.array(fc.integer({ min: -2, max: 6 }), { minLength: width, maxLength: width });
    return fc.array(fc.tuple(row, row), { minLength: 1, maxLength: 3 });
  });
  /** A stable sort: of equal weights the earlier key comes first. */
  const largest = (row: readonly number[], k: number): number[] =>
    [...row.keys()]
      .filter((key) => row[key] > 0)
      .sort((a, b) => row[b] - row[a])
      .slice(0, k);
  fc.assert(
    fc.property(matrix, fc.integer({ min: 1, max: 20 }), (pairs, k) => {
      const [actual, expected] = [0, 1].map((n) => rows(...pairs.map((pair) => pair[n])));
      const recalls = topKRecalls(actual, expected, k);
      pairs.forEach(([approximate, exact], n) => {
        const wanted = largest(exact, k);
        const found = largest(approximate, wanted.length);
        const share = wanted.filter((key) => found.includes(key)).length / wanted.length;
        assert.ok(Object.is(recalls[n], share), `${recalls[n]}, expected ${share}`);
      });
    }),
  );
});

test('total variation by hand: the mean over rows of half the absolute differences', () => {
  // Rows differ by (0.25 + 0.25)/2 and by (1 + 1)/2.
  assert.is(meanOf(totalVariations(rows([0.5, 0.5, 0], [0, 0, 1]), rows([0.75, 0.25, 0], [1, 0, 0]))), 0.625);
});

test('recall by hand: shares of the k largest that are found again', () => {
  const expected = rows([0.4, 0.3, 0.2, 0.1]);
  assert.is(meanRecall(topKRecalls(rows([0.1, 0.2, 0.3, 0.4]), expected, 2)), 0);
  assert.is(meanRecall(topKRecalls(rows([0.4, 0.1, 0.3, 0.2]), expected, 2)), 0.5);
  assert.is(meanRecall(topKRecalls(rows([0.3, 0.4, 0.1, 0.2]), expected, 2)), 1);
});

test('of equal weights the earlier key ranks higher', () => {
  const even = rows([0.25, 0.25, 0.25, 0.25]);
  assert.is(meanRecall(topKRecalls(even, rows([0.5, 0.5, 0, 0]), 2)), 1);
  assert.is(meanRecall(topKRecalls(even, rows([0, 0, 0.5, 0.5]), 2)), 0);
});

test('a key that is not attended to is never recalled, and a short row is judged by the keys it has', () => {
  // Key 1 would be second of the actual row if zeros ranked.
  assert.is(meanRecall(topKRecalls(rows([1, 0, 0]), rows([0.5, 0.3, 0.2]), 2)), 0.5);
  // A causal first row sees one key: k = 2 cannot ask for more.
  assert.is(meanRecall(topKRecalls(rows([1, 0, 0]), rows([1, 0, 0]), 2)), 1);
  // Negative weights of signed features do not rank either.
  assert.is(meanRecall(topKRecalls(rows([1, -0.2, -0.1]), rows([0.5, 0.3, 0.2]), 2)), 0.5);
});

test('rows that see nothing are left out', () => {
  assert.is(meanRecall(topKRecalls(rows([0, 0], [0, 1]), rows([0, 0], [1, 0]), 1)), 0);
  assert.is(meanRecall(topKRecalls(rows([0, 0]), rows([0, 0]), 1)), 1);
});

test('NaN is not hidden, and wrong arguments are named', () => {
  assert.ok(Number.isNaN(meanOf(totalVariations(rows([Number.NaN, 0]), rows([1, 0])))));
  assert.throws(
    () => meanOf(totalVariations(rows([1]), rows([1, 0]))),
    (error: Error) => error instanceof ShapeError && error.message.startsWith('actual:'),
  );
  assert.throws(
    () => meanRecall(topKRecalls(rows([1]), rows([1]), 0)),
    (error: Error) => error instanceof ArgumentError && error.message.startsWith('k:'),
  );
});

test('the error of a mean over sampled rows, by hand; none where all are there, or only one', () => {
  // Two groups, three of five positions: means 1, 2 and 3, of variance 1, by √(1/3 · 2/5).
  const figures = Float64Array.of(0, 2, Number.NaN, 2, 2, 3);
  assert.ok(Math.abs(errorOfMean(figures, 3, 5) - Math.sqrt((1 / 3) * (2 / 5))) < 1e-15);
  assert.is(errorOfMean(figures, 3, 3), 0);
  assert.is(errorOfMean(Float64Array.of(1, 2), 1, 9), 0);
});

test('twice the error of a mean of sampled rows holds the mean of all about nineteen times in twenty', () => {
  const random = new Random(11);
  const population = Float64Array.from({ length: 400 }, () => random.uniform() ** 3);
  const mean = population.reduce((sum, each) => sum + each / 400, 0);
  let held = 0;
  for (let turn = 0; turn < 400; turn++) {
    const sample = Float64Array.from(random.choose(400, 64), (at) => population[at]);
    const estimate = sample.reduce((sum, each) => sum + each / 64, 0);
    if (Math.abs(estimate - mean) <= 2 * errorOfMean(sample, 64, 400)) held++;
  }
  // 0.95 of 400 with a deviation of 4.4; the draws are fixed.
  assert.ok(held >= 360 && held <= 396, `${held} of 400`);
});

test.run();
