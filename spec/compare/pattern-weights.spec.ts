/** Drawn weights against the rows of the implied matrix, variant by variant. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { attentionRows } from '../../src/compare/attention-rows.ts';
import { queriesOfCells, weightsGrid } from '../../src/compare/patterns/grid.ts';
import { drawnWeights, gridOfRows } from '../../src/compare/patterns/weights.ts';
import { scope } from '../../src/core/scope.ts';
import { allVariants } from '../../src/variants/registry.ts';
import { inputsOf, sampleCases } from '../laws/draw.ts';

const SEED = 3;

for (const variant of allVariants()) {
  test(`${variant.name}: a cell is the mean weight of its pairs, over all queries and heads`, () => {
    const wishes = { dtype: 'float64', selfAttention: true, minLength: 5, maxLength: 40, maxHeadDim: 6 } as const;
    for (const drawn of sampleCases(variant, wishes, 6)) {
      scope(() => {
        const inputs = inputsOf(drawn);
        const length = drawn.shape.keyLength;
        for (const cells of [1, 3, 7, length, 70]) {
          const settings = { cells, queriesPerCell: length, seed: SEED };
          const drawnGrid = drawnWeights(variant, inputs, drawn.options, settings);
          const queries = queriesOfCells(length, cells, length);
          const { data } = attentionRows(variant, inputs, drawn.options, queries, { seed: SEED });
          const rows = queries.map((_, n) =>
            Array.from({ length }, (_, key) => {
              let sum = 0;
              for (let head = 0; head < drawn.shape.heads; head++)
                sum += data[(head * queries.length + n) * length + key];
              return sum / drawn.shape.heads;
            }),
          );
          const expected = weightsGrid(queries, rows, length, cells);
          assert.is(drawnGrid.size, expected.size);
          const ofRows = gridOfRows({ shape: [1, drawn.shape.heads, length, length], data }, cells);
          const largest = Math.max(...expected.cells.map(Math.abs), 1e-300);
          for (const [at, mean] of expected.cells.entries()) {
            for (const own of [drawnGrid.cells[at], ofRows.cells[at]]) {
              const off = Math.abs(own - mean) / largest;
              assert.ok(off <= 1e-9, `cell ${at}: ${own}, expected ${mean}, ${JSON.stringify(drawn)}`);
            }
          }
        }
      });
    }
  });
}

test.run();
