/** The relative shift against its definition, on strided views too; its gradient; what it means for distances. */
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/core/errors.ts';
import { checkGradients } from '../../src/core/gradient-check.ts';
import { memoryStatistics } from '../../src/core/memory.ts';
import { broadcastTo, relativeShift } from '../../src/core/ops/index.ts';
import { fromArray, zeros } from '../../src/core/tensor.ts';
import { expectThrows } from '../laws/laws/expect-throws.ts';
import { assertSame, at, drawn, forAll, leafOf, loop, shapes, tensorOf } from './tensors.ts';

const sizes = fc.record({
  leading: shapes(0, 3, 3),
  rows: fc.integer({ min: 1, max: 6 }),
  columns: fc.integer({ min: 1, max: 6 }),
});
const shapeOf = ({ leading, rows, columns }: { leading: number[]; rows: number; columns: number }) => [
  ...leading,
  rows,
  columns + rows - 1,
];

test('entry (i, c) is entry (i, c + rows − 1 − i), as a view, whatever the strides', () => {
  const cases = sizes.chain((size) => fc.tuple(fc.constant(size), drawn(shapeOf(size))));
  forAll(cases, ([{ leading, rows, columns }, description]) => {
    const x = tensorOf(description);
    const { liveBytes } = memoryStatistics();
    const result = relativeShift(x);
    assert.is(result.block, x.block);
    assert.is(memoryStatistics().liveBytes, liveBytes);
    const expected = loop([...leading, rows, columns], (index) => {
      const [i, c] = index.slice(-2);
      return at(x, [...index.slice(0, -1), c + rows - 1 - i]);
    });
    assertSame(result, expected);
  });
});

test('columns of distances, the largest first, become columns of keys: query i is at i, the last key at the last query', () => {
  forAll(sizes, ({ rows, columns }) => {
    // Keys before the first query stand before it; with fewer keys than queries the first queries lie before all keys.
    const before = columns - rows;
    const farthest = columns - 1;
    const distances = Array.from({ length: columns + rows - 1 }, (_, t) => farthest - t);
    const x = broadcastTo(fromArray(distances, [1, distances.length]), [rows, distances.length]);
    assertSame(
      relativeShift(x),
      loop([rows, columns], ([i, c]) => before + i - c),
    );
  });
});

test('gradients agree with central differences', () => {
  forAll(
    fc.tuple(sizes, fc.nat()),
    ([size, seed]) => checkGradients(relativeShift, [leafOf(shapeOf(size), seed)], { seed }),
    40,
  );
});

test('what cannot be shifted is refused by name', () => {
  expectThrows(ShapeError, 'x', () => relativeShift(zeros([2, 4, 3])));
  expectThrows(ShapeError, 'x', () => relativeShift(zeros([4])));
});

test.run();
