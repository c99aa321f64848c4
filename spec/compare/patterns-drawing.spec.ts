import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bucketGrid, patternGrid, queriesOfCells, shareOfPairs, weightsGrid } from '../../src/compare/patterns/grid.ts';
import { drawHtml } from '../../src/compare/patterns/page.ts';
import { type PatternPanel, shadingOf } from '../../src/compare/patterns/shade.ts';
import { drawSvg } from '../../src/compare/patterns/svg.ts';
import { cellsForTerminal, drawInTerminal } from '../../src/compare/patterns/terminal.ts';
import { ArgumentError, UnsupportedError } from '../../src/core/errors.ts';
import { MARKED } from '../../src/terminal/colour.ts';
import { displayWidth } from '../../src/terminal/width.ts';
import { full } from '../../src/variants/full.ts';
import type { AnyVariant } from '../../src/variants/registry.ts';

/** Only what drawing looks at: a window of `reach` tokens to both sides, and head h sees token h as well. */
function windowed(reach: number): AnyVariant {
  const parts = {
    name: 'windowed',
    family: 'sparse',
    supports: { causal: true, padding: true, crossAttention: false, incremental: false },
    options: {},
    inputs: {},
    defaults: () => ({ causal: false }),
    pattern: () => (head: number, query: number, key: number) => Math.abs(query - key) <= reach || key === head,
  };
  return parts as unknown as AnyVariant;
}

const approximate = { ...windowed(1), name: 'approximate', family: 'kernel', pattern: undefined } as AnyVariant;

test('the shares of all cells add up to the number of allowed pairs', () => {
  const sizes = fc.record({
    length: fc.integer({ min: 1, max: 60 }),
    cells: fc.integer({ min: 1, max: 70 }),
    reach: fc.nat({ max: 20 }),
    heads: fc.integer({ min: 1, max: 3 }),
    causal: fc.boolean(),
  });
  fc.assert(
    fc.property(sizes, ({ length, cells, reach, heads, causal }) => {
      let pairs = 0;
      for (let h = 0; h < heads; h++) {
        for (let i = 0; i < length; i++) {
          for (let j = 0; j < length; j++) if ((Math.abs(i - j) <= reach || j === h) && (!causal || j <= i)) pairs++;
        }
      }
      const grid = patternGrid(windowed(reach), length, { causal }, cells, heads);
      const sum = shareOfPairs(grid, length) * heads * length ** 2;
      assert.is(grid.size, Math.min(cells, length));
      // Shares of small integers, added: exact but for the last bits.
      assert.ok(Math.abs(sum - pairs) < 1e-9 * length * length, `${sum} for ${pairs}`);
    }),
  );
});

/** Buckets of `size` tokens, counted back from a query. */
const bucketed = (size: number) =>
  ({
    ...approximate,
    buckets: () => (query: number, key: number) => Math.floor(Math.abs(query - key) / size),
  }) as AnyVariant;

test('with a cell for each token the grid of buckets says how near each bucket is, and 0 where no key is seen', () => {
  const sizes = fc.record({ length: fc.integer({ min: 1, max: 30 }), size: fc.integer({ min: 1, max: 8 }) });
  fc.assert(
    fc.property(sizes, fc.boolean(), ({ length, size }, causal) => {
      const grid = bucketGrid(bucketed(size), length, { causal }, length);
      const count = Math.floor((length - 1) / size) + 1;
      for (let i = 0; i < length; i++) {
        for (let j = 0; j < length; j++) {
          const near = (count - Math.floor(Math.abs(i - j) / size)) / count;
          assert.is(grid.cells[i * length + j], causal && j > i ? 0 : near, `query ${i}, key ${j}`);
        }
      }
    }),
  );
  const thrown = errorOf(() => bucketGrid(approximate, 8, {}, 4));
  assert.instance(thrown, UnsupportedError);
  assert.match(thrown.message, 'variant: approximate has no buckets');
});

test('a cell of several tokens has the mean over the pairs that are seen', () => {
  // The cells on the diagonal are of bucket 0 alone; the other is of buckets 1, 0, 1 and 1, 3/4 in the mean.
  assert.equal(bucketGrid(bucketed(2), 4, { causal: true }, 2).cells, [1, 0, 1 / 1.75, 1]);
});

test('with a cell for each token the grid is the pattern', () => {
  const grid = patternGrid(windowed(2), 12, { causal: true }, 12);
  for (let i = 0; i < 12; i++) {
    for (let j = 0; j < 12; j++) {
      assert.is(grid.cells[i * 12 + j], j <= i && (i - j <= 2 || j === 0) ? 1 : 0, `query ${i}, key ${j}`);
    }
  }
});

test('full attention allows every pair, or every earlier one', () => {
  assert.equal(patternGrid(full, 6, {}, 2).cells, [1, 1, 1, 1]);
  assert.equal(patternGrid(full, 4, { causal: true }, 2).cells, [0.75, 0, 1, 0.75]);
});

test('a band stays visible in every row of cells of a long sequence', () => {
  const length = 16384;
  const { size, cells } = patternGrid(windowed(16), length, {}, 48);
  for (let row = 0; row < size; row++) assert.ok(cells[row * size + row] > 0, `row ${row}`);
  assert.ok(cells[size - 1] === 0 && cells[(size - 1) * size] > 0, 'far from the band only the first key is seen');
});

