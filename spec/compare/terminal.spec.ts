import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bestOfColumn, resultColumns } from '../../src/compare/columns.ts';
import { formatFront, type RankedPoint, rankedPoints } from '../../src/compare/front.ts';
import { barAt, rankedGroups } from '../../src/compare/judge.ts';
import type { ComparisonResult } from '../../src/compare/result.ts';
import { nameOfPoint, REFERENCE_VARIANT, seriesOf, withReference } from '../../src/compare/series.ts';
import { formatCrossovers, formatHeading, formatHighlights, formatResults } from '../../src/compare/terminal.ts';
import { baselinesOf, budgetOf, measurements, reportOf, resultOf } from './results.ts';

/** Rows of the table, without its titles and what follows it. */
function rowsOf(text: string): string[] {
  const lines = text.slice(0, text.indexOf('\n\n')).split('\n');
  return lines.slice(2).filter((line) => !line.startsWith('─'));
}

test('a row for every result and every baseline, and full attention first for each length and layer', () => {
  fc.assert(
    fc.property(measurements, (drawn) => {
      const rows = rowsOf(formatResults(drawn));
      assert.is(rows.length, withReference(drawn.results).length + (drawn.baselines ?? []).length);
      assert.match(rows[0], /^full/);
      const groups = new Set(drawn.results.map(({ length, layer }) => `${length} ${layer}`)).size;
      assert.ok(rows.filter((row) => row.startsWith('full')).length >= groups);
    }),
  );
});

test('approximations come first, by error; what is none after them, with the reason above; baselines last', () => {
  const drawn = [
    resultOf({ variant: 'own', exactness: 'own', relativeError: 0.01 }),
    resultOf({ variant: 'own-drawn', exactness: 'own', untrained: true, relativeError: 0.02 }),
    resultOf({ variant: 'drawn', untrained: true, relativeError: 0.03 }),
    resultOf({ variant: 'far', relativeError: 0.9 }),
    resultOf({ variant: 'broken', relativeError: Number.NaN }),
    resultOf({ variant: 'second', relativeError: 0.5 }),
    resultOf({ variant: 'first', relativeError: 0.4 }),
  ];
  const text = formatResults({ results: drawn, baselines: baselinesOf(drawn, 0.8) });
  const lines = text.slice(0, text.indexOf('\n\n')).split('\n').slice(2);
  assert.equal(
    lines.map((line) => (line.startsWith('─') ? line : line.split(/ {2,}/)[0])),
    [
      ...['full', 'first', 'second'],
      ...['─ No nearer to full attention than a baseline', 'far', 'broken'],
      ...['─ Untrained: with random parameters', 'drawn'],
      ...['─ A different function from full attention', 'own'],
      ...['─ A different function, and untrained', 'own-drawn'],
      ...['─ Baselines, which read no queries and no keys', 'mean of values', 'zeros'],
    ],
  );
  const prose = text.replace(/\n */g, ' ');
  assert.match(prose, '1 is the error of zeros');
  assert.match(prose, 'Full attention streams here: it never holds the matrix, so its memory is O(L)');
});

test('the best of a column beat the baselines, and no other row that does and may be best is better', () => {
  fc.assert(
    fc.property(measurements, (drawn) => {
      const groups = rankedGroups(drawn);
      for (const column of resultColumns(drawn.results)) {
        const winners = bestOfColumn(column, groups);
        for (const winner of winners) {
          const { of } = column.best!;
          const value = (result: ComparisonResult) => Number(column.value(result));
          const { length, layer } = winner;
          const bar = barAt(drawn.baselines, { length, layer });
          const rivals = drawn.results.filter((result) => {
            return result.variant !== REFERENCE_VARIANT && result.length === length && result.layer === layer;
          });
          assert.ok(rivals.includes(winner) && rivals.length > 1);
          const mayBeBest = rivals.filter(({ relativeError, exactness, untrained, milliseconds, fullMilliseconds }) => {
            if (exactness === 'own' || untrained === true || !(relativeError < bar.error)) return false;
            return column.title !== 'speed-up' || milliseconds < fullMilliseconds;
          });
          const figures = mayBeBest.map(value);
          assert.ok(mayBeBest.includes(winner));
          assert.is(value(winner), of === 'lowest' ? Math.min(...figures) : Math.max(...figures));
          assert.is(
            rivals.filter((rival) => winners.has(rival)).length,
            figures.filter((figure) => figure === value(winner)).length,
          );
        }
      }
    }),
  );
});

