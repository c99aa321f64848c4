import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bestOfColumn, resultColumns } from '../../src/compare/columns.ts';
import { REFERENCE_VARIANT, withReference } from '../../src/compare/series.ts';
import { formatCrossovers, formatHeading, formatHighlights, formatResults } from '../../src/compare/terminal.ts';
import { budgetOf, reportOf, resultOf, results } from './results.ts';

/** Rows of the table, without its titles and what follows it. */
function rowsOf(text: string): string[] {
  const lines = text.slice(0, text.indexOf('\n\n')).split('\n');
  return lines.slice(2).filter((line) => !line.startsWith('─'));
}

test('a row for every result, and full attention first for each length and layer', () => {
  fc.assert(
    fc.property(results, (drawn) => {
      const rows = rowsOf(formatResults(drawn));
      assert.is(rows.length, withReference(drawn).length);
      assert.match(rows[0], /^full/);
      const groups = new Set(drawn.map(({ length, layer }) => `${length} ${layer}`)).size;
      assert.ok(rows.filter((row) => row.startsWith('full')).length >= groups);
    }),
  );
});

test('the best of a column are approximations, and none of their group is better', () => {
  fc.assert(
    fc.property(results, (drawn) => {
      for (const column of resultColumns(drawn)) {
        const winners = bestOfColumn(column, drawn);
        for (const winner of winners) {
          assert.is.not(winner.variant, REFERENCE_VARIANT);
          const { of, value } = column.best!;
          const rivals = drawn.filter(({ variant, length, layer }) => {
            return variant !== REFERENCE_VARIANT && length === winner.length && layer === winner.layer;
          });
          assert.ok(rivals.length > 1);
          const figures = rivals.map(value);
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

test('a narrow terminal loses columns and their explanations, not the width', () => {
  const drawn = [16, 32].flatMap((length) => [4, 8].map((value) => resultOf({ length, budget: budgetOf(value) })));
  for (const width of [60, 80, 120]) {
    const lines = formatResults(drawn, { width }).split('\n');
    assert.ok(lines.every((line) => line.length <= width));
    for (const title of ['TV', 'top-k']) {
      const explained = lines.slice(1).some((line) => line.startsWith(`${title} `));
      assert.is(explained, lines[0].includes(title), `${title} at ${width} columns`);
    }
  }
  assert.match(formatResults(drawn), /within 1\.00e-7 of plain float64 loops/);
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
    formatHighlights(drawn),
    [
      'mean of 2 layers  variant  error  speed-up         memory',
      '────────────────  ───────  ─────  ────────  ─────────────',
      'smallest error    b        0.300     1.00×  25.0% of full',
      'fastest           a        0.500     4.00×   100% of full',
      'least memory      b        0.300     1.00×  25.0% of full',
    ].join('\n'),
  );
  assert.is(formatHighlights(drawn.slice(0, 1)), '');
  assert.is(formatHighlights([resultOf({ variant: 'full' })]), '');
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
    formatHeading(input, environment, { causal: true, seed: 5 }, false),
    [
      'numbers',
      'batch 1 · 1 head · 64, 128 tokens · width 32 · causal · seed 5',
      'a processor · 2 threads · plain kernels · Node v20.0.0',
    ].join('\n'),
  );
});

test.run();