test('a variant without a pattern is refused by name', () => {
  const thrown = errorOf(() => patternGrid(approximate, 8, {}, 4));
  assert.instance(thrown, UnsupportedError);
  assert.match(thrown.message, /^variant: approximate has no pattern/);
});

test('weights in cells: rows that sum to 1 still do', () => {
  const sizes = fc.record({
    length: fc.integer({ min: 1, max: 60 }),
    cells: fc.integer({ min: 1, max: 70 }),
    perCell: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(sizes, ({ length, cells, perCell }) => {
      const queries = queriesOfCells(length, cells, perCell);
      const rows = queries.map((query) =>
        Array.from({ length }, (_, key) => ((query + key) % length) / ((length * (length - 1)) / 2 || 1)),
      );
      if (length === 1) rows[0][0] = 1;
      const grid = weightsGrid(queries, rows, length, cells);
      for (let row = 0; row < grid.size; row++) {
        let sum = 0;
        for (let column = 0; column < grid.size; column++) {
          const keys = Math.floor(((column + 1) * length) / grid.size) - Math.floor((column * length) / grid.size);
          sum += grid.cells[row * grid.size + column] * keys;
        }
        assert.ok(Math.abs(sum - 1) < 1e-12, `row ${row} sums to ${sum}`);
      }
    }),
  );
});

test('weights in cells: a row of cells without a query is refused', () => {
  const thrown = errorOf(() => weightsGrid([0, 1], [new Float64Array(4), new Float64Array(4)], 4, 2));
  assert.instance(thrown, ArgumentError);
  assert.match(thrown.message, /^queries: /);
});

test('shades: nothing is 0, anything else is seen, more is never fainter, the sign is kept', () => {
  const share = shadingOf('pattern', []);
  assert.is(share(0), 0);
  assert.is(share(1), 16);
  const weight = shadingOf('weights', [panel('weights', 1, [0.5])]);
  const numbers = fc.double({ min: 0, max: 0.5, noNaN: true });
  fc.assert(
    fc.property(numbers, numbers, (one, other) => {
      for (const shading of [share, weight]) {
        assert.ok(shading(Math.min(one, other)) <= shading(Math.max(one, other)));
        assert.is(shading(one) > 0, one > 0);
      }
      assert.is(weight(-one), -weight(one) || 0);
    }),
  );
  assert.is(weight(0.5), 16);
  assert.is(weight(0.5e-3), 1);
});

test('terminal: fits its width, and is free of escape codes without colour', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 40, max: 200 }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      (columns, count, colour) => {
        const size = cellsForTerminal(columns);
        const panels = Array.from({ length: count }, () => panelOf(windowed(3), 100, size));
        const drawn = drawInTerminal(panels, { columns, colour });
        const plain = withoutColour(drawn);
        assert.is(plain === drawn, !colour);
        assert.match(
          plain.replaceAll('\n', ' '),
          /A row is a query, from the first token at the top; a column is a key\. Pattern: /,
        );
        for (const line of plain.split('\n'))
          assert.ok(displayWidth(line) <= columns, `${displayWidth(line)} of ${columns}: ${line}`);
        const across = Math.min(count, Math.floor((columns + 3) / (size + 3)));
        assert.is(across >= Math.min(2, count), true, 'two fit beside each other');
      },
    ),
    { numRuns: 40 },
  );
});

test('terminal: without colour, a character shows the stronger of its two cells', () => {
  const drawn = drawInTerminal([panel('pattern', 4, [1, 0, 0, 0, 1, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0.01, 1])], {
    columns: 80,
    colour: false,
  });
  assert.equal(drawn.split('\n').slice(2, 4), ['█▒··', '··░█']);
});

test('SVG: the drawn area is the number of cells that are not zero', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.nat({ max: 9 }), (size, reach) => {
      const drawn = panelOf(windowed(reach), size, size);
      let area = 0;
      for (const [, width] of drawSvg([drawn]).matchAll(/h(\d+)v1h-\d+z/g)) area += Number(width);
      assert.is(area, drawn.cells.filter((share) => share !== 0).length);
    }),
    { numRuns: 40 },
  );
});

test('SVG and HTML: text is escaped, and nothing is fetched', () => {
  const panels = [{ ...panel('weights', 1, [1]), title: '<a & "b">' }, panel('pattern', 1, [1])];
  for (const text of [drawSvg(panels), drawHtml(panels, '<input>')]) {
    assert.not.match(text, /<a &|<input>|<script|<link|<image|url\(/);
    assert.match(text, /&#60;a &#38; &#34;b&#34;&#62;/);
    assert.equal(text.match(/https?:[^"]*/g), ['http://www.w3.org/2000/svg']);
  }
});

function panel(kind: PatternPanel['kind'], size: number, cells: number[]): PatternPanel {
  return { kind, size, cells, length: size, title: 'title', caption: 'caption' };
}

function panelOf(variant: AnyVariant, length: number, cells: number): PatternPanel {
  return {
    ...patternGrid(variant, length, {}, cells),
    kind: 'pattern',
    title: variant.name,
    caption: 'a = 1, b = 2',
    length,
  };
}

function withoutColour(text: string): string {
  return text.replace(MARKED, '');
}

function errorOf(body: () => void): Error {
  try {
    body();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

test.run();