/** Names in the second column of the highlights, each with its title. */
function praised(text: string): [title: string, name: string][] {
  if (!text.includes('──')) return [];
  const lines = text.split('\n\n')[0].split('\n').slice(2);
  return lines.map((line) => line.split(/ {2,}/).slice(0, 2) as [string, string]);
}

test('highlights and the front name only approximations that beat the baselines, and save what they are praised for', () => {
  fc.assert(
    fc.property(measurements, (drawn) => {
      const points = rankedPoints(drawn);
      const text = formatHighlights(drawn);
      const bar = points.length === 0 ? null : barAt(drawn.baselines, { length: points[0].length });
      /** Whether the rows that the point is the mean of beat the baselines, each those of its layer. */
      const inEveryLayer = (point: RankedPoint): boolean =>
        seriesOf(drawn.results)
          .filter((series) => nameOfPoint(series, point) === point.name)
          .flatMap((series) => series.results)
          .filter(({ length, budget }) => length === point.length && budget?.value === point.budget?.value)
          .every(({ relativeError, layer, length }) => relativeError < barAt(drawn.baselines, { length, layer }).error);
      const able = points
        .filter(({ error, exactness, untrained }) => {
          return error < bar!.error && exactness !== 'own' && !untrained;
        })
        .filter(inEveryLayer);
      for (const [title, name] of praised(text)) {
        // Two may have one name in this made-up input: then one of them has to be worthy.
        const worthy = able.filter((point) => {
          return name === point.name && (title !== 'fastest' || point.milliseconds < point.fullMilliseconds);
        });
        assert.ok(worthy.length > 0, `${title}: ${name}`);
      }
      if (points.length > 1) {
        assert.is(praised(text).length > 0, able.length > 0);
        assert.is(/No approximation here|Nothing here/.test(text), able.length === 0);
        const isFaster = able.some(({ milliseconds, fullMilliseconds }) => milliseconds < fullMilliseconds);
        assert.is(text.includes('is faster than full attention here.'), able.length > 0 && !isFaster);
      }
      for (const point of points) {
        const { onFront, error, exactness, untrained } = point;
        if (onFront) assert.ok(inEveryLayer(point));
        if (onFront) assert.ok(error < bar!.error && exactness !== 'own' && !untrained);
      }
    }),
  );
});

test('where no approximation beats the baselines, that is said, with the error that had to be beaten', () => {
  const drawn = [resultOf({ relativeError: 0.9 }), resultOf({ variant: 'other', relativeError: 1.5 })];
  const none = 'No approximation here is nearer to full attention than the mean of values is (error 0.800).';
  assert.is(formatHighlights({ results: drawn, baselines: baselinesOf(drawn, 0.8) }), none);
  assert.is(
    formatHighlights({ results: drawn.slice(1) }),
    'No approximation here is nearer to full attention than zeros are (error 1.00).',
  );
  // What is no approximation, however near and fast, changes nothing.
  const own = resultOf({ variant: 'own', exactness: 'own', relativeError: 0.5, milliseconds: 1 });
  const untrained = resultOf({ variant: 'drawn', untrained: true, relativeError: 0.1, milliseconds: 1 });
  const all = [...drawn, own, untrained];
  assert.is(formatHighlights({ results: all, baselines: baselinesOf(all, 0.8) }), none);
  assert.is(
    formatHighlights({ results: [own, untrained] }),
    'Nothing here is an approximation to choose from: each is another function, or untrained.',
  );
  assert.match(formatFront({ results: drawn }), /No approximation|★/);
});

test('what saves no time, no memory or no work is not called fast or small', () => {
  const slow = [0.1, 0.2].map((relativeError, n) =>
    resultOf({ relativeError, budget: budgetOf(4 << n), milliseconds: 15 - n, peakBytes: 4096 + n }),
  );
  const text = formatHighlights({ results: slow });
  assert.equal(praised(text), [['smallest error', 'windowed, w = 4']]);
  assert.ok(
    text.endsWith(
      '\n\nNo approximation that beats the baselines is faster than full attention here.\nNo approximation that beats the baselines needs less memory than full attention here.',
    ),
  );
  // A budget that covers all tokens: exact, and timed faster by chance.
  const covering = resultOf({ relativeError: 0, milliseconds: 7, flops: 4e6, budget: budgetOf(128) });
  assert.equal(praised(formatHighlights({ results: [covering, slow[1]] })), [
    ['smallest error', 'windowed, w = 128'],
    ['least memory', 'windowed, w = 128'],
  ]);
});

