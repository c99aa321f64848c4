import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { ComparisonResult } from '../../src/compare/result.ts';
import {
  crossover,
  describeCrossover,
  fittedSlope,
  labelsOf,
  lengthsOf,
  mainLength,
  type Point,
  pointsOf,
  scalingPoints,
  seriesOf,
  sortResults,
  withReference,
} from '../../src/compare/series.ts';
import { budgetOf, resultOf, results } from './results.ts';

const placeOf = ({ length, layer }: ComparisonResult): string => JSON.stringify([length, layer]);

test('two results have the same label only if nothing but budget, length and layer tells them apart', () => {
  fc.assert(
    fc.property(results, (all) => {
      const labels = labelsOf(all);
      for (const one of all) {
        for (const other of all) {
          if (labels.get(one) !== labels.get(other)) continue;
          assert.is(one.variant, other.variant);
          const alike = placeOf(one) === placeOf(other) && one.budget?.value === other.budget?.value;
          if (alike) assert.equal(one.options, other.options);
        }
      }
    }),
  );
});

test('a label is the name of the variant, and options only where they are needed', () => {
  const plain = [
    resultOf({ options: { window: 2 }, budget: budgetOf(2) }),
    resultOf({ options: { window: 4 }, budget: budgetOf(4) }),
  ];
  assert.equal([...labelsOf(plain).values()], ['windowed', 'windowed']);
  const two = [resultOf({ options: { ends: 'open', at: [1] } }), resultOf({ options: { ends: 'closed', at: [1] } })];
  assert.equal([...labelsOf(two).values()], ['windowed ends=open', 'windowed ends=closed']);
  const lists = [resultOf({ options: { at: [1, 2] } }), resultOf({ options: {} })];
  assert.equal([...labelsOf(lists).values()], ['windowed at=[1,2]', 'windowed at=undefined']);
});

test('series share the results out: each in one, with the variant it names, in order of appearance', () => {
  fc.assert(
    fc.property(results, (all) => {
      const series = seriesOf(all);
      const shared = series.flatMap((one) => one.results);
      assert.is(shared.length, all.length);
      assert.equal(new Set(shared), new Set(all));
      assert.is(new Set(series.map(({ label }) => label)).size, series.length);
      series.forEach(({ index, variant, results: own }, n) => {
        assert.is(index, n);
        assert.ok(own.every((result) => result.variant === variant));
      });
      const firsts = series.map((one) => all.indexOf(one.results[0]));
      assert.equal(
        firsts,
        [...firsts].sort((a, b) => a - b),
      );
    }),
  );
});

test('points share a series out by length and budget, ascending, and average over layers', () => {
  fc.assert(
    fc.property(results, (all) => {
      for (const series of seriesOf(all)) {
        const points = pointsOf(series);
        assert.is(
          points.reduce((sum, { layers }) => sum + layers, 0),
          series.results.length,
        );
        points.forEach(({ length, budget, error, lowestError, highestError, milliseconds, layers }, n) => {
          const own = series.results.filter(
            (result) => result.length === length && result.budget?.value === budget?.value,
          );
          assert.is(own.length, layers);
          const errors = own.map(({ relativeError }) => relativeError);
          assert.equal([lowestError, highestError], [Math.min(...errors), Math.max(...errors)]);
          // Rounding of a sum of at most 16 terms.
          assert.ok(error >= lowestError * (1 - 1e-14) && error <= highestError * (1 + 1e-14));
          const sum = own.reduce((total, result) => total + result.milliseconds, 0);
          assert.ok(Math.abs(milliseconds * layers - sum) <= 1e-14 * sum);
          const before = points[n - 1];
          if (before === undefined) return;
          const later =
            before.length < length || (before.length === length && (before.budget?.value ?? 0) < (budget?.value ?? 0));
          assert.ok(later, 'ascending');
        });
      }
    }),
  );
});

test('sorting keeps all, and puts lengths first, full attention at the top, budgets ascending', () => {
  fc.assert(
    fc.property(results, (all) => {
      const sorted = sortResults(all);
      assert.equal(new Set(sorted), new Set(all));
      assert.is(sorted.length, all.length);
      assert.ok(sorted.every(({ length }, n) => n === 0 || sorted[n - 1].length <= length));
      const places = sorted.map(placeOf);
      places.forEach((place, n) => {
        assert.ok(n === 0 || places[n - 1] === place || !places.slice(0, n).includes(place), 'a place is in one piece');
        if (sorted[n].variant !== 'full' || n === 0 || places[n - 1] !== place) return;
        assert.is(sorted[n - 1].variant, 'full');
      });
      const labels = labelsOf(all);
      sorted.forEach((result, n) => {
        const before = sorted[n - 1];
        if (n === 0 || places[n - 1] !== places[n] || labels.get(before) !== labels.get(result)) return;
        assert.ok((before.budget?.value ?? 0) <= (result.budget?.value ?? 0));
      });
    }),
  );
});

