/** Image Transformer in two dimensions: what its blocks see. The laws of all variants hold its output to its pattern. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { noGrad } from '../../src/core/autograd.ts';
import { ArgumentError } from '../../src/core/errors.ts';
import { concat, slice } from '../../src/core/ops/index.ts';
import { Random } from '../../src/core/random.ts';
import { scope } from '../../src/core/scope.ts';
import { randomNormal, type Tensor } from '../../src/core/tensor.ts';
import { attend } from '../../src/variants/attend.ts';
import { full } from '../../src/variants/full.ts';
import { rowsOfMemory } from '../../src/variants/image-grid.ts';
import { type ImageTransformerOptions, imageTransformer } from '../../src/variants/image-transformer.ts';
import { localAttention } from '../../src/variants/local-attention.ts';
import type { AttentionInputs, AttentionShape } from '../../src/variants/variant.ts';
import { effort } from '../laws/effort.ts';
import { expectClose, read } from '../laws/evaluate.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';

/** Sums of some tens of float64 terms near 1, grouped in another way. */
const ROUNDING = 1e-12;

interface Picture extends ImageTransformerOptions {
  rows: number;
  seed: number;
}

/** A picture of whole rows of blocks, so that both orders of tokens fill it. */
const pictures: fc.Arbitrary<Picture> = fc
  .record({
    blockHeight: fc.integer({ min: 1, max: 4 }),
    blockWidth: fc.integer({ min: 1, max: 4 }),
    reachRows: fc.integer({ min: 0, max: 5 }),
    reachColumns: fc.integer({ min: 0, max: 5 }),
    gridWidth: fc.integer({ min: 4, max: 8 }),
    rows: fc.integer({ min: 1, max: 2 }),
    order: fc.constantFrom('rows' as const, 'blocks' as const),
    causal: fc.boolean(),
    seed: fc.nat(),
  })
  .map((drawn) => ({ ...drawn, rows: drawn.rows * drawn.blockHeight }))
  // Options are at most the length.
  .map((drawn) => {
    const most = drawn.rows * drawn.gridWidth;
    return { ...drawn, reachRows: Math.min(drawn.reachRows, most), reachColumns: Math.min(drawn.reachColumns, most) };
  });

const optionsOf = ({ rows: _, seed: __, ...options }: Picture): ImageTransformerOptions => options;
const lengthOf = ({ rows, gridWidth }: Picture) => rows * gridWidth;

function forAll(law: (picture: Picture) => void, numRuns = 40): void {
  fc.assert(
    fc.property(pictures, (picture) => scope(() => noGrad(() => law(picture)))),
    effort(numRuns),
  );
}

function inputsOf(length: number, seed: number): AttentionInputs {
  const draw = (name: string) => randomNormal([1, 2, length, 4], new Random(seed).split(name), 'float64');
  return { queries: draw('queries'), keys: draw('keys'), values: draw('values') };
}

const shapeOf = (length: number): AttentionShape => ({
  ...{ batch: 1, heads: 2, queryLength: length, keyLength: length, headDim: 4 },
  dtype: 'float64',
});

/** Cells in the order of tokens, with the block of each: made block by block, and sorted if tokens come row by row. */
function cellsOf({ rows, gridWidth, blockHeight, blockWidth, order }: Picture) {
  const cells: { row: number; column: number; top: number; left: number }[] = [];
  for (let top = 0; top < rows; top += blockHeight) {
    for (let left = 0; left < gridWidth; left += blockWidth) {
      for (let row = top; row < top + blockHeight; row++) {
        for (let column = left; column < Math.min(gridWidth, left + blockWidth); column++) {
          cells.push({ row, column, top, left });
        }
      }
    }
  }
  return order === 'blocks' ? cells : cells.sort((a, b) => a.row - b.row || a.column - b.column);
}

test('a query meets the pixels of its memory block, and causally those that came before', () => {
  forAll((picture) => {
    const { blockHeight, blockWidth, reachRows, reachColumns, causal } = picture;
    const cells = cellsOf(picture);
    const meets = imageTransformer.pattern?.(optionsOf(picture), shapeOf(cells.length));
    cells.forEach(({ top, left }, query) => {
      cells.forEach(({ row, column }, key) => {
        // How many rows and columns the key lies outside the query's block.
        const above = Math.max(0, top - row);
        const below = Math.max(0, row - (top + blockHeight - 1));
        const beside = Math.max(0, left - column, column - (left + blockWidth - 1));
        const within = above <= reachRows && below <= (causal ? 0 : reachRows) && beside <= reachColumns;
        assert.is(meets?.(0, query, key), within && (!causal || key <= query), `${query} ${key}`);
      });
    });
  });
});

test('one block that is the whole picture is full attention, in both orders, also causally', () => {
  forAll((picture) => {
    const inputs = inputsOf(lengthOf(picture), picture.seed);
    const { rows: blockHeight, gridWidth: blockWidth, causal } = picture;
    const options = { ...optionsOf(picture), blockHeight, blockWidth };
    const output = read(attend(imageTransformer, inputs, options));
    expectClose(output, read(attend(full, inputs, { causal })), ROUNDING, 'one block');
  });
});

test('memory blocks that reach over the whole picture are full attention too, row by row', () => {
  forAll((picture) => {
    const length = lengthOf(picture);
    const inputs = inputsOf(length, picture.seed);
    const options = { ...optionsOf(picture), order: 'rows', reachRows: length, reachColumns: length } as const;
    const output = read(attend(imageTransformer, inputs, options));
    expectClose(output, read(attend(full, inputs, { causal: picture.causal })), ROUNDING, 'far reach');
  });
});