test('a narrow terminal loses columns and their explanations, not the width', () => {
  const drawn = [16, 32].flatMap((length) => [4, 8].map((value) => resultOf({ length, budget: budgetOf(value) })));
  for (const width of [70, 80, 120]) {
    const lines = formatResults({ results: drawn, baselines: baselinesOf(drawn) }, { width }).split('\n');
    assert.ok(lines.every((line) => line.length <= width));
    for (const title of ['TV', 'top-k']) {
      const explained = lines.slice(1).some((line) => line.startsWith(`${title} `));
      assert.is(explained, lines[0].includes(title), `${title} at ${width} columns`);
    }
  }
  assert.match(formatResults({ results: drawn }), /within 1\.00e-7 of plain float64 loops/);
});

test('the highlights are the best on average over layers', () => {
  const of = (variant: string, layer: string, relativeError: number, milliseconds: number, peakBytes: number) =>
    resultOf({ variant, layer, relativeError, milliseconds, peakBytes });
  const drawn = [
    // The smallest error of all is a's, but b's mean is smaller.
    ...[of('a', 'first', 0.1, 2, 4096), of('a', 'second', 0.9, 2, 4096)],
    ...[of('b', 'first', 0.3, 8, 1024), of('b', 'second', 0.3, 8, 1024)],
  ];
  assert.is(
    formatHighlights({ results: drawn }),
    [
      'mean of 2 layers  variant  error  speed-up         memory',
      '────────────────  ───────  ─────  ────────  ─────────────',
      'smallest error    b        0.300     1.00×  25.0% of full',
      'fastest           a        0.500     4.00×   100% of full',
      'least memory      b        0.300     1.00×  25.0% of full',
    ].join('\n'),
  );
  assert.is(formatHighlights({ results: drawn.slice(0, 1) }), '');
  assert.is(formatHighlights({ results: [resultOf({ variant: 'full' })] }), '');
});

test('what no baseline beats on average, but one does in a layer, is not called the best', () => {
  const of = (variant: string, layer: string, relativeError: number, milliseconds: number) =>
    resultOf({ variant, layer, relativeError, milliseconds });
  const steady = [of('steady', 'first', 0.5, 4), of('steady', 'second', 0.5, 4)];
  const fickle = [of('fickle', 'first', 0.05, 1), of('fickle', 'second', 0.85, 1)];
  const drawn = [...steady, ...fickle];
  const measured = { results: drawn, baselines: baselinesOf(drawn, 0.8) };
  assert.match(formatHighlights(measured), /^fastest +steady /m);
  assert.not.match(formatHighlights(measured), 'fickle');
  assert.not.match(formatFront(measured), /^★ +fickle/m);
  assert.match(formatFront(measured), /No nearer to full attention than a baseline\n +fickle/);
  const alone = { results: fickle, baselines: baselinesOf(fickle, 0.8) };
  const words = 'No approximation here is nearer to full attention than the baselines in every layer.';
  assert.is(formatHighlights(alone), words);
  assert.match(formatFront(alone).replace(/\s+/g, ' '), words);
});

test('crossovers by name, for several lengths only', () => {
  const at = (length: number, milliseconds: number) => resultOf({ length, milliseconds, budget: budgetOf(4) });
  // Twice as slow at 100, twice as fast at 400: even at 200, by the logarithm.
  assert.is(
    formatCrossovers([at(100, 16), at(400, 4), resultOf({ variant: 'full', length: 400 })]),
    'Faster than full attention\n  windowed, w = 4  from about 200 tokens',
  );
  assert.match(formatCrossovers([at(100, 16), at(400, 16)]), /at no length measured$/);
  assert.match(formatCrossovers([at(100, 4), at(400, 4)]), /at every length measured$/);
  assert.is(formatCrossovers([at(100, 4)]), '');
});

test('the heading states input, sizes, masking, seed and machine', () => {
  const { environment } = reportOf([]);
  const load = (): never => {
    throw new Error('not asked for');
  };
  const cases = [64, 128].map((length) => ({ length, load }));
  const input = { name: 'numbers', source: 'synthetic' as const, detail: '', batch: 1, heads: 1, headDim: 32, cases };
  assert.is(
    formatHeading(input, environment, { causal: true, seed: 5 }),
    [
      'numbers',
      'batch 1 · 1 head · 64, 128 tokens · width 32 · causal · seed 5',
      'a processor · 2 threads · plain kernels · Node v20.0.0',
    ].join('\n'),
  );
  const one = { ...input, cases: [{ length: 1, load }] };
  assert.match(formatHeading(one, environment, { causal: false, seed: 0 }), ' · 1 token · ');
});

test.run();