test('full attention has a row for every length and layer, added only where it is missing', () => {
  fc.assert(
    fc.property(results, (all) => {
      const completed = withReference(all);
      assert.ok(all.every((result) => completed.includes(result)));
      for (const place of new Set(all.map(placeOf))) {
        const own = completed.filter((result) => result.variant === 'full' && placeOf(result) === place);
        const given = all.filter((result) => result.variant === 'full' && placeOf(result) === place);
        assert.is(own.length, Math.max(1, given.length));
        if (given.length > 0) continue;
        assert.equal([own[0].relativeError, own[0].totalVariation, own[0].topKRecall], [0, 0, 1]);
        assert.is(own[0].milliseconds, own[0].fullMilliseconds);
        assert.is(own[0].peakBytes, own[0].fullPeakBytes);
        assert.is(own[0].flops, own[0].fullFlops);
      }
    }),
  );
});

test('lengths are ascending; the main one has the most results, and is the longest of those', () => {
  const all = [256, 64, 64, 1024, 256].map((length) => resultOf({ length }));
  assert.equal(lengthsOf(all), [64, 256, 1024]);
  assert.is(mainLength(all), 256);
});

test('a scaling curve keeps to one budget, and no other was measured at more lengths', () => {
  fc.assert(
    fc.property(results, (all) => {
      for (const series of seriesOf(all)) {
        const points = pointsOf(series);
        const drawn = scalingPoints(points);
        const countOf = (value: number | undefined) => points.filter(({ budget }) => budget?.value === value).length;
        assert.is(new Set(drawn.map(({ budget }) => budget?.value)).size, 1);
        for (const { budget } of points) assert.ok(countOf(budget?.value) <= drawn.length);
        assert.is(new Set(drawn.map(({ length }) => length)).size, drawn.length);
      }
    }),
  );
});

const lengths = fc.uniqueArray(fc.integer({ min: 1, max: 65_536 }), { minLength: 2, maxLength: 8 });

test('the fitted slope of a power law is its exponent, whatever short lengths do', () => {
  const exponents = fc.double({ min: -3, max: 3, noNaN: true });
  const factors = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(lengths, exponents, factors, factors, (all, exponent, factor, noise) => {
      const longest = Math.max(...all);
      const fitted = all.filter((length) => length >= longest / 4);
      fc.pre(fitted.length > 1);
      const points = all.map((length) => ({
        length,
        y: fitted.includes(length) ? factor * length ** exponent : noise,
      }));
      // Neighbours such as 65535 and 65536 divide rounding errors of 1e-15 by a spread of 1e-5.
      assert.ok(Math.abs(fittedSlope(points) - exponent) < 1e-8, `${fittedSlope(points)} for ${exponent}`);
    }),
  );
});

test('there is no slope through one point, or through a time of zero', () => {
  assert.ok(Number.isNaN(fittedSlope([{ length: 64, y: 1 }])));
  assert.ok(
    Number.isNaN(
      fittedSlope([
        { length: 64, y: 1 },
        { length: 1024, y: 2 },
      ]),
    ),
  );
  assert.ok(
    Number.isNaN(
      fittedSlope([
        { length: 64, y: 0 },
        { length: 128, y: 2 },
      ]),
    ),
  );
  assert.ok(
    Number.isNaN(
      fittedSlope([
        { length: 64, y: Number.NaN },
        { length: 128, y: 2 },
      ]),
    ),
  );
});

/** A variant that takes b·L beside full attention that takes L². */
function linear(all: readonly number[], b: number): Point[] {
  const measured = all.map((length) => resultOf({ length, milliseconds: b * length, fullMilliseconds: length ** 2 }));
  return pointsOf(seriesOf(measured)[0]);
}

test('power laws cross where they are equal', () => {
  fc.assert(
    fc.property(lengths, fc.double({ min: 0.5, max: 100_000, noNaN: true }), (all, b) => {
      const crossing = crossover(linear(all, b));
      if (b >= Math.max(...all)) assert.is(crossing, null);
      else if (b < Math.min(...all)) assert.equal(crossing, { length: Math.min(...all), shortest: true });
      else {
        assert.is(crossing?.shortest, false);
        // Logarithms of neighbouring lengths near the crossing, as above.
        assert.ok(Math.abs((crossing?.length ?? 0) / b - 1) < 1e-8, `${crossing?.length} for ${b}`);
      }
    }),
  );
});

test('only the last crossing counts: faster for good', () => {
  const shares = [0.5, 2, 0.5, 2, 0.5, 0.25];
  const measured = shares.map((share, n) =>
    resultOf({ length: 64 * 2 ** n, milliseconds: share, fullMilliseconds: 1 }),
  );
  // Halfway between the 4th and the 5th length, in the logarithm.
  const points = pointsOf(seriesOf(measured)[0]);
  assert.ok(Math.abs((crossover(points)?.length ?? 0) - 64 * 2 ** 3.5) < 1e-9);
  assert.is(describeCrossover(points), 'from about 720 tokens');
  assert.is(describeCrossover(points.slice(0, 4)), 'at no length measured');
  assert.is(describeCrossover(points.slice(4)), 'at every length measured');
});

test.run();