test('in both directions the order of tokens only permutes the rows of the output', () => {
  forAll((picture) => {
    const length = lengthOf(picture);
    const inputs = inputsOf(length, picture.seed);
    const byBlocks = cellsOf({ ...picture, order: 'blocks' }).map(
      ({ row, column }) => row * picture.gridWidth + column,
    );
    const permuted = (x: Tensor) =>
      concat(
        byBlocks.map((i) => slice(x, 2, i, i + 1)),
        2,
      );
    const { queries, keys, values } = inputs;
    const moved = { queries: permuted(queries), keys: permuted(keys), values: permuted(values) };
    const options = { ...optionsOf(picture), causal: false };
    const rows = attend(imageTransformer, inputs, { ...options, order: 'rows' });
    const blocks = attend(imageTransformer, moved, { ...options, order: 'blocks' });
    expectClose(read(blocks), read(permuted(rows)), ROUNDING, 'blocks');
  });
});

test('a picture of one row is the one-dimensional form', () => {
  const drawn = fc.record({
    length: fc.integer({ min: 1, max: 40 }),
    chunk: fc.integer({ min: 1, max: 40 }),
    causal: fc.boolean(),
    seed: fc.nat(),
  });
  fc.assert(
    fc.property(drawn, ({ length, chunk, causal, seed }) => {
      const chunkLength = Math.min(chunk, length);
      const inputs = inputsOf(length, seed);
      const reach = { blockWidth: chunkLength, reachColumns: chunkLength, blockHeight: 1, reachRows: 0 };
      const output = noGrad(() => attend(imageTransformer, inputs, { causal, gridWidth: length, ...reach }));
      const expected = noGrad(() => attend(localAttention, inputs, { causal, chunkLength }));
      expectClose(read(output), read(expected), ROUNDING, 'one row');
    }),
    effort(40),
  );
});

test('cost: at most every query with a whole memory block, and exactly that many pairs of the pattern', () => {
  forAll((picture) => {
    const { blockHeight, blockWidth, reachRows, reachColumns, causal } = picture;
    const length = lengthOf(picture);
    const meets = imageTransformer.pattern?.(optionsOf(picture), shapeOf(length));
    let pairs = 0;
    for (let i = 0; i < length; i++) for (let j = 0; j < length; j++) if (meets?.(0, i, j)) pairs++;
    const { flops } = imageTransformer.cost(shapeOf(length), optionsOf(picture));
    assert.is(flops, 2 * pairs * (4 * 4 + 5));
    const m = (blockHeight + (causal ? 1 : 2) * reachRows) * (blockWidth + 2 * reachColumns);
    assert.ok(pairs <= length * m);
  }, 20);
});

test('keys have at most two places for each token, also where blocks are taller and the grid wider than all tokens', () => {
  const drawn = fc.integer({ min: 1, max: 40 }).chain((length) => {
    const extent = fc.oneof(fc.constant(length), fc.integer({ min: 1, max: length }));
    const extents = {
      gridWidth: extent,
      blockHeight: extent,
      blockWidth: extent,
      reachRows: extent,
      reachColumns: extent,
    };
    return fc.record({ ...extents, length: fc.constant(length), causal: fc.boolean(), seed: fc.nat() });
  });
  const holds = ({ length, seed, ...extents }: ImageTransformerOptions & { length: number; seed: number }) => {
    const options = { ...extents, order: 'blocks' } as const;
    for (const { keyTokens } of rowsOfMemory(0, length, options)) {
      assert.ok((keyTokens as Int32Array).length <= 2 * length, `${(keyTokens as Int32Array).length} for ${length}`);
    }
    // The output is that of full attention over the keys of the pattern.
    const inputs = inputsOf(length, seed);
    const meets = imageTransformer.pattern?.(options, shapeOf(length));
    const rows = (x: Tensor) => slice(x, 1, 0, 1).toArray();
    const [q, k, v] = [inputs.queries, inputs.keys, inputs.values].map(rows);
    const output = rows(attend(imageTransformer, inputs, options));
    for (let i = 0; i < length; i++) {
      let [sum, first] = [0, 0];
      for (let j = 0; j < length; j++) {
        if (!meets?.(0, i, j)) continue;
        let product = 0;
        for (let c = 0; c < 4; c++) product += q[4 * i + c] * k[4 * j + c];
        const weight = Math.exp(product / 2);
        sum += weight;
        first += weight * v[4 * j];
      }
      assert.ok(Math.abs(output[4 * i] - first / sum) < ROUNDING, `query ${i}`);
    }
  };
  const law = fc.property(drawn as fc.Arbitrary<Parameters<typeof holds>[0]>, (all) =>
    scope(() => noGrad(() => holds(all))),
  );
  fc.assert(law, effort(60));
});

test('a grid or blocks without extent, a negative reach and an unknown order are refused by name', () => {
  const inputs = inputsOf(12, 1);
  const refused: [keyof ImageTransformerOptions, unknown][] = [
    ...[
      ['gridWidth', 0],
      ['gridWidth', 13],
      ['blockHeight', 0],
      ['blockWidth', 1.5],
      ['reachRows', -1],
    ],
    ...[
      ['reachColumns', 13],
      ['order', 'spiral'],
    ],
  ] as [keyof ImageTransformerOptions, unknown][];
  for (const [name, value] of refused) {
    expectThrows(ArgumentError, name, () => void attend(imageTransformer, inputs, { [name]: value }));
  }
});

test.run();
